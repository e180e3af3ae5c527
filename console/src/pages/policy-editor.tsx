import { useEffect, useRef } from "preact/hooks";
import { offsetsOfLine } from "../logic/line-faults.ts";
import { check, edit, text, wantedLine } from "../state/policy.ts";
import { t } from "../words/words.ts";

/** As `line-height` in the style sheet. */
const LINE_PX = 20;
const LINES_ABOVE = 6;

/** A text field with line numbers. Tab leaves it, as everywhere on the page: nobody is caught in it. */
export function PolicyEditor({ readOnly }: { readOnly: boolean }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const lines = text.value.split("\n").length;
  const marked = new Set(check.value?.ok === false ? check.value.faults.map((fault) => fault.line) : []);
  const wanted = wantedLine.value;
  useEffect(() => {
    const field = area.current;
    if (wanted === null || field === null) return;
    const { start, end } = offsetsOfLine(field.value, wanted.line);
    field.focus();
    field.setSelectionRange(start, end);
    field.scrollTop = Math.max(0, (wanted.line - LINES_ABOVE) * LINE_PX);
  }, [wanted]);
  return (
    <div class="editor">
      <div class="gutter" ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => (
          <span key={index} class={marked.has(index + 1) ? "bad" : undefined}>
            {index + 1}
          </span>
        ))}
      </div>
      <textarea
        ref={area}
        class="mono"
        aria-label={t("policyText")}
        data-testid="policy-text"
        wrap="off"
        spellcheck={false}
        autocapitalize="off"
        readOnly={readOnly}
        value={text.value}
        onInput={(event) => edit(event.currentTarget.value)}
        onScroll={(event) => {
          if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
    </div>
  );
}
