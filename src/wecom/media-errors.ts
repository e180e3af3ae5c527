import { YingdaError } from "../base/errors.ts";

/** How fetching a member's file fails. Nothing here holds the file's address or id: both open it. */

export function mediaRefused(reason: "host" | "address" | "redirects" | "encoding"): YingdaError {
  const why = {
    host: "its host is not in WECOM_MEDIA_HOSTS, or not with this scheme and port",
    address: "its host has an address that is not public; name the host exactly in WECOM_MEDIA_HOSTS if that is right",
    redirects: "it is redirected too often",
    encoding: "it comes compressed, though it was asked for as it is",
  }[reason];
  return new YingdaError("media_refused", `a media file was not fetched: ${why}`, { details: { reason } });
}

export function mediaGone(details: Record<string, number>): YingdaError {
  return new YingdaError(
    "media_gone",
    "a media file is no longer there: addresses live for five minutes, ids for three days; the member has to send it again",
    { details },
  );
}

export function mediaTooLarge(bytesMax: number): YingdaError {
  return new YingdaError("media_too_large", `a media file has more than ${bytesMax} bytes`, { details: { bytesMax } });
}

/** `network`: the system's code, or our word for what happened. */
export function mediaUnreachable(network: string, details: Record<string, number> = {}): YingdaError {
  return new YingdaError("media_unreachable", `a media file could not be fetched (${network})`, {
    retryable: true,
    details: { network, ...details },
  });
}
