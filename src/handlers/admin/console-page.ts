import { readFile, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import type { Context } from "koa";
import { notFound } from "./admin-errors.ts";
import { sendNotBuiltPage } from "./plain-pages.ts";

/** What a built page is made of; other files of the folder are not for browsers. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};
/** The whole page has some hundred KiB; a larger file has got there by mistake. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
/** Letters, digits, `-`, `_` and single dots: no way to write a path that climbs. */
const FILE_PATH = /^(?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)+$/;
const PAGE_PATH = /^[\w\-/]*$/;
/** Their names carry a digest of what is in them. */
const ASSETS = "assets/";
const YEAR_S = 31_536_000;

/** Serves the built page: `path` is what follows `/admin/`. Every path without a dot is a place within the page. */
export async function sendConsolePage(ctx: Context, folder: string, path: string): Promise<void> {
  if (ctx.method !== "GET" && ctx.method !== "HEAD") throw notFound();
  if (PAGE_PATH.test(path)) return sendIndex(ctx, folder);
  const type = CONTENT_TYPES[extname(path)];
  const bytes = type === undefined || !FILE_PATH.test(path) ? null : await readInside(folder, path);
  if (bytes === null || type === undefined) throw notFound();
  ctx.type = type;
  ctx.set("cache-control", path.startsWith(ASSETS) ? `public, max-age=${YEAR_S}, immutable` : "no-cache");
  ctx.body = bytes;
}

async function sendIndex(ctx: Context, folder: string): Promise<void> {
  const bytes = await readInside(folder, "index.html");
  if (bytes === null) return sendNotBuiltPage(ctx);
  ctx.type = "text/html; charset=utf-8";
  ctx.body = bytes;
}

/** Null for everything that is not a plain file inside, links that lead out of it included. */
async function readInside(folder: string, path: string): Promise<Buffer | null> {
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, path));
    const facts = await stat(file);
    if (!file.startsWith(root + sep) || !facts.isFile() || facts.size > FILE_BYTES_MAX) return null;
    return await readFile(file);
  } catch {
    return null;
  }
}
