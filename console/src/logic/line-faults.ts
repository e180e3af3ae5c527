/** Where in the policy's text a fault is. The checker writes `line 12: categories.pii: …`, YAML itself `… at line 12, column 3`. */

export interface Fault {
  /** From 1; null: the fault has no place. */
  line: number | null;
  text: string;
}

export function faultOf(fault: string): Fault {
  const led = /^\s*line (\d+):\s*/.exec(fault);
  if (led !== null) return { line: Number(led[1]), text: fault.slice(led[0].length) };
  const inside = /\bat line (\d+)\b/.exec(fault);
  return { line: inside === null ? null : Number(inside[1]), text: fault.trim() };
}

/** Offsets of a line (from 1) in a text, for selecting it; the last line when there are fewer. */
export function offsetsOfLine(text: string, line: number): { start: number; end: number } {
  let start = 0;
  for (let passed = 1; passed < line; passed += 1) {
    const next = text.indexOf("\n", start);
    if (next === -1) break;
    start = next + 1;
  }
  const end = text.indexOf("\n", start);
  return { start, end: end === -1 ? text.length : end };
}
