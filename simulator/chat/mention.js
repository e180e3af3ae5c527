/** What an "@" in a message means, without the page: pure, so that it can be tested anywhere. */

/** @typedef {{ userId: string, name: string, isBot: boolean }} Candidate */

/** A name longer than this is no name; without a bound every "@" far back in the text would be searched for. */
const QUERY_UNITS_MAX = 32;
const CANDIDATES_MAX = 8;

/**
 * The unfinished mention that ends at the caret: where its "@" stands and what follows it. Null when there is none.
 * @param {string} text
 * @param {number} caret
 * @returns {{ from: number, query: string } | null}
 */
export function mentionAt(text, caret) {
  const from = text.lastIndexOf("@", caret - 1);
  if (from === -1 || caret - from - 1 > QUERY_UNITS_MAX) return null;
  const query = text.slice(from + 1, caret);
  // "me@example.com" is an address
  const before = text[from - 1] ?? " ";
  return /\s/.test(query) || /[\w.+-]/.test(before) ? null : { from, query };
}

/**
 * Who can be meant, those whose name begins so first.
 * @param {readonly Candidate[]} candidates
 * @param {string} query
 * @returns {Candidate[]}
 */
export function matchCandidates(candidates, query) {
  const wanted = query.toLocaleLowerCase();
  const place = (/** @type {Candidate} */ { name, userId }) => {
    const at = name.toLocaleLowerCase().indexOf(wanted);
    return at === 0 ? 0 : userId.toLowerCase().startsWith(wanted) ? 1 : at > 0 ? 2 : 3;
  };
  return candidates
    .filter((candidate) => place(candidate) < 3)
    .toSorted((a, b) => place(a) - place(b))
    .slice(0, CANDIDATES_MAX);
}

/**
 * The text with the mention written out, and where the caret goes.
 * @param {string} text
 * @param {number} caret
 * @param {number} from where the "@" stands
 * @param {string} name
 * @returns {{ text: string, caret: number }}
 */
export function completeMention(text, caret, from, name) {
  const rest = text.slice(caret);
  const inserted = `@${name}${/^\s/.test(rest) ? "" : " "}`;
  const after = from + inserted.length + (/^\s/.test(rest) ? 1 : 0);
  return { text: text.slice(0, from) + inserted + rest, caret: after };
}
