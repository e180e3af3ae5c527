import { randomBytes } from "node:crypto";
import type { Faults } from "./api-faults.ts";
import { readRequest } from "./api-request.ts";
import { BoundedLog, BoundedMap } from "./bounded-log.ts";
import { cardBreaches } from "./card-rules.ts";
import { cardFault, cardText, withButtonsReplaced } from "./cards.ts";
import { type Directory, isReachable } from "./directory.ts";
import { Refusal } from "./errcodes.ts";
import type { Inboxes } from "./inboxes.ts";
import type { Journal } from "./journal.ts";
import type { MediaStore } from "./media-store.ts";
import { type AppPayload, readAppPayload } from "./message-payload.ts";
import type { AppMessage, Member, PlatformLimits, SendRecord } from "./platform-types.ts";
import { DuplicateCheck, MemberWindows } from "./send-window.ts";
import { type JsonObject, listOr, objectOr, stringOr } from "./values.ts";

const RECEIVERS_MAX = 1_000;
const RESPONSE_CODE_LIFE_MS = 72 * 3_600_000;
const RECALL_WITHIN_MS = 24 * 3_600_000;
const RESPONSE_CODES_MAX = 10_000;
const TASK_IDS_MAX = 10_000;

interface Receivers {
  members: Member[];
  fields: { invaliduser?: string; invalidparty?: string; invalidtag?: string };
}

interface ResponseCode {
  msgid: string;
  expiresAtMs: number;
}

export interface MessageApiParts {
  agentId: number;
  foreignAgentIds: number[];
  directory: Directory;
  inboxes: Inboxes;
  media: MediaStore;
  journal: Journal;
  faults: Faults;
  limits: PlatformLimits;
  nowMs: () => number;
}

/** `message/send`, `message/update_template_card`, `message/recall` (wecom-protocol 3.2 to 3.4). */
export class MessageApi {
  readonly sends: BoundedLog<SendRecord>;
  readonly #parts: MessageApiParts;
  readonly #windows: MemberWindows;
  readonly #duplicates = new DuplicateCheck();
  readonly #responseCodes = new BoundedMap<string, ResponseCode>(RESPONSE_CODES_MAX);
  /** Of cards that were sent: an app uses each once (7.1). */
  readonly #taskIds = new BoundedMap<string, true>(TASK_IDS_MAX);

  constructor(parts: MessageApiParts) {
    this.#parts = parts;
    this.sends = new BoundedLog(parts.limits.historyMax);
    this.#windows = new MemberWindows(parts.limits.memberPerMinute, parts.limits.memberPerHour);
  }

