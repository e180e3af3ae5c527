/** The lines that differ between two versions of a policy, with a little around them. */

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
  /** Line number in the older and in the newer text, from 1. */
  before: number | null;
  after: number | null;
}

/** Past so many changed lines the shortest way between two texts is not searched: all old lines go, all new ones come. */
const CHANGES_MAX = 1500;

/** All lines of both, in order (Myers' O(ND) between what is alike at both ends). */
export function diffLines(older: string, newer: string): DiffLine[] {
  const before = older.split("\n");
  const after = newer.split("\n");
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const longest = Math.min(before.length, after.length) - head;
  while (tail < longest && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const middle = shortestEdit(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  const lines: DiffLine[] = [];
  const place = { before: 0, after: 0 };
  const put = (kind: DiffLine["kind"]) => {
    const text = (kind === "added" ? after[place.after] : before[place.before]) ?? "";
    if (kind !== "added") place.before += 1;
    if (kind !== "removed") place.after += 1;
    const numbers = { before: kind === "added" ? null : place.before, after: kind === "removed" ? null : place.after };
    lines.push({ kind, text, ...numbers });
  };
  for (let index = 0; index < head; index += 1) put("same");
  for (const kind of middle) put(kind);
  for (let index = 0; index < tail; index += 1) put("same");
  return lines;
}

/** Only what changed and `around` lines beside it; `null` stands where something is left out. */
export function withContext(lines: readonly DiffLine[], around = 3): (DiffLine | null)[] {
  const near = new Set<number>();
  for (const [index, { kind }] of lines.entries()) {
    if (kind === "same") continue;
    for (let at = index - around; at <= index + around; at += 1) near.add(at);
  }
  const shown: (DiffLine | null)[] = [];
  for (const [index, line] of lines.entries()) {
    if (near.has(index)) shown.push(line);
    else if (shown.at(-1) !== null && index > 0) shown.push(null);
  }
  return shown.every((line) => line === null) ? [] : shown;
}

function shortestEdit(before: readonly string[], after: readonly string[]): DiffLine["kind"][] {
  const trace: Int32Array[] = [];
  const total = before.length + after.length;
  const offset = Math.min(total, CHANGES_MAX) + 1;
  let reach = new Int32Array(2 * offset + 1);
  for (let changes = 0; changes < offset; changes += 1) {
    trace.push(reach.slice());
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      let x = isDown(reach, offset, diagonal, changes)
        ? at(reach, offset + diagonal + 1)
        : at(reach, offset + diagonal - 1) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      reach[offset + diagonal] = x;
      if (x >= before.length && x - diagonal >= after.length)
        return walkBack(trace, offset, before.length, after.length);
    }
    reach = reach.slice();
  }
  return [...before.map(() => "removed" as const), ...after.map(() => "added" as const)];
}

function isDown(reach: Int32Array, offset: number, diagonal: number, changes: number): boolean {
  if (diagonal === -changes) return true;
  return diagonal !== changes && at(reach, offset + diagonal - 1) < at(reach, offset + diagonal + 1);
}

function walkBack(trace: readonly Int32Array[], offset: number, width: number, height: number): DiffLine["kind"][] {
  const kinds: DiffLine["kind"][] = [];
  let x = width;
  let y = height;
  for (let changes = trace.length - 1; changes >= 0; changes -= 1) {
    const reach = trace[changes] ?? new Int32Array();
    const diagonal = x - y;
    const down = isDown(reach, offset, diagonal, changes);
    const startX = changes === 0 ? 0 : at(reach, offset + diagonal + (down ? 1 : -1));
    const startY = changes === 0 ? 0 : startX - (diagonal + (down ? 1 : -1));
    while (x > startX && y > startY) {
      kinds.push("same");
      x -= 1;
      y -= 1;
    }
    if (changes > 0) kinds.push(down ? "added" : "removed");
    x = startX;
    y = startY;
  }
  return kinds.reverse();
}

function at(reach: Int32Array, index: number): number {
  return reach[index] ?? 0;
}
