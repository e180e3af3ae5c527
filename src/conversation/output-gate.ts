import type { ChatEvent, ChatResult } from "../llm/chat-model.ts";
import { forbids, redacted, type StreamChecker, type Verdict } from "../moderation/verdict.ts";

export type GateEvent =
  /** The checked text so far: longer each time, safe to show. */
  | { type: "show"; text: string }
  /** The answer must not be shown, also not what was shown already; the upstream request is closed. Last event. */
  | { type: "withhold"; verdict: Verdict; withheldText: string }
  /** The whole, finally checked answer. Last event. */
  | { type: "end"; text: string; verdict: Verdict; result: ChatResult };

/**
 * Lets a streamed answer out only after it was checked (output gate). The tail that may still become
 * part of a hit stays behind until it is decided; spans that the policy redacts are masked. Leaving the loop, for whatever
 * reason, closes the upstream request.
 */
export async function* gate(
  answer: AsyncIterable<ChatEvent>,
  checker: StreamChecker,
): AsyncGenerator<GateEvent, void, undefined> {
  let text = "";
  let shownUnits = 0;
  for await (const event of answer) {
    if (event.type === "text") {
      text += event.text;
      const verdict = checker.push(event.text);
      if (forbids(verdict)) {
        yield { type: "withhold", verdict, withheldText: text };
        return;
      }
      const releasable = wholeCharacters(text, text.length - checker.holdBackUnits());
      if (releasable > shownUnits) {
        shownUnits = releasable;
        yield { type: "show", text: redacted(text, verdict).slice(0, releasable) };
      }
    } else {
      const verdict = await checker.finish();
      if (forbids(verdict)) yield { type: "withhold", verdict, withheldText: text };
      else yield { type: "end", text: redacted(text, verdict), verdict, result: event.result };
      return;
    }
  }
}

/** The largest end at or below `end` that does not cut a surrogate pair. */
function wholeCharacters(text: string, end: number): number {
  if (end <= 0) return 0;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
