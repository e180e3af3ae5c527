/** Views that somebody gave a name, kept in their browser. A view is an address' query, so it survives new filters. */

export interface SavedView {
  name: string;
  /** As `writeFilters` writes it. */
  query: string;
}

/** More names than a list of them can be scanned for. */
export const VIEWS_MAX = 30;
export const VIEW_NAME_UNITS_MAX = 40;

export function readViews(kept: string | null): SavedView[] {
  try {
    const read: unknown = JSON.parse(kept ?? "[]");
    if (!Array.isArray(read)) return [];
    return read
      .filter((one): one is SavedView => typeof one?.name === "string" && typeof one?.query === "string")
      .slice(0, VIEWS_MAX);
  } catch {
    return []; // somebody else's
  }
}

/** A view of the same name is replaced; the newest stands first. */
export function withView(views: readonly SavedView[], view: SavedView): SavedView[] {
  const name = view.name.trim().slice(0, VIEW_NAME_UNITS_MAX);
  if (name === "") return [...views];
  return [{ ...view, name }, ...views.filter((one) => one.name !== name)].slice(0, VIEWS_MAX);
}
