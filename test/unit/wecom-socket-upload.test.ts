import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { uploadImage } from "../../src/wecom/socket-upload.ts";

type Frame = { command: string; reqId: string; body: Record<string, unknown> };

/** A connection that acknowledges each command so. */
function connection(acks: Record<string, unknown>): {
  frames: Frame[];
  send: (command: string, reqId: string, body: Record<string, unknown>) => Promise<unknown>;
} {
  const frames: Frame[] = [];
  return {
    frames,
    async send(command, reqId, body) {
      frames.push({ command, reqId, body });
      return acks[command];
    },
  };
}

const ACKS = { aibot_upload_media_init: { upload_id: "u1" }, aibot_upload_media_finish: { media_id: "m1" } };

function picture(bytes: Buffer) {
  const md5 = createHash("md5").update(bytes).digest("hex");
  return { mimeType: "image/jpeg" as const, base64: bytes.toString("base64"), md5 };
}

describe("uploadImage over the long connection", () => {
  test("chunks of at most 512 KB, from 0, make up the picture again", async () => {
    const bytes = Buffer.alloc(1_200_000, "yingda");
    const socket = connection(ACKS);
    expect(await uploadImage(socket, picture(bytes))).toBe("m1");
    const [begin, ...rest] = socket.frames;
    const chunks = rest.slice(0, -1).map(({ body }) => body);
    const { md5 } = picture(bytes);
    expect(begin?.body).toEqual({
      type: "image",
      filename: "picture.jpg",
      total_size: 1_200_000,
      total_chunks: 3,
      md5,
    });
    expect(chunks.map(({ chunk_index: index, upload_id: id }) => [index, id])).toEqual([
      [0, "u1"],
      [1, "u1"],
      [2, "u1"],
    ]);
    const parts = chunks.map(({ base64_data: data }) => Buffer.from(String(data), "base64"));
    expect(Math.max(...parts.map(({ length }) => length))).toBe(512 * 1024);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    expect(rest.at(-1)).toMatchObject({ command: "aibot_upload_media_finish", body: { upload_id: "u1" } });
    expect(new Set(socket.frames.map(({ reqId }) => reqId)).size).toBe(socket.frames.length);
  });

  test("an ack without its id is an error, and so is a picture of more than 2 MB, of which nothing is sent", async () => {
    const small = picture(Buffer.alloc(100));
    await expect(uploadImage(connection({}), small)).rejects.toMatchObject({ code: "wecom_refused" });
    const noMediaId = connection({ ...ACKS, aibot_upload_media_finish: {} });
    await expect(uploadImage(noMediaId, small)).rejects.toMatchObject({ code: "wecom_refused" });
    const unused = connection(ACKS);
    await expect(uploadImage(unused, picture(Buffer.alloc(2_100_000)))).rejects.toMatchObject({ code: "internal" });
    expect(unused.frames).toEqual([]);
  });
});
