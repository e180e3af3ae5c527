import { describe, expect, test } from "@jest/globals";
import { BINDINGS, type KeyContext, type KeyPress, keyCap, meaningOf } from "../../console/src/logic/keys.ts";

const READY: KeyContext = {
  typing: false,
  onControl: false,
  dialogOpen: false,
  busy: false,
  onQueue: true,
  caseOpen: true,
  afterG: false,
};

function press(key: string, part: Partial<KeyPress> = {}): KeyPress {
  return { key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, isComposing: false, ...part };
}

const COMMANDS = BINDINGS.map((binding) => [keyCap(binding.command), binding] as const);
const ACTING = COMMANDS.filter(([, { acts }]) => acts);

describe("the console's keys", () => {
  test("no two commands share a key, and every command has one", () => {
    const written = BINDINGS.map(({ keys }) => keys.join(" "));
    expect(new Set(written).size).toBe(written.length);
    expect(new Set(BINDINGS.map(({ command }) => command)).size).toBe(BINDINGS.length);
  });

  test.each(COMMANDS)("%s means its command when nothing stands against it", (_cap, { keys, command }) => {
    const context = { ...READY, afterG: keys.length === 2 };
    expect(meaningOf(press(keys.at(-1) ?? ""), context)).toEqual({ kind: "command", command });
  });

  test.each(ACTING)("%s decides nothing while the next case loads or an answer is awaited", (_cap, { keys }) => {
    const context = { ...READY, busy: true, afterG: keys.length === 2 };
    expect(meaningOf(press(keys.at(-1) ?? ""), context)).toEqual({ kind: "nothing" });
  });

  test.each(COMMANDS)(
    "%s means nothing held down, with a modifier, in a dialog, or to an input method",
    (_cap, { keys }) => {
      const key = keys.at(-1) ?? "";
      const context = { ...READY, afterG: keys.length === 2 };
      const nothing = { kind: "nothing" };
      expect(meaningOf(press(key, { repeat: true }), context)).toEqual(nothing);
      expect(meaningOf(press(key, { isComposing: true }), context)).toEqual(nothing);
      expect(meaningOf(press(key, { altKey: true }), context)).toEqual(nothing);
      expect(meaningOf(press(key, { metaKey: true }), context)).toEqual(nothing);
      expect(meaningOf(press(key, { ctrlKey: true }), context)).toEqual(nothing);
      expect(meaningOf(press(key), { ...context, dialogOpen: true })).toEqual(nothing);
    },
  );

  test("while typing only Escape and Mod+Enter are heard", () => {
    const typing = { ...READY, typing: true };
    for (const key of ["a", "r", "j", "/", "Enter", "g"]) {
      expect(meaningOf(press(key), typing)).toEqual({ kind: "nothing" });
    }
    expect(meaningOf(press("Escape"), typing)).toEqual({ kind: "command", command: "back" });
    expect(meaningOf(press("Enter", { ctrlKey: true }), typing)).toEqual({ kind: "send" });
    expect(meaningOf(press("Enter", { metaKey: true }), typing)).toEqual({ kind: "send" });
    expect(meaningOf(press("Enter", { ctrlKey: true, isComposing: true }), typing)).toEqual({ kind: "nothing" });
  });

  test("Enter is left to a button or link that has the focus", () => {
    expect(meaningOf(press("Enter"), { ...READY, onControl: true })).toEqual({ kind: "nothing" });
    expect(meaningOf(press("j"), { ...READY, onControl: true })).toEqual({ kind: "command", command: "next" });
  });

  test("a case's keys need a case, the queue's keys the queue; pages can be reached from anywhere", () => {
    expect(meaningOf(press("a"), { ...READY, caseOpen: false })).toEqual({ kind: "nothing" });
    expect(meaningOf(press("j"), { ...READY, onQueue: false })).toEqual({ kind: "nothing" });
    const elsewhere = { ...READY, onQueue: false, caseOpen: false };
    expect(meaningOf(press("g"), elsewhere)).toEqual({ kind: "pair" });
    expect(meaningOf(press("d"), { ...elsewhere, afterG: true })).toEqual({ kind: "command", command: "go-dashboard" });
  });

  test("after g the letter a goes to the audit log and never allows a case", () => {
    expect(meaningOf(press("a"), { ...READY, afterG: true })).toEqual({ kind: "command", command: "go-audit" });
  });

  test("Caps Lock changes nothing", () => {
    expect(meaningOf(press("R"), READY)).toEqual({ kind: "command", command: "uphold" });
  });
});
