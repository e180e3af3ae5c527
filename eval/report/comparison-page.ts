import type { Comparison } from "../compare.ts";
import { type CaseResult, type Results, shareOf } from "../results.ts";
import { differenceOf, scoreOf } from "../statistics.ts";
import { type Html, html } from "./html.ts";
import { conversation, heading, page, tile } from "./page.ts";
import { dumbbellPlot } from "./plots.ts";
import { differenceText, latencies, msText, percentOf, rowsOf } from "./tables.ts";
import { categoryWords } from "./words.ts";

/** Two runs side by side, case by case. Everything that a model or a case says is escaped. */
export function comparisonPage({ first, second, preferences }: Comparison): string {
  const all = differenceOf(first.cases, second.cases);
  const lines = linesOf(first, second);
  const liked =
    preferences === null
      ? html``
      : tile(
          `${preferences.first} : ${preferences.second}`,
          "评判模型偏好",
          "judge prefers A : B",
          `${preferences.ties} 平 · ties, ${preferences.open} 未答 · open, ${preferences.judge}`,
        );
  const body = html`<h1>${first.name} ⇄ ${second.name}</h1>
<p class="legend"><span class="dot a"></span>A ${described(first)}<span class="dot b"></span>B ${described(second)}</p>
<div class="tiles">
${tile(percentOf(scoreOf(first.cases)).split(" [")[0] ?? "–", "A", first.model, percentOf(scoreOf(first.cases)))}
${tile(percentOf(scoreOf(second.cases)).split(" [")[0] ?? "–", "B", second.model, percentOf(scoreOf(second.cases)))}
${tile(differenceText(all).split(" [")[0] ?? "–", "差（百分点）", "B − A, points", differenceText(all))}
${tile(`${all.onlyFirst} : ${all.onlySecond}`, "只有一方答对", "only A : only B", `${all.pairs} 对 · pairs`)}
${tile(`${msText(latencies(first).median)} → ${msText(latencies(second).median)}`, "用时中位数", "median answer")}
${liked}
</div>
<section>${heading("各类对比", "By category")}${dumbbellPlot(
    lines.map(({ category, difference, a, b }) => ({
      category,
      first: a,
      second: b,
      note: difference.pairs === 0 ? "–" : (differenceText(difference).split(" [")[0] ?? ""),
      clear: difference.low > 0 || difference.high < 0,
    })),
    "Scores of both by category",
  )}</section>
<section>${heading("明细", "Figures, paired by case")}${table(lines)}</section>
<section>${heading("变差的", "Right in A, wrong in B")}${changed(first, second, 1)}</section>
<section>${heading("变好的", "Wrong in A, right in B")}${changed(first, second, -1)}</section>`;
  return page(`${first.name} / ${second.name} · eval`, body);
}

function described({ model, systemPrompt, moderation }: Results): string {
  return `${model}, ${systemPrompt.from} (${systemPrompt.sha256})${moderation ? ", moderation" : ""}`;
}

/** Shares of the cases that both runs decided, so that the dots show what the difference says. */
function linesOf(first: Results, second: Results) {
  const seconds = new Map(rowsOf(second.cases).map(({ category, cases }) => [category, cases]));
  return rowsOf(first.cases).map(({ category, cases }) => {
    const others = seconds.get(category) ?? [];
    const decided = (some: readonly CaseResult[]) =>
      new Set(some.filter((one) => shareOf(one) !== null).map(({ id }) => id));
    const both = new Set([...decided(cases)].filter((id) => decided(others).has(id)));
    const share = (some: readonly CaseResult[]) => scoreOf(some.filter(({ id }) => both.has(id))).share;
    return { category, difference: differenceOf(cases, others), a: share(cases), b: share(others) };
  });
}

function table(lines: ReturnType<typeof linesOf>): Html {
  const rows = lines.map(({ category, difference, a, b }) => {
    const { zh, en } = categoryWords(category);
    const way = difference.low > 0 ? "up" : difference.high < 0 ? "down" : "";
    const shares = [a, b].map((share) => (difference.pairs === 0 ? "–" : `${Math.round(share * 100)} %`));
    return html`<tr><td>${zh} <i>${en}</i></td><td>${difference.pairs}</td><td>${shares[0] ?? ""}</td><td>${shares[1] ?? ""}</td><td class="${way}">${differenceText(difference)}</td><td>${difference.onlyFirst}</td><td>${difference.onlySecond}</td></tr>`;
  });
  return html`<table><tr><th></th><th>对 pairs</th><th>A</th><th>B</th><th>B − A [95 %]</th><th>只 A only</th><th>只 B only</th></tr>${rows}</table>`;
}

/** `sign` 1: cases that the first did better, -1: worse. */
function changed(first: Results, second: Results, sign: 1 | -1): Html {
  const others = new Map(second.cases.map((one) => [one.id, one]));
  const pairs = first.cases.flatMap((one) => {
    const other = others.get(one.id);
    if (other === undefined) return [];
    const [a, b] = [shareOf(one), shareOf(other)];
    return a !== null && b !== null && Math.sign(a - b) === sign ? [{ one, other }] : [];
  });
  if (pairs.length === 0) return html`<p>没有 · none</p>`;
  return html`${pairs.map(
    ({ one, other }) =>
      html`<details><summary><code>${one.id}</code></summary><div class="sides"><div><b>A</b>${shown(one, sign === 1)}</div><div><b>B</b>${shown(other, sign === -1)}</div></div></details>`,
  )}`;
}

/** The run that shows it best. */
function shown({ runs }: CaseResult, right: boolean): Html {
  const run = runs.find(({ outcome }) => outcome === (right ? "passed" : "failed")) ?? runs[0];
  return run === undefined ? html`` : conversation(run);
}
