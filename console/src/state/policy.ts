import { batch, computed, signal } from "@preact/signals";
import type { PolicyAnswer, PolicyCheckAnswer } from "../logic/api-types.ts";
import { type Fault, faultOf } from "../logic/line-faults.ts";
import { asApiError, call, get, post } from "./api.ts";
import { role } from "./session.ts";
import { tabShelf } from "./storage.ts";

/** The policy in force, and the text that somebody is writing. */

export const policy = signal<PolicyAnswer | null>(null);
export const policyError = signal<unknown>(null);
export const text = signal("");
/** The version that the text began from. */
export const baseVersion = signal("");
/** Another version came into force while somebody writes. */
export const overtaken = signal(false);
export const check = signal<{ ok: boolean; faults: Fault[]; of: string } | null>(null);
/** A place in the text that the editor is to show: set by a click on a fault. */
export const wantedLine = signal<{ line: number } | null>(null);

export const isEdited = computed(() => policy.value !== null && text.value !== policy.value.text);
export const mayEdit = computed(
  () => role.value === "admin" && policy.value !== null && policy.value.source !== "file",
);

const DRAFT = "console policy draft";
/** A tab keeps a few megabytes in all; a longer text lives as long as the page. */
const DRAFT_UNITS_MAX = 1024 * 1024;

export async function loadPolicy(): Promise<void> {
  try {
    accept(await get<PolicyAnswer>("/policy"), true);
  } catch (error) {
    policyError.value = error;
  }
}

export function edit(next: string): void {
  text.value = next;
  keepDraft();
}

export function dropEdits(): void {
  if (policy.value !== null) accept(policy.value, false);
  keepDraft();
}

/** Throws `ApiError`. Whether the text can be used. */
export async function checkText(): Promise<boolean> {
  const asked = text.value;
  const answer = await post<PolicyCheckAnswer>("/policy/check", { text: asked });
  check.value = { ok: answer.ok, faults: answer.faults.map(faultOf), of: asked };
  return answer.ok;
}

/** Throws `ApiError`; after a 409 the text stays and the version in force is fetched. */
export async function savePolicy(note: string): Promise<void> {
  try {
    const body = { text: text.value, baseVersion: baseVersion.value, note };
    accept(await call<PolicyAnswer>("PUT", "/policy", body), false);
    keepDraft();
  } catch (error) {
    if (asApiError(error).code === "policy_conflict") {
      policy.value = await get<PolicyAnswer>("/policy");
      overtaken.value = true;
    }
    throw error;
  }
}

/** Throws `ApiError`. */
export async function activate(id: number, reason: string): Promise<void> {
  accept(await post<PolicyAnswer>(`/policy/versions/${id}/activate`, { reason }), false);
  keepDraft();
}

/** The writer has seen what came into force, and goes on from there. */
export function rebase(): void {
  baseVersion.value = policy.value?.version ?? "";
  overtaken.value = false;
  keepDraft();
}

export function policyChanged(version: string): void {
  if (policy.value === null || version === policy.value.version) return;
  if (!isEdited.value) {
    void loadPolicy();
    return;
  }
  overtaken.value = true;
  get<PolicyAnswer>("/policy")
    .then((answer) => {
      policy.value = answer;
    })
    .catch(() => {
      // It is asked for again when the page is opened or the text is saved.
    });
}

function accept(answer: PolicyAnswer, withDraft: boolean): void {
  const draft = withDraft ? readDraft() : null;
  batch(() => {
    policy.value = answer;
    policyError.value = null;
    text.value = draft?.text ?? answer.text;
    baseVersion.value = draft?.baseVersion ?? answer.version;
    overtaken.value = baseVersion.value !== answer.version;
    check.value = null;
  });
}

function keepDraft(): void {
  const draft = isEdited.value && text.value.length <= DRAFT_UNITS_MAX;
  try {
    const kept = draft ? JSON.stringify({ text: text.value, baseVersion: baseVersion.value }) : "";
    tabShelf.setItem(DRAFT, kept);
  } catch {
    // full or forbidden: as long as the page lives
  }
}

function readDraft(): { text: string; baseVersion: string } | null {
  try {
    const draft: unknown = JSON.parse(tabShelf.getItem(DRAFT) ?? "");
    if (typeof draft !== "object" || draft === null || !("text" in draft) || !("baseVersion" in draft)) return null;
    if (typeof draft.text !== "string" || typeof draft.baseVersion !== "string") return null;
    return { text: draft.text, baseVersion: draft.baseVersion };
  } catch {
    return null;
  }
}
