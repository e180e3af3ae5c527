import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/**
 * A tiny service written from the protocol text alone (wecom-protocol 1, 2, 4), on node:http and node:crypto. The
 * simulator is tested against it, so that neither our handlers nor the simulator's own crypto can hide its mistakes.
 */
export interface ReferenceService {
  url: string;
  /** Every app callback that arrived, decrypted. */
  app: AppCallback[];
  /** Every bot callback that arrived, decrypted. */
  bot: BotCallback[];
  stop(): Promise<void>;
}

export interface AppCallback {
  xml: string;
  /** The text of one element, "" when there is none. */
  field(name: string): string;
  query: URLSearchParams;
  atMs: number;
}

export interface BotCallback {
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever the callback holds
  body: any;
  query: URLSearchParams;
  callerIp: string;
  atMs: number;
}

export interface ReferenceAnswer {
  /** Default 200. */
  status?: number;
  delayMs?: number;
  /** Never answers at all. */
  silent?: boolean;
  /** App: passive reply XML. Bot: reply object. Sealed before it goes out; nothing: an empty reply. */
  reply?: string | object;
  /** Sent instead of a sealed packet. */
  raw?: string;
  contentType?: string;
  /** Changes the bot's packet before it goes out. */
  tamper?(packet: Record<string, unknown>): Record<string, unknown>;
}

export interface ReferenceKeys {
  corpId: string;
  app: { token: string; aesKey: string };
  bot: { token: string; aesKey: string };
}

export interface ReferenceOptions {
  keys: ReferenceKeys;
  onApp?(callback: AppCallback): ReferenceAnswer | Promise<ReferenceAnswer>;
  onBot?(callback: BotCallback): ReferenceAnswer | Promise<ReferenceAnswer>;
}

export async function startReferenceService(options: ReferenceOptions): Promise<ReferenceService> {
  const app: AppCallback[] = [];
  const bot: BotCallback[] = [];
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "/", "http://service");
    const handled = url.pathname === "/wecom/app" ? onApp(req, res, url) : onBot(req, res, url);
    handled.catch(() => res.destroy());
  });

  async function onApp(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    const { token, aesKey } = options.keys.app;
    if (req.method === "GET") {
      echo(res, url, token, aesKey, options.keys.corpId);
      return;
    }
    const ciphertext = /<Encrypt><!\[CDATA\[([\s\S]*?)\]\]><\/Encrypt>/.exec(await bodyOf(req))?.[1] ?? "";
    checkSignature(url.searchParams, token, ciphertext);
    const xml = open(aesKey, ciphertext, options.keys.corpId);
    const field = (name: string) =>
      new RegExp(`<${name}>(?:<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|([^<]*))</${name}>`).exec(xml)?.slice(1).join("") ?? "";
    const callback = { xml, field, query: url.searchParams, atMs: performance.now() };
    app.push(callback);
    const answer = (await options.onApp?.(callback)) ?? {};
    if (answer.delayMs !== undefined) await delay(answer.delayMs);
    if (answer.silent === true) return;
    let body = answer.raw ?? "";
    if (typeof answer.reply === "string") {
      const encrypted = sealText(aesKey, answer.reply, options.keys.corpId);
      const signature = signatureOf(token, "1700000000", "ours", encrypted);
      body = `<xml><Encrypt><![CDATA[${encrypted}]]></Encrypt><MsgSignature><![CDATA[${signature}]]></MsgSignature><TimeStamp>1700000000</TimeStamp><Nonce><![CDATA[ours]]></Nonce></xml>`;
    }
    res.writeHead(answer.status ?? 200, { "content-type": answer.contentType ?? "text/xml" }).end(body);
  }

  async function onBot(req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
    const { token, aesKey } = options.keys.bot;
    if (req.method === "GET") {
      echo(res, url, token, aesKey, "");
      return;
    }
    const ciphertext = String(JSON.parse(await bodyOf(req)).encrypt);
    checkSignature(url.searchParams, token, ciphertext);
    const body: unknown = JSON.parse(open(aesKey, ciphertext, ""));
    const callerIp = String(req.headers["x-forwarded-for"]);
    const callback = { body, query: url.searchParams, callerIp, atMs: performance.now() };
    bot.push(callback);
    const answer = (await options.onBot?.(callback)) ?? {};
    if (answer.delayMs !== undefined) await delay(answer.delayMs);
    if (answer.silent === true) return;
    const nonce = url.searchParams.get("nonce") ?? "";
    const timestamp = 1_700_000_000;
    const encrypt = sealText(aesKey, JSON.stringify(answer.reply ?? {}), "");
    const msgsignature = signatureOf(token, String(timestamp), nonce, encrypt);
    const packet = { encrypt, msgsignature, timestamp, nonce };
    res
      .writeHead(answer.status ?? 200, { "content-type": answer.contentType ?? "text/plain; charset=utf-8" })
      .end(answer.raw ?? JSON.stringify(answer.tamper?.(packet) ?? packet));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    app,
    bot,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A stream reply in the form of wecom-protocol 4.7. */
export function stream(id: string, content: string, finish: boolean, feedbackId?: string): ReferenceAnswer {
  const feedback = feedbackId === undefined ? {} : { feedback: { id: feedbackId } };
  return { reply: { msgtype: "stream", stream: { id, finish, content, ...feedback } } };
}

function echo(res: ServerResponse, url: URL, token: string, aesKey: string, receiveId: string): void {
  const echostr = url.searchParams.get("echostr") ?? "";
  checkSignature(url.searchParams, token, echostr);
  res.writeHead(200, { "content-type": "text/plain" }).end(open(aesKey, echostr, receiveId));
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function checkSignature(query: URLSearchParams, token: string, ciphertext: string): void {
  const expected = signatureOf(token, query.get("timestamp") ?? "", query.get("nonce") ?? "", ciphertext);
  if (expected !== query.get("msg_signature")) throw new Error("bad signature");
}

function signatureOf(token: string, timestamp: string, nonce: string, ciphertext: string): string {
  const parts = [token, timestamp, nonce, ciphertext];
  parts.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return createHash("sha1").update(parts.join("")).digest("hex");
}

function sealText(aesKey: string, text: string, receiveId: string): string {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const message = Buffer.from(text);
  const head = Buffer.concat([randomBytes(16), Buffer.alloc(4)]);
  head.writeUInt32BE(message.length, 16);
  const plain = Buffer.concat([head, message, Buffer.from(receiveId)]);
  const pad = 32 - (plain.length % 32);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16));
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(pad, pad)), cipher.final()]).toString(
    "base64",
  );
}

function open(aesKey: string, ciphertext: string, receiveId: string): string {
  const key = Buffer.from(`${aesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16));
  decipher.setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(Buffer.from(ciphertext, "base64")), decipher.final()]);
  const plain = padded.subarray(0, padded.length - (padded.at(-1) ?? 0));
  const end = 20 + plain.readUInt32BE(16);
  if (plain.subarray(end).toString() !== receiveId) throw new Error("wrong receiver");
  return plain.subarray(20, end).toString();
}
