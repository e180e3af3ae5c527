import { computed } from "@preact/signals";
import type { Role, Session } from "../logic/api-types.ts";
import { asApiError, get, post, session } from "./api.ts";
import { clearTab } from "./storage.ts";

/** Who sits before the page. */

export const me = computed(() => (session.value.state === "in" ? session.value.session.user : null));
export const role = computed<Role>(() => me.value?.role ?? "viewer");

export function isMe(userId: string | null): boolean {
  return userId !== null && userId.toLowerCase() === me.value?.userId.toLowerCase();
}

export async function askSession(): Promise<void> {
  try {
    session.value = { state: "in", session: await get<Session>("/session") };
  } catch (error) {
    const { status } = asApiError(error);
    session.value = status === 401 ? { state: "out", expired: false } : { state: "away", error };
  }
}

/** Throws `ApiError`. */
export async function signInByToken(token: string): Promise<void> {
  session.value = { state: "in", session: await post<Session>("/login/bootstrap", { token }) };
}

/** Nothing of what was read or written stays in this browser. Throws `ApiError`. */
export async function signOut(): Promise<void> {
  await post("/logout");
  clearTab();
  location.assign("/admin/");
}
