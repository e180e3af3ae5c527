/** Small helpers to build elements. Text always goes in as text nodes: nothing in this page parses HTML. */

/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props */
/** @typedef {Node | string | null | undefined | false} Child */

/**
 * Makes an element. `class` and `text` are what they say, `onclick`-like functions become listeners, `true` an empty
 * attribute; `false`, `null` and `undefined` leave the attribute out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = String(value);
    else if (name === "text") node.textContent = String(value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) node.append(child);
  return node;
}

/**
 * The element of the page's own HTML with this id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const node = document.getElementById(id);
  if (!(node instanceof kind)) throw new Error(`index.html lacks #${id}`);
  return node;
}

/**
 * Makes `container`'s children those of `items`, in order, keeping the element of an item that stays: focus, selection
 * and scroll positions survive.
 * @template Item
 * @param {HTMLElement} container
 * @param {readonly Item[]} items
 * @param {{ key: (item: Item) => string, make: (item: Item) => HTMLElement, update?: (node: HTMLElement, item: Item) => void }} how
 */
export function syncList(container, items, { key, make, update }) {
  /** @type {Map<string, HTMLElement>} */
  const old = new Map();
  for (const node of container.children) {
    if (node instanceof HTMLElement && node.dataset.key !== undefined) old.set(node.dataset.key, node);
  }
  /** @type {ChildNode | null} */
  let next = container.firstChild;
  for (const item of items) {
    const id = key(item);
    let node = old.get(id);
    old.delete(id);
    if (node === undefined) {
      node = make(item);
      node.dataset.key = id;
    }
    update?.(node, item);
    if (node === next) next = next.nextSibling;
    else container.insertBefore(node, next);
  }
  for (const node of old.values()) node.remove();
}

/**
 * What stands in a badge: a number for the eye, a sentence for the ear.
 * @param {number} count
 * @param {number} countMax past this a number says no more than "many", and does not fit
 * @param {string} spoken
 * @returns {HTMLElement[]}
 */
export function countBadge(count, countMax, spoken) {
  return [
    el("span", { "aria-hidden": "true", text: count > countMax ? `${countMax}+` : count }),
    el("span", { class: "visually-hidden", text: spoken }),
  ];
}

/**
 * An animation is a kindness that some people have asked to be spared.
 * @returns {boolean}
 */
export function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Copies text; falls back to the old way where the page is not in a secure context (a demo on another machine's address).
 * @param {string} text
 * @returns {Promise<boolean>} whether it is on the clipboard
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true", tabindex: -1 });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return done;
  }
}
