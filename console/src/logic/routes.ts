import { type Filters, NO_FILTERS, readFilters, writeFilters } from "./filters.ts";

/** The pages' addresses. Userids stand in the query: one with a dot in a path would be taken for a file. */

export const ROOT = "/admin/";
export const PAGES = ["queue", "people", "policy", "dashboard", "audit", "settings"] as const;
export type PageName = (typeof PAGES)[number];

export type Route =
  | { page: "queue"; filters: Filters; caseNumber: string | null }
  | { page: "people"; userId: string | null; q: string; restricted: boolean }
  | { page: "audit"; subject: string }
  | { page: "dashboard"; days: number }
  | { page: "policy" | "settings" };

const CASE_NUMBER = /^[0-9A-Z]{5}-[0-9A-Z]{5}$/;
export const DASHBOARD_DAYS = [1, 7, 30, 90] as const;

/** Everything unknown is the queue. */
export function readRoute(pathname: string, search: string): Route {
  const [page = "", second = ""] = pathname.slice(ROOT.length).split("/");
  const given = new URLSearchParams(search);
  switch (page) {
    case "people":
      return {
        page,
        userId: given.get("user"),
        q: (given.get("q") ?? "").slice(0, 64),
        restricted: given.get("restricted") === "1",
      };
    case "audit":
      return { page, subject: (given.get("subject") ?? "").slice(0, 100) };
    case "dashboard": {
      const days = Number(given.get("days"));
      return { page, days: DASHBOARD_DAYS.find((one) => one === days) ?? 7 };
    }
    case "policy":
    case "settings":
      return { page };
    default: {
      const caseNumber = second.toUpperCase();
      const known = page === "cases" && CASE_NUMBER.test(caseNumber);
      return { page: "queue", filters: readFilters(search), caseNumber: known ? caseNumber : null };
    }
  }
}

export function hrefOf(route: Route): string {
  switch (route.page) {
    case "queue": {
      const path = route.caseNumber === null ? "queue" : `cases/${route.caseNumber}`;
      return `${ROOT}${path}${writeFilters(route.filters)}`;
    }
    case "people": {
      const query = new URLSearchParams();
      if (route.userId !== null) query.set("user", route.userId);
      if (route.q !== "") query.set("q", route.q);
      if (route.restricted) query.set("restricted", "1");
      return `${ROOT}people${led(query)}`;
    }
    case "audit":
      return `${ROOT}audit${led(new URLSearchParams(route.subject === "" ? {} : { subject: route.subject }))}`;
    case "dashboard":
      return `${ROOT}dashboard${route.days === 7 ? "" : `?days=${route.days}`}`;
    default:
      return `${ROOT}${route.page}`;
  }
}

/** Where the subject of an audit row is to be looked at: `case:…` and `member:…`; null for others. */
export function hrefOfSubject(subject: string): string | null {
  const [kind, name = ""] = subject.split(/:(.*)/s);
  if (kind === "member" && name !== "") return hrefOf({ page: "people", userId: name, q: "", restricted: false });
  if (kind !== "case" || !CASE_NUMBER.test(name)) return null;
  return hrefOf({ page: "queue", filters: { ...NO_FILTERS, status: "all" }, caseNumber: name });
}

function led(query: URLSearchParams): string {
  const written = query.toString();
  return written === "" ? "" : `?${written}`;
}
