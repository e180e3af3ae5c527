import { createDecipheriv, createHash, createSecretKey } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readConfig } from "../src/config.ts";
import { createGateway } from "../src/gateway.ts";

/** One server process of the `ack` benchmark: `floor` or `service`. Sends its address, then its CPU time whenever asked. */
const kind = process.argv[2];
process.send?.(kind === "floor" ? await startFloor() : (await createGateway(readConfig(process.env))).url);
process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.((user + system) / 1000);
});

/** The least that any honest service must do: read the body, check the signature, decrypt, answer. */
async function startFloor(): Promise<string> {
  const token = process.env.TOKEN ?? "";
  const keyBytes = Buffer.from(`${process.env.AES_KEY}=`, "base64");
  const key = createSecretKey(keyBytes);
  const iv = keyBytes.subarray(0, 16);
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const query = new URL(incoming.url ?? "/", "http://floor").searchParams;
      const encrypt = body.slice(body.indexOf("<Encrypt><![CDATA[") + 18, body.indexOf("]]></Encrypt>"));
      const parts = [token, query.get("timestamp") ?? "", query.get("nonce") ?? "", encrypt].sort();
      const signature = createHash("sha1").update(parts.join("")).digest("hex");
      const decipher = createDecipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
      const plain = Buffer.concat([decipher.update(encrypt, "base64"), decipher.final()]);
      const length = plain.readUInt32BE(16);
      const message = plain.toString("utf8", 20, 20 + length);
      outgoing.statusCode = signature === query.get("msg_signature") && message.length > 0 ? 200 : 403;
      outgoing.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
