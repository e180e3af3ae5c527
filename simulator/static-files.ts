import { readFile, realpath, stat } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { YingdaError } from "../src/base/errors.ts";

/** What a page is made of; other files of the folder (types, settings) are not for browsers. */
const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const SAFE_PATH = /^\/(?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.[a-z0-9]+$/;
/** Nothing from elsewhere, nothing inline: text that somebody wrote in a chat can never become a script. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Serves one file of `folder`; `/` is index.html. Throws `not_found` for everything that is not a plain file inside. */
export async function sendStaticFile(folder: string, urlPath: string, res: ServerResponse): Promise<void> {
  const wanted = urlPath === "/" ? "/index.html" : urlPath;
  const contentType = CONTENT_TYPES[path.extname(wanted)];
  if (!SAFE_PATH.test(wanted) || contentType === undefined) throw notFound();
  const bytes = await readInside(folder, wanted);
  res.writeHead(200, {
    "content-type": contentType,
    "content-length": bytes.length,
    "cache-control": "no-store",
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  res.end(bytes);
}

async function readInside(folder: string, wanted: string): Promise<Buffer> {
  try {
    const root = await realpath(folder);
    const file = await realpath(path.join(root, wanted));
    const { size } = await stat(file);
    if (!file.startsWith(root + path.sep) || size > FILE_BYTES_MAX) throw notFound();
    return await readFile(file);
  } catch (error) {
    throw error instanceof YingdaError ? error : notFound();
  }
}

function notFound(): YingdaError {
  return new YingdaError("not_found", "There is nothing here.");
}
