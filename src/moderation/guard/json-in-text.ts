/** More than one or two are a model that ran away. */
const OBJECTS_MAX = 16;

/**
 * The JSON objects at the top level of a model's text, in order: alone, in a code fence, or with words around them. One pass;
 * what is not JSON is skipped.
 */
export function jsonObjectsIn(text: string): unknown[] {
  const objects: unknown[] = [];
  for (const { start, end } of braced(text)) {
    try {
      objects.push(JSON.parse(text.slice(start, end)));
    } catch {
      // Braces in prose or code.
    }
    if (objects.length === OBJECTS_MAX) break;
  }
  return objects;
}

/** Where outermost pairs of braces stand; braces within strings do not count. */
function braced(text: string): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let depth = 0;
  let start = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (inString) {
      if (char === "\\") at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') {
      inString = depth > 0;
    } else if (char === "{") {
      if (depth === 0) start = at;
      depth += 1;
    } else if (char === "}" && depth > 0) {
      depth -= 1;
      if (depth === 0) found.push({ start, end: at + 1 });
    }
  }
  return found;
}
