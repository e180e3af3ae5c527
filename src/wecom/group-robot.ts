import { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { codeOf, YingdaError } from "../base/errors.ts";
import type { Events } from "../base/events.ts";
import type { Secret } from "../base/secret.ts";
import { failureOf, OK } from "./api-errors.ts";
import { cleanTextHard } from "./clean-text.ts";
import { DEFAULT_TIMEOUTS, exchangeJson, type Fetch, type Timeouts } from "./http-exchange.ts";
import { Pace } from "./pace.ts";
import { cutBytes } from "./text-split.ts";

/** UTF-8 bytes of a text (wecom-protocol 6). */
const TEXT_BYTES_MAX = 2048;
/** 5 at once and one more every 4 s: never more than the 20 a minute after which WeCom refuses (wecom-protocol 6). */
const PACE = { burst: 5, everyMs: 4_000, waitingMax: 15 };

export interface GroupRobotOptions {
  /** The robot's whole address, key included: whoever has it can post. */
  webhookUrl: Secret;
  events: Events;
  clock: Clock;
  fetch?: Fetch;
  timeouts?: Timeouts;
}

const answerSchema = z.object({ errcode: z.number().int(), errmsg: z.string().default("") });

/** A group's robot (消息推送): posts to one internal group, for alerts to operators (wecom-protocol 6). One for each key. */
export class GroupRobot {
  readonly #options: GroupRobotOptions;
  readonly #url: URL;
  readonly #pace: Pace;

  /** @throws YingdaError `bad_config` for an address that cannot be one. */
  constructor(options: GroupRobotOptions) {
    const url = URL.parse(options.webhookUrl.reveal());
    if (url === null || !/^https?:$/.test(url.protocol) || !url.searchParams.has("key")) {
      throw new YingdaError(
        "bad_config",
        "the group robot's address is a URL with its key, as WeCom shows it where the robot was made",
      );
    }
    this.#options = options;
    this.#url = url;
    this.#pace = new Pace({ ...PACE, clock: options.clock });
  }

  /**
   * Posts a text, cut to 2048 bytes, when its turn comes: at most 20 a minute from this process. Not repeated: WeCom has no
   * duplicate check here.
   * @throws YingdaError `wecom_rate_limited`, `wecom_unreachable`, `wecom_refused` (also for a key that is wrong).
   */
  async sendText(message: { content: string; mentions?: readonly string[]; signal: AbortSignal }): Promise<void> {
    const { content, mentions = [], signal } = message;
    const { clock, events } = this.#options;
    await this.#pace.take(signal);
    const text = { content: cutBytes(cleanTextHard(content), TEXT_BYTES_MAX), mentioned_list: mentions };
    const startedAtMs = clock.nowMs();
    let errcode: number | string = OK;
    try {
      const answer = answerSchema.safeParse(
        await exchangeJson({
          fetch: this.#options.fetch ?? globalThis.fetch,
          url: this.#url,
          body: JSON.stringify({ msgtype: "text", text }),
          timeouts: this.#options.timeouts ?? DEFAULT_TIMEOUTS,
          signal,
        }),
      );
      if (!answer.success) throw new YingdaError("wecom_refused", "the group robot gave an answer without errcode");
      errcode = answer.data.errcode;
      if (errcode !== OK) throw failureOf("webhook/send", answer.data.errcode, answer.data.errmsg).error;
    } catch (error) {
      if (errcode === OK) errcode = codeOf(error);
      throw error;
    } finally {
      events.wecomCalled({ call: "webhook/send", errcode, tookMs: clock.nowMs() - startedAtMs });
    }
  }
}
