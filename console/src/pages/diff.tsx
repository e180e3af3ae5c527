import { useMemo } from "preact/hooks";
import { diffLines, withContext } from "../logic/line-diff.ts";
import { t } from "../words/words.ts";

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

/** What changed between two texts, line by line; said with signs, not with colours alone. */
export function Diff({ older, newer }: { older: string; newer: string }) {
  const lines = useMemo(() => withContext(diffLines(older, newer)), [older, newer]);
  if (lines.length === 0) return <p class="soft">{t("noDifference")}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="diff mono" aria-label={t("difference")} data-testid="diff" tabIndex={0}>
      {lines.map((line, index) =>
        line === null ? (
          <p key={index} class="gap">
            ⋯
          </p>
        ) : (
          <p key={index} class={line.kind}>
            <span class="diff-number" aria-hidden="true">
              {line.after ?? line.before}
            </span>
            <span class="diff-sign">{SIGNS[line.kind]}</span>
            <span class="diff-text">{line.text}</span>
          </p>
        ),
      )}
    </section>
  );
}
