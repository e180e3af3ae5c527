import { t } from "../words/words.ts";
import { asApiError } from "./api.ts";

/** A failure in words that help: what happened, and that nothing typed is lost. */
export function explain(error: unknown): string {
  const { status, code, message } = asApiError(error);
  if (code === "unreachable") return t("errorUnreachable");
  if (status === 503) return t("errorStore");
  if (status === 429) return t("errorTooMany");
  if (status === 403) return t("errorNotAllowed");
  if (status === 404) return t("errorNotFound");
  if (status === 401) return t("errorSignedOut");
  return t("errorOther", { message: message === "" ? code : message });
}
