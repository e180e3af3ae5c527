import { computed, signal } from "@preact/signals";
import { hrefOf, type Route, readRoute } from "../logic/routes.ts";

/** The page's address is its state: back, forward and a copied link all work. */

const address = signal({ pathname: location.pathname, search: location.search });

export const route = computed<Route>(() => readRoute(address.value.pathname, address.value.search));

export function go(to: Route, { replace = false } = {}): void {
  const href = hrefOf(to);
  if (href === `${location.pathname}${location.search}`) return;
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  read();
}

export function startNavigation(): void {
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const isPage = link.pathname.startsWith("/admin/") && !link.pathname.startsWith("/admin/api/");
    if (link.origin !== location.origin || !isPage || link.target !== "" || link.hasAttribute("download")) return;
    event.preventDefault();
    go(readRoute(link.pathname, link.search));
  });
}

function read(): void {
  address.value = { pathname: location.pathname, search: location.search };
}
