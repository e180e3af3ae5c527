import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Signal } from "../logic/api-types.ts";
import { type Piece, piecesOf } from "../logic/pieces.ts";
import { nameOf, t } from "../words/words.ts";
import { toneOf } from "./tags.tsx";

/** A text of a member or a model, as text nodes, with what each checker found underlined and named. */
export function EvidenceText({ text, signals }: { text: string; signals: readonly Signal[] }) {
  const pieces = useMemo(() => piecesOf(text, signals), [text, signals]);
  return (
    <p class="said">
      {pieces.map((piece) => (
        <Marked key={piece.start} piece={piece} />
      ))}
    </p>
  );
}

/** Labels stand inside the marks that go on after them, so that the lines of those are not broken, and outside all others. */
function Marked({ piece }: { piece: Piece }) {
  let inner: ComponentChildren = piece.text;
  let labels: ComponentChildren[] = [];
  for (const { signal, lane, ends } of piece.marks) {
    const tone = toneOf(signal.checker);
    if (!ends && labels.length > 0) {
      inner = [inner, ...labels];
      labels = [];
    }
    inner = (
      <mark class={`evidence ${tone} lane-${lane}`} title={titleOf(signal)} data-checker={signal.checker}>
        {inner}
      </mark>
    );
    if (ends) labels.push(<span class={`evidence-label ${tone}`}>{nameOf("checker", signal.checker)}</span>);
  }
  return (
    <>
      {inner}
      {labels}
    </>
  );
}

function titleOf(signal: Signal): string {
  return t("evidenceTitle", {
    checker: nameOf("checker", signal.checker),
    category: nameOf("category", signal.category),
    rule: signal.rule,
    confidence: Math.round(signal.confidence * 100),
  });
}
