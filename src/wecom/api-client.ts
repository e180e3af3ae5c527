import { z } from "zod";
import { YingdaError } from "../base/errors.ts";
import { type Answer, ApiCaller, type ApiCallerOptions, type Call } from "./api-caller.ts";
import { MEDIA_ID_OVER, MEDIA_OVER_20_MB, UNICODE_ESCAPE } from "./api-errors.ts";
import type { GivenCard } from "./card-schema.ts";
import { cleanText, cleanTextHard } from "./clean-text.ts";
import type { MediaFile } from "./http-exchange.ts";
import { mediaGone, mediaTooLarge } from "./media-errors.ts";
import { appCardBody, appGivenCardBody, appImageBody, appTextBody, cardUpdateBody } from "./payloads.ts";
import type { ButtonCard } from "./template-card.ts";
import { imageName, type UploadedImage } from "./uploaded-image.ts";

export interface WeComApiOptions extends ApiCallerOptions {
  /** Digits, as the console shows it. */
  agentId: string;
}

export interface WeComUser {
  userId: string;
  name: string;
  departments: number[];
  /** Null where WeCom does not say. */
  mainDepartment: number | null;
  position: string;
  alias: string;
  /** 1 active, 2 disabled, 4 not activated, 5 left. */
  status: number;
}

/** One member; never `@all`, never several joined by a bar (wecom-protocol 3.2, 3.7). */
export const USER_ID_SHAPE = /^[A-Za-z0-9_][A-Za-z0-9_\-@.]{0,63}$/;

const sentSchema = z.object({
  msgid: z.string().min(1).nullable().default(null).catch(null),
  /** Of a card that can be pressed: changes it once within 72 h. */
  response_code: z.string().min(1).nullable().default(null).catch(null),
  invaliduser: z.string().default("").catch(""),
  unlicenseduser: z.string().default("").catch(""),
});
/** Made by the caller itself, from an answer that was a file. */
const fileSchema = z.object({ file: z.object({ bytes: z.instanceof(Buffer), fileName: z.string().nullable() }) });
const uploadedSchema = z.object({ media_id: z.string().min(1) });
/** Whoever is no member has an openid instead. */
const loginSchema = z.object({ userid: z.string().max(200).default("") });
const userSchema = z.object({
  userid: z.string(),
  name: z.string().default(""),
  department: z.array(z.number()).default([]),
  main_department: z.number().nullable().default(null),
  position: z.string().default(""),
  alias: z.string().default(""),
  status: z.number().default(1),
});

/**
 * The active API of one self-built app (wecom-protocol 3). Every method takes the caller's deadline as `signal`, repeats
 * once with a new token, waits a little (three tries) while WeCom is busy, and throws YingdaErrors by errcode:
 * `wecom_unreachable` and `wecom_rate_limited` are retryable, `wecom_recipient`, `wecom_refused`, `wecom_credentials` and
 * `wecom_ip_not_allowed` as a rule not. What a person must mend raises one alert per cause and hour.
 */
export class WeComApi {
  readonly #agentId: number;
  readonly #caller: ApiCaller;

  /** @throws YingdaError `bad_config` for a base URL or agent id that cannot be one. */
  constructor({ agentId, ...options }: WeComApiOptions) {
    if (!/^[0-9]{1,15}$/.test(agentId)) {
      throw new YingdaError("bad_config", "WECOM_APP_AGENT_ID is a number such as 1000002");
    }
    this.#agentId = Number(agentId);
    this.#caller = new ApiCaller(options);
  }