  /** Success means accepted, not delivered: what really happened stands in `sends`. */
  send(body: Buffer): JsonObject {
    const request = readRequest(body);
    this.#checkAgent(request.agentid);
    const payload = readAppPayload(request, (mediaId) => this.#parts.media.get(mediaId) !== undefined);
    const { members, fields } = this.#receivers(request);
    if (members.length === 0) throw new Refusal(81013, fields);
    if (payload.cut !== undefined) {
      const { sentBytes, shownBytes } = payload.cut;
      this.#parts.journal.violate("app", "text_cut", `a text of ${sentBytes} bytes was cut to ${shownBytes}`);
    }
    const msgid = randomBytes(32).toString("base64url");
    const nowMs = this.#parts.nowMs();
    const record: SendRecord = {
      msgid,
      atMs: nowMs,
      msgtype: payload.msgtype,
      delivered: [],
      dropped: [],
      duplicate: false,
    };
    const interval = request.duplicate_check_interval;
    const checked = request.enable_duplicate_check === 1;
    if (checked && this.#duplicates.isRepeat(body, typeof interval === "number" ? interval : undefined, nowMs)) {
      record.duplicate = true;
    } else {
      this.#judgeCard(payload);
      for (const member of members) this.#deliver(member, payload, record);
    }
    this.sends.push(record);
    this.#parts.journal.changed("sends");
    const clickable = payload.msgtype === "template_card" && stringOr(payload.content.task_id) !== "";
    return { ...fields, msgid, ...(clickable ? { response_code: this.issueResponseCode(msgid) } : {}) };
  }

  /** A code that changes the cards of one send, usable once within 72 h; also given with every click. */
  issueResponseCode(msgid: string): string {
    const code = randomBytes(24).toString("base64url");
    this.#responseCodes.set(code, { msgid, expiresAtMs: this.#parts.nowMs() + RESPONSE_CODE_LIFE_MS });
    return code;
  }

  updateTemplateCard(body: Buffer): JsonObject {
    const request = readRequest(body);
    this.#checkAgent(request.agentid);
    const userIds = listOr(request.userids).map((userId) => stringOr(userId).toLowerCase());
    const atAll = request.atall === 1;
    if (userIds.length === 0 && !atAll) throw new Refusal(40035);
    const replaceName = stringOr(objectOr(request.button).replace_name);
    const card = request.template_card;
    if (replaceName === "" && cardFault(card) !== undefined) throw new Refusal(40035);
    const code = stringOr(request.response_code);
    const issued = this.#responseCodes.get(code);
    // Which errcode an unknown or used code gets is not documented: the nearest is "bad parameter".
    if (issued === undefined || issued.expiresAtMs <= this.#parts.nowMs()) throw new Refusal(40035);
    this.#responseCodes.delete(code);
    const next = replaceName === "" ? objectOr(card) : undefined;
    if (next !== undefined) this.#violate(cardBreaches(next, { update: true }));
    const shown = this.#parts.inboxes.ofSend(issued.msgid);
    for (const message of shown) {
      if (!atAll && !userIds.includes(message.userId.toLowerCase())) continue;
      this.showCard(message, next ?? withButtonsReplaced(message.content, replaceName));
    }
    return { invaliduser: userIds.filter((userId) => this.#parts.directory.find(userId) === undefined) };
  }

  /** Puts another card into a message, after an update or a passive reply. */
  showCard(message: AppMessage, card: JsonObject): void {
    const replaceText = stringOr(card.replace_text);
    const shown = replaceText === "" ? card : withButtonsReplaced(card, replaceText);
    this.#parts.inboxes.changeCard(message, shown, cardText(shown));
  }

  #judgeCard({ msgtype, content }: AppPayload): void {
    if (msgtype !== "template_card") return;
    this.#violate(cardBreaches(content, { update: false }));
    const taskId = stringOr(content.task_id);
    if (taskId === "") return;
    if (this.#taskIds.get(taskId) !== undefined) this.#violate(["a card's task_id was used before"]);
    this.#taskIds.set(taskId, true);
  }

  #violate(details: string[]): void {
    for (const detail of details) this.#parts.journal.violate("app", "card_wrong", detail);
  }

  recall(body: Buffer): JsonObject {
    const msgid = stringOr(readRequest(body).msgid);
    const sent = this.#parts.inboxes.ofSend(msgid)[0];
    if (sent !== undefined && this.#parts.nowMs() - sent.atMs > RECALL_WITHIN_MS) throw new Refusal(40035);
    const known = this.sends.findLast((record) => record.msgid === msgid) !== undefined;
    if (!this.#parts.inboxes.recall(msgid) && !known) throw new Refusal(40035);
    return {};
  }

  #deliver(member: Member, payload: AppPayload, record: SendRecord): void {
    const fate = this.#parts.faults.standing.dropSends ? "on_demand" : this.#windows.take(member.userId, record.atMs);
    if (fate !== "ok") {
      record.dropped.push({ userId: member.userId, why: fate });
      return;
    }
    record.delivered.push(member.userId);
    this.#parts.inboxes.deliver({
      ...payload,
      id: record.msgid,
      userId: member.userId,
      via: "send",
      recalled: false,
      atMs: record.atMs,
    });
  }

  #checkAgent(agentId: unknown): void {
    if (agentId === this.#parts.agentId) return;
    const foreign = typeof agentId === "number" && this.#parts.foreignAgentIds.includes(agentId);
    throw new Refusal(foreign ? 301002 : 40056);
  }

  #receivers(request: JsonObject): Receivers {
    const users = stringOr(request.touser);
    const parties = stringOr(request.toparty);
    const tags = stringOr(request.totag);
    if (users === "" && parties === "" && tags === "") throw new Refusal(40035);
    if (users === "@all") return { members: this.#parts.directory.reachable(), fields: {} };
    const userIds = split(users);
    if (userIds.length > RECEIVERS_MAX) throw new Refusal(40032);
    const members = new Map<string, Member>();
    const invalidUsers: string[] = [];
    for (const userId of userIds) {
      const member = this.#parts.directory.find(userId);
      if (member !== undefined && isReachable(member)) members.set(member.userId, member);
      // A userid comes back in lower case, whatever was sent (wecom-protocol 3.2).
      else invalidUsers.push(userId.toLowerCase());
    }
    const invalidParties: string[] = [];
    for (const party of split(parties)) {
      const inParty = this.#parts.directory.reachable().filter((m) => (m.departments ?? [1]).includes(Number(party)));
      for (const member of inParty) members.set(member.userId, member);
      if (inParty.length === 0) invalidParties.push(party);
    }
    return {
      members: [...members.values()],
      fields: {
        ...(invalidUsers.length === 0 ? {} : { invaliduser: invalidUsers.join("|") }),
        ...(invalidParties.length === 0 ? {} : { invalidparty: invalidParties.join("|") }),
        // The simulator's corp has no tags, so every tag is invalid.
        ...(tags === "" ? {} : { invalidtag: tags }),
      },
    };
  }
}

function split(bars: string): string[] {
  return bars.split("|").filter((part) => part !== "");
}
