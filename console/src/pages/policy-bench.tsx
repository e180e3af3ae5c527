import { useSignal } from "@preact/signals";
import type { PolicyTryAnswer } from "../logic/api-types.ts";
import { EvidenceText } from "../parts/evidence-text.tsx";
import { Select } from "../parts/fields.tsx";
import { SeverityTag } from "../parts/tags.tsx";
import { milliseconds } from "../parts/time.tsx";
import { post } from "../state/api.ts";
import { isEdited, text } from "../state/policy.ts";
import { role } from "../state/session.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, t } from "../words/words.ts";
import { SignalRow } from "./case-side.tsx";
import { DryRun } from "./dry-run.tsx";

/** One message tried on the text in the editor; then the last days. */
export function PolicyBench() {
  if (role.value === "viewer") return null;
  return (
    <>
      <TryOne />
      {role.value === "admin" && <DryRun />}
    </>
  );
}

function TryOne() {
  const message = useSignal("");
  const direction = useSignal<"question" | "answer">("question");
  const answer = useSignal<{ of: string; is: PolicyTryAnswer } | null>(null);
  const fault = useSignal<string | null>(null);
  const sending = useSignal(false);
  const send = async () => {
    sending.value = true;
    fault.value = null;
    const of = message.value;
    try {
      const body = { ...(isEdited.value ? { text: text.value } : {}), message: of, direction: direction.value };
      answer.value = { of, is: await post<PolicyTryAnswer>("/policy/try", body) };
    } catch (error) {
      fault.value = explain(error);
      answer.value = null;
    } finally {
      sending.value = false;
    }
  };
  return (
    <section class="card" data-testid="bench">
      <h2>{t("tryOne")}</h2>
      <p class="hint">{isEdited.value ? t("tryEdited") : t("tryInForce")}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <textarea
          rows={3}
          aria-label={t("tryMessage")}
          placeholder={t("tryPlaceholder")}
          maxLength={4000}
          value={message.value}
          data-testid="try-message"
          onInput={(event) => (message.value = event.currentTarget.value)}
        />
        <div class="form-line">
          <Select
            label={t("directionLabel")}
            value={direction.value}
            options={[
              ["question", nameOf("direction", "question")],
              ["answer", nameOf("direction", "answer")],
            ]}
            onChange={(value) => (direction.value = value === "answer" ? "answer" : "question")}
          />
          <button
            type="submit"
            class="button"
            disabled={sending.value || message.value.trim() === ""}
            data-testid="try"
          >
            {t("tryNow")} <kbd class="key">{t("modEnter")}</kbd>
          </button>
        </div>
      </form>
      {fault.value !== null && (
        <p class="notice bad" role="alert">
          {fault.value}
        </p>
      )}
      {answer.value !== null && <Tried of={answer.value.of} is={answer.value.is} />}
    </section>
  );
}

function Tried({ of, is }: { of: string; is: PolicyTryAnswer }) {
  return (
    <div class="tried" role="status" data-testid="tried">
      <p class="tried-head">
        <strong class={`verdict ${is.action}`}>{nameOf("action", is.action)}</strong>
        {is.severity !== null && <SeverityTag severity={is.severity} />}
        <span class="soft">{milliseconds(is.tookMs)}</span>
      </p>
      <div class="bubble member flagged">
        <EvidenceText text={of} signals={is.signals} />
      </div>
      <ul class="signals">
        {is.signals.map((signal) => (
          <SignalRow key={`${signal.checker} ${signal.rule}`} signal={signal} />
        ))}
      </ul>
      <ul class="reasons">
        {is.reasons.map((reason) => (
          <li key={`${reason.category} ${reason.cell}`}>
            <strong>{nameOf("action", reason.action)}</strong>{" "}
            {reason.category === null ? "" : nameOf("category", reason.category)}{" "}
            <span class="mono">{reason.cell}</span>
            {reason.because.length > 0 && <span class="mono soft"> ← {reason.because.join(", ")}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
