import type { CaseRun, TurnRun } from "../results.ts";
import { type Html, html } from "./html.ts";
import { STYLE } from "./style.ts";

/** One file that needs nothing else: no script, no font, no picture from elsewhere, and a policy that says so. */
export function page(title: string, body: Html): string {
  const { text } = html`<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${STYLE}
</head>
<body><main>
${body}
</main></body>
</html>
`;
  return text;
}

export function tile(value: string, zh: string, en: string, sub = ""): Html {
  return html`<div class="tile"><b>${value}</b><span>${zh} <i>${en}</i></span>${sub === "" ? html`` : html`<small>${sub}</small>`}</div>`;
}

export function heading(zh: string, en: string): Html {
  return html`<h2>${zh} <i>${en}</i></h2>`;
}

/** The conversation of a case as bubbles, with what was wrong below the answer that it is about. */
export function conversation(run: CaseRun): Html {
  const error = run.errorCode === undefined ? html`` : html`<p class="why">error: ${run.errorCode}</p>`;
  return html`<div class="talk">${run.turns.map(bubbles)}${error}</div>`;
}

function bubbles({ ask, quote, speaker, filler, said, answer, failures = [], unjudged }: TurnRun): Html {
  return html`${[
    filler === undefined ? html`` : html`<p class="filler">… ${filler} 轮别的话题 · turns about other things …</p>`,
    ask === undefined && quote === undefined
      ? html``
      : html`<div class="ask">${speaker === undefined ? html`` : html`<em>${speaker}</em>`}${quote === undefined ? html`` : html`<blockquote>${quote}</blockquote>`}${ask ?? ""}</div>`,
    said === undefined
      ? html``
      : html`<div class="answer said">${said}<small>写定的回答 · written in the case</small></div>`,
    answer === undefined ? html`` : html`<div class="answer ${failures.length > 0 ? "wrong" : ""}">${answer}</div>`,
    ...failures.map(({ rule, why }) => html`<p class="why"><code>${rule}</code> ${why}</p>`),
    unjudged === undefined ? html`` : html`<p class="open">未评判 · not judged: ${unjudged}</p>`,
  ]}`;
}
