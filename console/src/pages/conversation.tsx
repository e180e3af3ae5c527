import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { CaseDetail, CaseTurn } from "../logic/api-types.ts";
import { EvidenceText } from "../parts/evidence-text.tsx";
import { Icon } from "../parts/icon.tsx";
import { CategoryTags } from "../parts/tags.tsx";
import { At } from "../parts/time.tsx";
import { isRaw, shownTurns, showRaw } from "../state/open-case.ts";
import { nameOf, t } from "../words/words.ts";

/** The conversation as it was judged: the flagged bubbles framed, what stands around them quieter. */
export function Conversation({ detail }: { detail: CaseDetail }) {
  const box = useRef<HTMLElement>(null);
  const turns = shownTurns.value;
  useEffect(() => {
    box.current?.querySelector(".bubble.flagged")?.scrollIntoView({ block: "center" });
  }, [detail.caseNumber]);
  return (
    <section class="conversation" ref={box} aria-label={t("conversation")} data-testid="conversation">
      {isRaw.value && (
        <p class="raw-band" role="status" data-testid="raw-band">
          <Icon name="eye" />
          <span>{t("rawShown")}</span>
          <button type="button" class="link-button" onClick={() => (showRaw.value = false)}>
            {t("maskAgain")}
          </button>
        </p>
      )}
      {turns.length === 0 && <p class="soft centred">{t("noTexts")}</p>}
      <ol class="turns">
        {turns.map((turn) => (
          <Turn
            key={turn.turnId}
            turn={turn}
            name={isSame(turn.userId, detail.userId) ? detail.userName : turn.userId}
          />
        ))}
      </ol>
    </section>
  );
}

/** WeCom treats userids without regard to case. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export function Turn({ turn, name }: { turn: CaseTurn; name: string }) {
  const asked = turn.flags.filter((flag) => flag.direction !== "answer");
  const answered = turn.flags.filter((flag) => flag.direction === "answer");
  return (
    <li class="turn">
      <p class="turn-head">
        <At ms={turn.atMs} />
        <span>{nameOf("outcome", turn.outcome)}</span>
        {turn.model !== null && <span class="mono">{turn.model}</span>}
        <span class="mono trace" title={t("traceId")}>
          {turn.traceId.slice(0, 8)}
        </span>
      </p>
      {asked.length === 0 && (
        <Bubble from="member" who={name}>
          <PlainText text={turn.question} />
        </Bubble>
      )}
      {asked.map((flag) => (
        <FlagBubble key={`${flag.caseNumber} q`} flag={flag} from="member" who={name} />
      ))}
      {answered.map((flag) => (
        <FlagBubble key={`${flag.caseNumber} a`} flag={flag} from="bot" who={t("bot")}>
          {turn.outcome === "withheld" && <p class="cut">{t("withheldHere")}</p>}
        </FlagBubble>
      ))}
      {turn.answer !== "" && (answered.length === 0 || turn.outcome === "withheld") && (
        <Bubble from="bot" who={answered.length === 0 ? t("bot") : t("memberSaw")}>
          <PlainText text={turn.answer} />
        </Bubble>
      )}
    </li>
  );
}

interface FlagBubbleProps {
  flag: CaseTurn["flags"][number];
  from: "member" | "bot";
  who: string;
  children?: ComponentChildren;
}

function FlagBubble({ flag, from, who, children }: FlagBubbleProps) {
  return (
    <Bubble from={from} who={who} flagged>
      <p class="flag-head">
        <CategoryTags categories={flag.categories} />
        <span>{nameOf("action", flag.action)}</span>
      </p>
      <EvidenceText text={flag.text} signals={flag.signals} />
      {children}
    </Bubble>
  );
}

function Bubble(props: { from: "member" | "bot"; who: string; flagged?: boolean; children: ComponentChildren }) {
  const { from, who, flagged = false, children } = props;
  return (
    <div class={`bubble ${from}${flagged ? " flagged" : ""}`} data-testid={flagged ? "flagged" : undefined}>
      <p class="who">{who}</p>
      {children}
    </div>
  );
}

/** An answer of a thousand words beside the flag must not push it off the screen. */
const LONG_UNITS = 480;

function PlainText({ text }: { text: string }) {
  const whole = useSignal(false);
  const isLong = text.length > LONG_UNITS;
  return (
    <>
      <p class="said">{isLong && !whole.value ? `${text.slice(0, LONG_UNITS)}…` : text}</p>
      {isLong && (
        <button type="button" class="link-button" onClick={() => (whole.value = !whole.value)}>
          {whole.value ? t("showLess") : t("showAll", { count: text.length })}
        </button>
      )}
    </>
  );
}
