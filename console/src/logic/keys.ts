/** The one table of keys: what the buttons and the sheet print is what the dispatcher obeys. */

/** `go-…`: the second key of a pair that begins with `g`. */
export type Command =
  | "next"
  | "previous"
  | "open"
  | "claim"
  | "allow"
  | "uphold"
  | "escalate"
  | "mute"
  | "snooze"
  | "note"
  | "reveal"
  | "undo"
  | "select"
  | "search"
  | "sheet"
  | "back"
  | "go-queue"
  | "go-people"
  | "go-policy"
  | "go-dashboard"
  | "go-audit"
  | "go-settings";

export interface Binding {
  /** `KeyboardEvent.key`, or for a pair the two of them. */
  keys: readonly [string] | readonly ["g", string];
  command: Command;
  /** `queue`: only on the page with the queue; `case`: only with a case open there. */
  where: "everywhere" | "queue" | "case";
  /** Changes something: never while the next case is on its way or an answer is awaited. */
  acts: boolean;
}

export const BINDINGS: readonly Binding[] = [
  { keys: ["j"], command: "next", where: "queue", acts: false },
  { keys: ["k"], command: "previous", where: "queue", acts: false },
  { keys: ["Enter"], command: "open", where: "queue", acts: false },
  { keys: ["c"], command: "claim", where: "case", acts: true },
  { keys: ["a"], command: "allow", where: "case", acts: true },
  { keys: ["r"], command: "uphold", where: "case", acts: true },
  { keys: ["e"], command: "escalate", where: "case", acts: true },
  { keys: ["m"], command: "mute", where: "case", acts: true },
  { keys: ["z"], command: "snooze", where: "case", acts: true },
  { keys: ["n"], command: "note", where: "case", acts: false },
  { keys: ["v"], command: "reveal", where: "case", acts: true },
  { keys: ["u"], command: "undo", where: "everywhere", acts: true },
  { keys: ["b"], command: "select", where: "queue", acts: false },
  { keys: ["/"], command: "search", where: "everywhere", acts: false },
  { keys: ["?"], command: "sheet", where: "everywhere", acts: false },
  { keys: ["Escape"], command: "back", where: "everywhere", acts: false },
  { keys: ["g", "q"], command: "go-queue", where: "everywhere", acts: false },
  { keys: ["g", "p"], command: "go-people", where: "everywhere", acts: false },
  { keys: ["g", "l"], command: "go-policy", where: "everywhere", acts: false },
  { keys: ["g", "d"], command: "go-dashboard", where: "everywhere", acts: false },
  { keys: ["g", "a"], command: "go-audit", where: "everywhere", acts: false },
  { keys: ["g", "s"], command: "go-settings", where: "everywhere", acts: false },
];

/** The part of a `KeyboardEvent` that counts. */
export interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
  isComposing: boolean;
}

export interface KeyContext {
  /** A field has the focus. */
  typing: boolean;
  /** What has the focus does something of its own on Enter: a button, a link, a checkbox. */
  onControl: boolean;
  dialogOpen: boolean;
  /** The next case is loading, or a decision is on its way: a held key must never decide a case that nobody saw. */
  busy: boolean;
  onQueue: boolean;
  /** A case is open, or rows are selected. */
  caseOpen: boolean;
  /** `g` was pressed a moment ago. */
  afterG: boolean;
}

export type KeyMeaning =
  | { kind: "command"; command: Command }
  /** Mod+Enter in a field: send what is written there. */
  | { kind: "send" }
  | { kind: "pair" }
  | { kind: "nothing" };

/** A pair's second key is waited for so long. */
export const PAIR_MS = 1200;

const NOTHING: KeyMeaning = { kind: "nothing" };

/** What a key means here and now. */
export function meaningOf(press: KeyPress, context: KeyContext): KeyMeaning {
  // An input method uses letters, Enter and Escape for itself while it composes Chinese.
  if (press.isComposing || press.repeat) return NOTHING;
  if (press.key === "Enter" && (press.ctrlKey || press.metaKey)) {
    return context.typing && !press.altKey ? { kind: "send" } : NOTHING;
  }
  if (press.ctrlKey || press.metaKey || press.altKey || context.dialogOpen) return NOTHING;
  if (context.typing) return press.key === "Escape" ? { kind: "command", command: "back" } : NOTHING;
  if (press.key === "Enter" && context.onControl) return NOTHING;
  // with Caps Lock on a letter is still that letter; `?` and `/` are not letters
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if (key === "g" && !context.afterG) return { kind: "pair" };
  const binding = BINDINGS.find(({ keys }) =>
    context.afterG ? keys.length === 2 && keys[1] === key : keys.length === 1 && keys[0] === key,
  );
  if (binding === undefined || (binding.acts && context.busy)) return NOTHING;
  if (binding.where !== "everywhere" && !context.onQueue) return NOTHING;
  if (binding.where === "case" && !context.caseOpen) return NOTHING;
  return { kind: "command", command: binding.command };
}

/** As printed on a button: `A`, `G Q`. */
export function keyCap(command: Command): string {
  const binding = BINDINGS.find((one) => one.command === command);
  return (binding?.keys ?? []).map((key) => (key.length === 1 ? key.toUpperCase() : key)).join(" ");
}

/** For `aria-keyshortcuts`; a pair has no word there. */
export function ariaKey(command: Command): string | undefined {
  const binding = BINDINGS.find((one) => one.command === command);
  return binding?.keys.length === 1 ? binding.keys[0] : undefined;
}