  /**
   * Sends one member a text of at most 2048 bytes (wecom-protocol 3.2). Success means accepted: beyond 30 a minute or
   * 1000 an hour to one member WeCom drops silently (3.3).
   * The same arguments give the same request bytes: with `duplicateCheckSeconds` (at most 4 h) WeCom delivers them once in
   * that time, and only then is a try of unknown outcome (a time-out) repeated here.
   * @throws YingdaError `wecom_recipient` also when WeCom took the call and skipped the member.
   */
  async sendText(message: {
    toUser: string;
    content: string;
    duplicateCheckSeconds?: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ msgId: string | null }> {
    const { toUser, duplicateCheckSeconds, signal, traceId } = message;
    if (!USER_ID_SHAPE.test(toUser)) throw new YingdaError("wecom_recipient", "the receiver is not one userid");
    const call: Omit<Call, "body"> = {
      name: "message/send",
      path: "/cgi-bin/message/send",
      query: {},
      repeatable: duplicateCheckSeconds !== undefined,
      signal,
      traceId,
    };
    const bodyOf = (content: string) => appTextBody({ toUser, agentId: this.#agentId, content, duplicateCheckSeconds });
    const content = cleanText(message.content);
    let answer = await this.#caller.ask({ ...call, body: bodyOf(content) });
    const cleaned = cleanTextHard(content);
    if (answer.errcode === UNICODE_ESCAPE && cleaned !== content) {
      answer = await this.#caller.ask({ ...call, body: bodyOf(cleaned) });
    }
    return { msgId: this.#sentToOne(call.name, answer) };
  }

  /**
   * Uploads a JPEG or PNG of at most 10 MB and resolves with its media_id, good for three days (wecom-protocol 3.5). A try of
   * unknown outcome is repeated: an upload that nobody sends is seen by nobody.
   */
  async uploadImage(
    { mimeType, base64 }: UploadedImage,
    { signal, traceId }: { signal: AbortSignal; traceId: string },
  ): Promise<string> {
    const name = "media/upload";
    const file = new Blob([Buffer.from(base64, "base64")], { type: mimeType });
    const body = new FormData();
    body.set("media", file, imageName(mimeType));
    const query = { type: "image" };
    const call = { name, path: "/cgi-bin/media/upload", query, body, repeatable: true, signal, traceId };
    return this.#caller.read(name, await this.#caller.ask(call), uploadedSchema).media_id;
  }

  /** `sendText` for a picture that was uploaded before. */
  async sendImage(message: {
    toUser: string;
    mediaId: string;
    duplicateCheckSeconds: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ msgId: string | null }> {
    const { toUser, mediaId, duplicateCheckSeconds, signal, traceId } = message;
    if (!USER_ID_SHAPE.test(toUser)) throw new YingdaError("wecom_recipient", "the receiver is not one userid");
    const name = "message/send";
    const body = appImageBody({ toUser, agentId: this.#agentId, mediaId, duplicateCheckSeconds });
    const call = { name, path: "/cgi-bin/message/send", query: {}, body, repeatable: true, signal, traceId };
    return { msgId: this.#sentToOne(name, await this.#caller.ask(call)) };
  }

  /** `sendText` for a card as another system made it (wecom-protocol 7); `taskId` makes it one of a kind. */
  async sendGivenCard(message: {
    toUser: string;
    card: GivenCard;
    taskId: string;
    duplicateCheckSeconds: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ msgId: string | null }> {
    const { toUser, card, taskId, duplicateCheckSeconds, signal, traceId } = message;
    if (!USER_ID_SHAPE.test(toUser)) throw new YingdaError("wecom_recipient", "the receiver is not one userid");
    const name = "message/send";
    const body = appGivenCardBody({ toUser, agentId: this.#agentId, card, taskId, duplicateCheckSeconds });
    const call = { name, path: "/cgi-bin/message/send", query: {}, body, repeatable: true, signal, traceId };
    return { msgId: this.#sentToOne(name, await this.#caller.ask(call)) };
  }

  /**
   * Sends up to 1000 members one card (wecom-protocol 7.3), the same for all, so that one code changes it for all. Otherwise
   * as `sendText`, but members whom WeCom skips are only named: the others have it.
   */
  async sendCard(message: {
    toUsers: readonly string[];
    card: ButtonCard;
    duplicateCheckSeconds?: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ responseCode: string | null; skipped: string[] }> {
    const { toUsers, card, duplicateCheckSeconds } = message;
    const toUser = joined(toUsers);
    const body = appCardBody({ toUser, agentId: this.#agentId, card, duplicateCheckSeconds });
    return this.#sendToMany(body, message);
  }

  /** `sendCard` for a text of at most 2048 bytes. */
  async sendNotice(message: {
    toUsers: readonly string[];
    content: string;
    duplicateCheckSeconds?: number;
    signal: AbortSignal;
    traceId: string;
  }): Promise<{ skipped: string[] }> {
    const { toUsers, duplicateCheckSeconds } = message;
    const content = cleanTextHard(message.content);
    const body = appTextBody({ toUser: joined(toUsers), agentId: this.#agentId, content, duplicateCheckSeconds });
    return this.#sendToMany(body, message);
  }

  /**
   * Gives a card another face, for everybody who has it (wecom-protocol 3.4). The code is that of the send or of a click, and
   * good once within 72 h: one that is over gives `wecom_refused`, and so a try of unknown outcome is not repeated.
   */
  async updateCard(update: { responseCode: string; card: ButtonCard; signal: AbortSignal }): Promise<void> {
    const { responseCode, card, signal } = update;
    const name = "message/update_template_card";
    const body = cardUpdateBody({ agentId: this.#agentId, responseCode, card });
    const call = { name, path: "/cgi-bin/message/update_template_card", query: {}, body, repeatable: false, signal };
    this.#caller.read(name, await this.#caller.ask(call), z.object({}));
  }

  /**
   * Takes a message of the app back, within 24 hours of sending; it then is gone in WeCom, not in the WeChat plugin
   * (wecom-protocol 3.4). One that is gone already, or too old, gives `wecom_refused`.
   */
  async recallMessage(msgId: string, signal: AbortSignal): Promise<void> {
    const name = "message/recall";
    const body = JSON.stringify({ msgid: msgId });
    const answer = await this.#caller.ask({
      name,
      path: "/cgi-bin/message/recall",
      query: {},
      body,
      repeatable: true,
      signal,
    });
    this.#caller.read(name, answer, z.object({}));
  }

  /** Reads a member in the app's visible range (wecom-protocol 3.7); others give `wecom_recipient` or `wecom_refused`. */
  async getUser(userId: string, signal: AbortSignal): Promise<WeComUser> {
    if (!USER_ID_SHAPE.test(userId)) throw new YingdaError("wecom_recipient", "not a userid");
    const name = "user/get";
    const query = { userid: userId };
    const answer = await this.#caller.ask({ name, path: "/cgi-bin/user/get", query, repeatable: true, signal });
    const user = this.#caller.read(name, answer, userSchema);
    return {
      userId: user.userid,
      name: user.name,
      departments: user.department,
      mainDepartment: user.main_department,
      position: user.position,
      alias: user.alias,
      status: user.status,
    };
  }

  /**
   * Who came back from a login at WeCom with this code (wecom-protocol 8.2), once: a second time gives `wecom_refused` with
   * errcode 40029, so a try of unknown outcome is not repeated. Null for whoever is no member. A member outside the app's
   * visible range is named too: what they may do is the caller's to say.
   */
  async getLoginUserId(code: string, signal: AbortSignal): Promise<string | null> {
    const name = "auth/getuserinfo";
    const call = { name, path: "/cgi-bin/auth/getuserinfo", query: { code }, repeatable: false, signal };
    const { userid } = this.#caller.read(name, await this.#caller.ask(call), loginSchema);
    return userid === "" ? null : userid;
  }

  /**
   * Fetches what a member sent to the app, at most `bytesMax` bytes (wecom-protocol 3.5): pictures as they are, voice as AMR.
   * Nothing is encrypted here. At most 20 MB: larger files WeCom gives in parts only.
   * @throws YingdaError `media_gone` for an id older than three days, `media_too_large`, and as all calls do.
   */
  async getMedia(
    mediaId: string,
    { bytesMax, signal, traceId }: { bytesMax: number; signal: AbortSignal; traceId: string },
  ): Promise<MediaFile> {
    const name = "media/get";
    const query = { media_id: mediaId };
    const call = { name, path: "/cgi-bin/media/get", query, repeatable: true, fileBytesMax: bytesMax, signal, traceId };
    const answer = await this.#caller.ask(call);
    if (answer.errcode === MEDIA_ID_OVER) throw mediaGone({ errcode: answer.errcode });
    if (answer.errcode === MEDIA_OVER_20_MB) throw mediaTooLarge(bytesMax);
    return this.#caller.read(name, answer, fileSchema).file;
  }

  #sentToOne(name: string, answer: Answer): string | null {
    const sent = this.#caller.read(name, answer, sentSchema);
    if (sent.invaliduser !== "" || sent.unlicenseduser !== "") {
      const why = "WeCom skipped the member: outside the app's visible range, or no licence";
      throw new YingdaError("wecom_recipient", why, { details: { unlicensed: sent.unlicenseduser !== "" } });
    }
    return sent.msgid;
  }

  async #sendToMany(
    body: string,
    {
      duplicateCheckSeconds,
      signal,
      traceId,
    }: { duplicateCheckSeconds?: number; signal: AbortSignal; traceId: string },
  ): Promise<{ responseCode: string | null; skipped: string[] }> {
    const name = "message/send";
    const repeatable = duplicateCheckSeconds !== undefined;
    const call = { name, path: "/cgi-bin/message/send", query: {}, body, repeatable, signal, traceId };
    const sent = this.#caller.read(name, await this.#caller.ask(call), sentSchema);
    const skipped = [sent.invaliduser, sent.unlicenseduser].flatMap((users) => users.split("|")).filter(Boolean);
    return { responseCode: sent.response_code, skipped };
  }
}

/** Receivers of one message (wecom-protocol 3.2). */
const RECEIVERS_MAX = 1000;

function joined(userIds: readonly string[]): string {
  const unique = [...new Set(userIds)];
  if (unique.length < 1 || unique.length > RECEIVERS_MAX || !unique.every((userId) => USER_ID_SHAPE.test(userId))) {
    throw new YingdaError("wecom_recipient", `the receivers are not 1 to ${RECEIVERS_MAX} userids`);
  }
  return unique.join("|");
}
