import { ModelFailure } from "./model-failure.ts";

/** Error bodies are read for their code only; longer ones are some proxy's page. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;

/**
 * A `fetch` for the client library that never reads more than `bytesMax` of a response (the library itself has no
 * limit: one line without an end would fill memory), does not follow redirects, and brings the flat error bodies of
 * SGLang and FastAPI into the only form that the library looks into, `{"error":{…}}`.
 */
export function boundedFetch(bytesMax: number, endpoint: string): typeof fetch {
  const tooLong = () => new ModelFailure("answer_too_long", { endpoint });
  return async (url, init) => {
    const response = await fetch(url, { ...init, redirect: "manual" });
    if (response.body === null) return response;
    if (response.ok) return new Response(boundedBody(response.body, bytesMax, tooLong), response);
    const text = await new Response(boundedBody(response.body, ERROR_BODY_BYTES_MAX, tooLong)).text().catch(() => "");
    return Response.json(errorBody(text), { status: response.status, headers: withoutBodyHeaders(response.headers) });
  };
}

function boundedBody(
  body: ReadableStream<Uint8Array>,
  bytesMax: number,
  tooLong: () => Error,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return;
        }
        bytes += value.byteLength;
        if (bytes <= bytesMax) {
          controller.enqueue(value);
          return;
        }
        controller.error(tooLong());
        await reader.cancel().catch(() => undefined);
      },
      async cancel(reason) {
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function errorBody(text: string): { error: unknown } {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null) return { error: {} };
    if ("error" in body) return { error: typeof body.error === "string" ? { message: body.error } : body.error };
    if ("detail" in body) return { error: { message: JSON.stringify(body.detail) } };
    return { error: body };
  } catch {
    return { error: {} };
  }
}

/** They speak of the body that was there before. */
function withoutBodyHeaders(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of ["content-length", "content-encoding", "content-type", "transfer-encoding"]) kept.delete(name);
  return kept;
}
