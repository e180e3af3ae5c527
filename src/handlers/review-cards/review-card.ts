import { DECIDED_STATUSES } from "../../review/case-moves.ts";
import type { CaseView, Decision } from "../../review/case-reader.ts";
import { SYSTEM } from "../../review/case-rows.ts";
import { type ButtonCard, fit } from "../../wecom/template-card.ts";
import { type CardMove, keyOf } from "./card-keys.ts";
import { type CardParts, consoleUrl } from "./card-parts.ts";
import { actionInWords, age, BUTTONS, CARD_TEXTS, categoriesInWords, moment, RESOLVED } from "./card-words.ts";

/** Of the masked text: what a lock screen may show, and enough to know what it is about. */
const EXCERPT_CHARACTERS_MAX = 100;
/** A name that fills the line would push out what its bearer decided. */
const NAME_CHARACTERS_MAX = 10;

export interface DrawnCard {
  card: ButtonCard;
  /** Of the case on it. */
  version: number;
  /** Whether it can be decided on. */
  open: boolean;
  /** Where the case stands, in a few words; null: untouched. */
  standing: string | null;
}

/** The face of a case's card as things stand now. Throws `not_found`, `record_store_unavailable`. */
export async function drawCard(
  { caseNumber, taskId }: { caseNumber: string; taskId: string },
  parts: Pick<CardParts, "cases" | "nameOf" | "publicUrl" | "clock">,
  signal: AbortSignal,
): Promise<DrawnCard> {
  const view = await parts.cases.get(caseNumber);
  const names = new Map<string, string>();
  for (const userId of peopleOn(view)) {
    if (!names.has(userId)) names.set(userId, fit(await parts.nameOf(userId, signal), NAME_CHARACTERS_MAX));
  }
  const name = (userId: string | null) => names.get(userId ?? "") ?? userId ?? "";
  return faceOf(view, {
    taskId,
    name,
    url: consoleUrl(parts.publicUrl, `cases/${caseNumber}`),
    nowMs: parts.clock.nowMs(),
  });
}

function peopleOn(view: CaseView): string[] {
  const people = [view.userId, view.decidedBy, view.assignee, view.pendingBy, lastEscalation(view)?.by];
  return people.filter((userId) => userId !== null && userId !== undefined && userId !== SYSTEM) as string[];
}

interface Facts {
  taskId: string;
  name: (userId: string | null) => string;
  url: string | null;
  nowMs: number;
}

/** Pure. */
export function faceOf(view: CaseView, { taskId, name, url, nowMs }: Facts): DrawnCard {
  const open = !DECIDED_STATUSES.includes(view.status);
  const decided = view.resolution === null ? CARD_TEXTS.closed : RESOLVED[view.resolution];
  const standing = open
    ? standingOf(view, name, nowMs)
    : `${decided} · ${whoAndWhen(view.decidedBy, view.decidedAtMs, name)}`;
  const moves: CardMove[] = ["dismiss", "confirm"];
  if (!escalatedByPerson(view)) moves.push("escalate");
  const card: ButtonCard = {
    taskId,
    source: { text: CARD_TEXTS.source, colour: open && view.severity === "P0" ? "red" : "grey" },
    title: open ? `${view.severity} 待审 ${view.caseNumber}` : `${decided} ${view.caseNumber}`,
    subtitle: `${categoriesInWords(view.categories)} · ${actionInWords(view.action)}`,
    text: excerptOf(view),
    facts: [
      { name: "成员", value: name(view.userId), userId: view.userId },
      { name: "场合", value: view.groupId === null ? "单聊" : "群聊" },
      { name: "时间", value: `${age(view.firstRaisedAtMs, nowMs)} · ${moment(view.firstRaisedAtMs)}` },
      ...(view.flagCount > 1 ? [{ name: "条数", value: `本案共 ${view.flagCount} 条` }] : []),
      ...(standing === null ? [] : [{ name: open ? "进展" : "结论", value: standing }]),
    ],
    links: url === null ? [] : [{ title: CARD_TEXTS.openConsole, url }],
    // A card of this kind has to have buttons (wecom-protocol 7.1), also where `replaceText` stands in their place.
    buttons: moves.map((move, index) => ({
      text: BUTTONS[move],
      key: keyOf(move, view.version),
      style: index === 0 ? 1 : 2,
    })),
    ...(open ? {} : { replaceText: decided }),
  };
  return { card, version: view.version, open, standing };
}

function excerptOf(view: CaseView): string {
  const flag = view.flags.find(({ caseNumber }) => caseNumber === view.gravestFlag) ?? view.flags[0];
  const text = fit(flag?.textMasked ?? "", EXCERPT_CHARACTERS_MAX);
  if (text === "") return CARD_TEXTS.textGone;
  return `${flag?.direction === "answer" ? "回答" : "提问"}：${text}`;
}

/** What a second reviewer has to know before deciding; null when nobody did anything yet. */
function standingOf(view: CaseView, name: Facts["name"], nowMs: number): string | null {
  if (view.pendingResolution !== null) {
    return `${name(view.pendingBy)}：${RESOLVED[view.pendingResolution].replace(/^已/, "")}，待第二人`;
  }
  if (view.assignee !== null && (view.claimUntilMs ?? 0) >= nowMs) return `${name(view.assignee)} 处理中`;
  switch (view.status) {
    case "escalated": {
      const last = lastEscalation(view);
      if (last === null || last.by === SYSTEM) return "超时，已自动升级";
      return `已升级 · ${whoAndWhen(last.by, last.atMs, name)}`;
    }
    case "appealed":
      return "成员申诉中";
    case "snoozed":
      return "稍后处理";
    default:
      return null;
  }
}

function whoAndWhen(by: string | null, atMs: number | null, name: Facts["name"]): string {
  return [by === null || by === SYSTEM ? "" : name(by), atMs === null ? "" : moment(atMs)].filter(Boolean).join(" ");
}

function lastEscalation(view: CaseView): Decision | null {
  return view.status === "escalated" ? (view.decisions.findLast(({ move }) => move === "escalate") ?? null) : null;
}

/** Once more would say nothing new; what overdue cases do by themselves is no answer to them. */
function escalatedByPerson(view: CaseView): boolean {
  const last = lastEscalation(view);
  return last !== null && last.by !== SYSTEM;
}
