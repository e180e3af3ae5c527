import type { Context } from "koa";

/** Pages for who cannot be shown the console itself: no script, no style sheet, both languages. */

export type Refusal = "login_over" | "login_cancelled" | "not_a_member" | "unknown_user";

interface Words {
  status: number;
  code: string;
  zh: string;
  en: string;
}

const REFUSALS: Readonly<Record<Refusal, Words>> = {
  login_over: {
    status: 403,
    code: "not_allowed",
    zh: "这次登录已失效，或是在另一个浏览器里开始的。请从控制台重新登录。",
    en: "This login is over, or it was begun in another browser. Please begin again at the console.",
  },
  login_cancelled: {
    status: 403,
    code: "not_allowed",
    zh: "登录已取消。",
    en: "The login was cancelled.",
  },
  not_a_member: {
    status: 403,
    code: "not_allowed",
    zh: "只有本企业的成员可以登录。",
    en: "Only members of this company can sign in.",
  },
  unknown_user: {
    status: 403,
    code: "not_allowed",
    zh: "您没有审核控制台的权限。请联系管理员，并告知您的账号：",
    en: "You have no access to the review console. Please ask an admin, and tell them your userid:",
  },
};

/** To a browser a page, to a program JSON. `userId` is shown as text. */
export function sendRefusedPage(ctx: Context, refusal: Refusal, userId?: string): void {
  const { status, code, zh, en } = REFUSALS[refusal];
  ctx.status = status;
  if (ctx.accepts("html", "json") !== "html") {
    ctx.body = { error: { code, message: en } };
    return;
  }
  const who = userId === undefined ? "" : `<p><code>${escaped(userId)}</code></p>`;
  sendPage(ctx, `<p>${zh}</p><p lang="en">${en}</p>${who}<p><a href="/admin/">返回 · Back</a></p>`);
}

/** In place of the console where nobody has built it. */
export function sendNotBuiltPage(ctx: Context): void {
  ctx.status = 503;
  sendPage(
    ctx,
    '<p>控制台页面尚未构建。用 <code>npm start</code> 启动服务会自动构建。</p><p lang="en">The console\'s page is not built yet. Starting the service with <code>npm start</code> builds it.</p>',
  );
}

function sendPage(ctx: Context, content: string): void {
  ctx.type = "text/html; charset=utf-8";
  ctx.body = `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>应答 Yingda</title></head><body><h1>应答 Yingda</h1>${content}</body></html>`;
}

/** Text as text in HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => `&#${unit.charCodeAt(0)};`);
}
