import { useSignal } from "@preact/signals";
import type { DryRunAnswer } from "../logic/api-types.ts";
import { Select } from "../parts/fields.tsx";
import { At } from "../parts/time.tsx";
import { LONG_CALL_MS, post } from "../state/api.ts";
import { text } from "../state/policy.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, t } from "../words/words.ts";

const DAYS = [1, 7, 30] as const;

/** What the text would have done to the last days, before anybody meets it. */
export function DryRun() {
  const days = useSignal(7);
  const answer = useSignal<DryRunAnswer | null>(null);
  const fault = useSignal<string | null>(null);
  const running = useSignal(false);
  const start = async () => {
    running.value = true;
    fault.value = null;
    try {
      const body = { text: text.value, days: days.value };
      answer.value = await post<DryRunAnswer>("/policy/dry-run", body, { timeoutMs: LONG_CALL_MS });
    } catch (error) {
      fault.value = explain(error);
    } finally {
      running.value = false;
    }
  };
  return (
    <section class="card" data-testid="dry-run">
      <h2>{t("dryRun")}</h2>
      <p class="hint">{t("dryRunHint")}</p>
      <div class="form-line">
        <Select
          label={t("dryRunDays")}
          value={String(days.value)}
          options={DAYS.map((count) => [String(count), t("lastDays", { count })] as const)}
          onChange={(value) => (days.value = Number(value))}
        />
        <button
          type="button"
          class="button"
          disabled={running.value}
          data-testid="run-dry"
          onClick={() => void start()}
        >
          {running.value ? t("running") : t("runDry")}
        </button>
      </div>
      {fault.value !== null && (
        <p class="notice bad" role="alert">
          {fault.value}
        </p>
      )}
      {answer.value !== null && <DryRunResult is={answer.value} />}
    </section>
  );
}

function DryRunResult({ is }: { is: DryRunAnswer }) {
  const { stricter, milder, same } = is.changes;
  return (
    <div role="status" data-testid="dry-run-result">
      <dl class="figures three">
        <div class="bad">
          <dt>{t("stricter")}</dt>
          <dd>{stricter}</dd>
        </div>
        <div class="good">
          <dt>{t("milder")}</dt>
          <dd>{milder}</dd>
        </div>
        <div>
          <dt>{t("unchanged")}</dt>
          <dd>{same}</dd>
        </div>
      </dl>
      <p class="soft">{is.cut ? t("dryRunCut", { count: is.turns }) : t("dryRunTurns", { count: is.turns })}</p>
      <ul class="samples">
        {is.samples.map((sample) => (
          <li key={`${sample.turnId} ${sample.direction}`}>
            <p class="sample-head">
              <At ms={sample.atMs} />
              <span>{nameOf("direction", sample.direction)}</span>
              <span>
                {nameOf("action", sample.before)} → <strong>{nameOf("action", sample.after)}</strong>
              </span>
              <span class="mono soft">{sample.rules.join(", ")}</span>
            </p>
            <p class="said">{sample.text}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}
