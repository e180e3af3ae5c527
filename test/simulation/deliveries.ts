import { TEXTS } from "../../src/conversation/texts.ts";
import { STREAM_LIFE_MS } from "../../src/session/snapshots.ts";
import type { Effect } from "./history.ts";
import { labelOf, labelsIn } from "./simulated-model.ts";
import type { Findings, Turn } from "./turns.ts";
import { START_MS } from "./virtual-time.ts";

/** Polls finish a bubble by themselves so long after its life (src/handlers/bot-callback.ts). */
const EXPIRY_GRACE_MS = 5_000;
const LATER = [TEXTS.zh.laterAsNewMessage, TEXTS.en.laterAsNewMessage];
const CONTINUED = [TEXTS.zh.continued, TEXTS.en.continued];
const CUT = [TEXTS.zh.cutAtLimit, TEXTS.en.cutAtLimit];

/** The person got the whole answer, once, in order, and nobody else's. */
export function checkDelivery(turn: Turn, findings: Findings): void {
  const { message, record, effects } = turn;
  const own = labelOf(message);
  for (const { kind, content } of effects) {
    const foreign = labelsIn(content).filter((label) => label !== own);
    if (foreign.length > 0) findings.violation("own answer", message, `${kind} shows text of ${foreign.join(" ")}`);
  }
  const got = message.reply.kind === "app" ? pushed(turn) : shown(turn, findings);
  const answer = squeezed(record.answer);
  if (got === null) return;
  const text = squeezed(got.text);
  if (turn.undelivered) {
    if (!answer.startsWith(text))
      findings.violation("whole answer", message, "parts of it came doubled or out of order");
    const usedUp = message.reply.kind === "bot" && record.errorCode === "wecom_refused";
    if (text === answer && usedUp)
      findings.violation("whole answer", message, "its own arrival was taken for a refusal");
    else if (text === answer) findings.window("an answer arrived that counts as undelivered");
    return;
  }
  if (got.cut ? !(text !== "" && answer.startsWith(text)) : text !== answer) {
    const what = `the person got ${text.length} of ${answer.length} characters, or others`;
    findings.violation("whole answer", message, what);
  }
}

interface Got {
  text: string;
  /** It says itself that it ends before the answer does. */
  cut: boolean;
}

/** What arrived in the app's chat. */
function pushed({ effects }: Turn): Got {
  const pushes = effects.filter(({ kind }) => kind === "push");
  return { text: pushes.map(({ content }) => content).join(""), cut: false };
}

/** What stood in the bubble at the end, and what came after it by `response_url`. */
function shown(turn: Turn, findings: Findings): Got | null {
  const { message, effects } = turn;
  const finished = checkSnapshots(turn, findings);
  const responses = effects.filter(({ kind }) => kind === "response_url");
  if (responses.length > 1) findings.violation("once", message, "two messages by response_url");
  if (finished === null) return null;
  const response = ending(responses[0]?.content ?? "", CUT);
  const later = ending(finished.content, LATER);
  const goneAtMs = message.receivedAtMs + STREAM_LIFE_MS + EXPIRY_GRACE_MS - START_MS;
  if (!later.found && finished.atMs >= goneAtMs) {
    findings.violation("whole answer", message, "it was written into a bubble that nobody reads any more");
  }
  if (later.found) {
    checkPartial(turn, later.text, findings);
    return { text: response.text, cut: response.found };
  }
  const continued = ending(finished.content, CONTINUED);
  if (continued.found) return { text: continued.text + response.text, cut: response.found };
  if (responses.length > 0 && !turn.undelivered) {
    findings.violation("once", message, "the answer came in the bubble and once more as a message");
  }
  const cut = ending(finished.content, CUT);
  return { text: cut.text, cut: cut.found };
}

/** A bubble never blanks, is finished once, and then stays as it is. Returns how it was finished. */
function checkSnapshots({ message, effects }: Turn, findings: Findings): Effect | null {
  let before = "";
  let finished: Effect | null = null;
  for (const effect of effects) {
    if (effect.kind !== "show") continue;
    if (before !== "" && effect.content === "") findings.violation("bubble", message, "text was followed by nothing");
    if (finished !== null && (effect.content !== finished.content || !effect.finished)) {
      findings.violation("bubble", message, "a finished bubble changed");
    }
    before = effect.content;
    if (effect.finished) finished ??= effect;
  }
  if (finished === null) findings.violation("bubble", message, "it was never finished");
  return finished;
}

/** What a late bubble still shows is the beginning of something that the model said. */
function checkPartial({ message, generations }: Turn, text: string, findings: Findings): void {
  if (text.trim() === "" || generations.some((generation) => generation.text.startsWith(text.trimEnd()))) return;
  findings.violation("bubble", message, "it was finished with a text that nobody made");
}

function ending(text: string, notices: readonly string[]): { found: boolean; text: string } {
  const notice = notices.find((one) => text.endsWith(one));
  return notice === undefined ? { found: false, text } : { found: true, text: text.slice(0, -notice.length) };
}

/** Parts are cut at white space, and marks are invisible: neither counts. */
function squeezed(text: string): string {
  return text.replace(/[\s\u200b\u200c]+/g, "");
}
