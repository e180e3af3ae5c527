import { z } from "zod";
import { YingdaError } from "../base/errors.ts";
import { BotSocket } from "./bot-socket.ts";
import { imageName, type UploadedImage } from "./uploaded-image.ts";

/** Bytes of one chunk before base64 (wecom-protocol 5.7). */
const CHUNK_BYTES_MAX = 512 * 1024;
/** Of a picture: the smaller of the two figures that WeCom's pages give. */
const IMAGE_BYTES_MAX = 2 * 1024 * 1024;

const begunSchema = z.object({ upload_id: z.string().min(1) });
const finishedSchema = z.object({ media_id: z.string().min(1) });

/**
 * Uploads a JPEG or PNG of at most 2 MB over the long connection, chunk by chunk, and resolves with its media_id, good for
 * three days (wecom-protocol 5.7). Throws as `BotSocket.send`, `wecom_refused` for an ack that lacks its id, and `internal`
 * for a picture that is too large; nobody has seen anything of it then.
 */
export async function uploadImage(
  socket: Pick<BotSocket, "send">,
  { mimeType, base64, md5 }: UploadedImage,
): Promise<string> {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length > IMAGE_BYTES_MAX) throw new YingdaError("internal", "the picture is too large for an upload");
  const chunks = Math.ceil(bytes.length / CHUNK_BYTES_MAX);
  const begun = await socket.send("aibot_upload_media_init", BotSocket.newReqId(), {
    type: "image",
    filename: imageName(mimeType),
    total_size: bytes.length,
    total_chunks: chunks,
    md5,
  });
  const { upload_id: uploadId } = read(begunSchema, begun);
  for (let index = 0; index < chunks; index += 1) {
    const chunk = bytes.subarray(index * CHUNK_BYTES_MAX, (index + 1) * CHUNK_BYTES_MAX);
    await socket.send("aibot_upload_media_chunk", BotSocket.newReqId(), {
      upload_id: uploadId,
      chunk_index: index,
      base64_data: chunk.toString("base64"),
    });
  }
  const finished = await socket.send("aibot_upload_media_finish", BotSocket.newReqId(), { upload_id: uploadId });
  return read(finishedSchema, finished).media_id;
}

function read<T extends z.ZodType>(schema: T, ack: unknown): z.output<T> {
  const parsed = schema.safeParse(ack);
  if (parsed.success) return parsed.data;
  throw new YingdaError("wecom_refused", "WeCom acknowledged an upload without the id that belongs to it");
}
