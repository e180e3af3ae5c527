import type { IncomingMessage, ServerResponse } from "node:http";
import { YingdaError } from "../src/base/errors.ts";
import { readBody } from "./http-kit.ts";
import type { ShownMedia } from "./platform-types.ts";
import { utf8Bytes } from "./values.ts";
import type { WeComPlatform } from "./wecom-platform.ts";

/** A client offers no larger file for a chat with a bot; the demo has it all in memory. */
const FILE_BYTES_MAX = 20 * 1024 * 1024;
const NAME_BYTES_MAX = 256;
/** What a browser may show in the page; everything else is for saving, so that no file of a chat becomes a page of ours. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp)|audio\/\w+|video\/mp4)$/;

/** `POST /api/media?name=…`: the bytes of a file that a message will carry. Throws `bad_request` or `body_too_large`. */
export async function takeMedia(platform: WeComPlatform, req: IncomingMessage, url: URL): Promise<ShownMedia> {
  if (req.headers["content-type"] !== "application/octet-stream") {
    throw new YingdaError("bad_request", "A file is sent as application/octet-stream.");
  }
  const name = url.searchParams.get("name") ?? "";
  if (name === "" || utf8Bytes(name) > NAME_BYTES_MAX) {
    throw new YingdaError("bad_request", `name has 1 to ${NAME_BYTES_MAX} bytes.`);
  }
  const bytes = await readBody(req, FILE_BYTES_MAX);
  if (bytes.length === 0) throw new YingdaError("bad_request", "The file is empty.");
  return platform.keepMedia(bytes, name);
}

/** `GET /api/media/<id>` */
export function sendMedia(platform: WeComPlatform, id: string, res: ServerResponse): void {
  const file = platform.media(id);
  if (file === undefined) throw new YingdaError("not_found", "The file is not here, or no longer.");
  const shown = SHOWN.test(file.contentType);
  res.writeHead(200, {
    "content-type": shown ? file.contentType : "application/octet-stream",
    "content-length": file.bytes.length,
    "content-disposition": `${shown ? "inline" : "attachment"}; filename*=UTF-8''${encodeURIComponent(file.name)}`,
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "private, max-age=3600",
  });
  res.end(file.bytes);
}
