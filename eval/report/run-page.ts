import type { CaseResult, Results } from "../results.ts";
import { scoreOf } from "../statistics.ts";
import { type Html, html } from "./html.ts";
import { conversation, heading, page, tile } from "./page.ts";
import { type Bar, barPlot, latencyPlot } from "./plots.ts";
import { latencies, msText, percentOf, rowsOf } from "./tables.ts";
import { categoryWords } from "./words.ts";

/** The report of one run. Everything that a model or a case says is escaped. */
export function reportPage(results: Results): string {
  const score = scoreOf(results.cases);
  const { all, median, slow } = latencies(results);
  const runs = results.cases.reduce((sum, one) => sum + one.runs.length, 0);
  const body = html`<h1>${results.name}</h1>
${facts(results)}
${notices(results, score.unjudged, score.errors)}
<div class="tiles">
${tile(score.cases === 0 ? "–" : `${Math.round(score.share * 100)} %`, "答对", "right", percentOf(score))}
${tile(String(results.cases.length), "用例", "cases", `${runs} 次 · runs`)}
${tile(String(score.unjudged), "未评判", "not judged", results.judge ?? "没有评判模型 · no judge")}
${tile(String(score.errors), "出错", "errors", "不计分 · not scored")}
${tile(msText(median), "回答用时", "median answer", `95 %: ${msText(slow)}`)}
</div>
<div class="two">
<section>${heading("各类得分", "Score by category")}${bars(results.cases)}</section>
<section>${heading("回答用时", "Time to answer")}${
    all.length === 0
      ? html`<p>–</p>`
      : latencyPlot(
          all,
          [
            { ms: median, text: `50 % ${msText(median)}` },
            { ms: slow, text: `95 % ${msText(slow)}` },
          ],
          "Time to answer",
        )
  }${heading("按语言", "By language")}${languageBars(results.cases)}</section>
</div>
<section>${heading("明细", "Figures")}${table(results.cases)}</section>
<section>${heading("没有答对的", "Not right")}${failures(results.cases)}</section>`;
  return page(`${results.name} · eval`, body);
}

function facts(results: Results): Html {
  const { model, endpoint, startedAt, tookMs, systemPrompt, contextTokens, moderation } = results;
  return html`<p class="facts">${model} @ ${endpoint} · ${startedAt.slice(0, 16).replace("T", " ")} UTC · ${msText(tookMs)} · 提示词 prompt: ${systemPrompt.from} (${systemPrompt.sha256}) · 窗口 window ${contextTokens} · 审核 moderation: ${moderation ? "on" : "off"}</p>`;
}

function notices({ demo, judge }: Results, unjudged: number, errors: number): Html {
  const lines = [
    ...(demo
      ? [
          "演示模型按规则应答，不是语言模型，得分低是正常的。 · The demo's model follows rules and is no language model: a low score is what it deserves.",
        ]
      : []),
    ...(judge === null && unjudged > 0
      ? [`没有评判模型，${unjudged} 项未评判。 · Without a judge model ${unjudged} were not judged.`]
      : []),
    ...(errors > 0
      ? [`${errors} 项因模型服务出错没有结果。 · ${errors} have no result because the endpoint failed.`]
      : []),
  ];
  return html`${lines.map((line) => html`<p class="notice">${line}</p>`)}`;
}

function bars(cases: readonly CaseResult[]): Html {
  const rows = rowsOf(cases).map(({ category, cases: some }) => barOf(category, some));
  return barPlot(rows, "Score by category with 95 % intervals");
}

function languageBars(cases: readonly CaseResult[]): Html {
  const rows = (["zh", "en"] as const).map((language) =>
    barOf(
      language,
      cases.filter((one) => one.language === language),
    ),
  );
  return barPlot(rows, "Score by language with 95 % intervals");
}

function barOf(category: string, cases: readonly CaseResult[]): Bar {
  const score = scoreOf(cases);
  const note = score.cases === 0 ? "–" : `${Math.round(score.share * 100)} % · ${score.cases}`;
  return { ...score, category, empty: score.cases === 0, note };
}

function table(cases: readonly CaseResult[]): Html {
  const rows = rowsOf(cases).map(({ category, cases: some }) => {
    const { zh, en } = categoryWords(category);
    const score = scoreOf(some);
    const byLanguage = (["zh", "en"] as const).map((language) =>
      percentOf(scoreOf(some.filter((one) => one.language === language))),
    );
    return html`<tr><td>${zh} <i>${en}</i></td><td>${some.length}</td><td>${percentOf(score)}</td><td>${byLanguage[0] ?? ""}</td><td>${byLanguage[1] ?? ""}</td><td>${score.unjudged}</td><td>${score.errors}</td></tr>`;
  });
  return html`<table><tr><th></th><th>用例 cases</th><th>答对 right</th><th>中文 zh</th><th>英文 en</th><th>未评判 open</th><th>出错 errors</th></tr>${rows}</table>`;
}

/** The first run of each case that did not go well, to be opened. */
function failures(cases: readonly CaseResult[]): Html {
  const groups = rowsOf(cases.filter(hasTrouble)).slice(0, -1);
  if (groups.length === 0) return html`<p>没有 · none</p>`;
  return html`${groups.map(({ category, cases: some }) => {
    const { zh, en } = categoryWords(category);
    return html`<h3>${zh} ${en}</h3>${some.map(failure)}`;
  })}`;
}

function hasTrouble({ runs }: CaseResult): boolean {
  return runs.some(({ outcome }) => outcome !== "passed");
}

function failure({ id, about, runs }: CaseResult): Html {
  const bad = runs.filter(({ outcome }) => outcome !== "passed");
  const shown = bad.find(({ outcome }) => outcome === "failed") ?? bad[0];
  const why =
    shown?.turns.flatMap(({ failures: some = [] }) => some.map((one) => one.why))[0] ??
    shown?.errorCode ??
    "未评判 · not judged";
  const times = runs.length === 1 ? "" : ` ${bad.length}/${runs.length}`;
  return html`<details><summary><code>${id}</code>${times} <small>${why}</small></summary>${about === undefined ? html`` : html`<p>${about}</p>`}${shown === undefined ? html`` : conversation(shown)}</details>`;
}
