/** Line icons on a 24-unit grid, drawn with the text's colour. */

const PATHS = {
  alert: "M12 8v5M12 16.5v.5M10.3 4.1 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4.1a2 2 0 0 0-3.4 0Z",
  app: "M4 5.5A1.5 1.5 0 0 1 5.5 4h4A1.5 1.5 0 0 1 11 5.5v4A1.5 1.5 0 0 1 9.5 11h-4A1.5 1.5 0 0 1 4 9.5ZM13 5.5A1.5 1.5 0 0 1 14.5 4h4A1.5 1.5 0 0 1 20 5.5v4a1.5 1.5 0 0 1-1.5 1.5h-4A1.5 1.5 0 0 1 13 9.5ZM4 14.5A1.5 1.5 0 0 1 5.5 13h4a1.5 1.5 0 0 1 1.5 1.5v4A1.5 1.5 0 0 1 9.5 20h-4A1.5 1.5 0 0 1 4 18.5ZM16.5 13.5v6M13.5 16.5h6",
  attach: "M19 11.5l-7.3 7.2a4.6 4.6 0 0 1-6.5-6.5l7.6-7.5a3 3 0 0 1 4.3 4.3l-7.5 7.4a1.5 1.5 0 0 1-2.1-2.1l6.9-6.8",
  back: "M15 5l-7 7 7 7",
  bot: "M12 4v3M7 8h10a3 3 0 0 1 3 3v5a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3v-5a3 3 0 0 1 3-3ZM9 12.5v2M15 12.5v2M12 3.5v.5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h9a1.5 1.5 0 0 1 1.5 1.5v8A1.5 1.5 0 0 1 18 20h-7.5A1.5 1.5 0 0 1 9 18.5ZM5.5 15A1.5 1.5 0 0 1 4.5 13.5V5.5A1.5 1.5 0 0 1 6 4h7.5A1.5 1.5 0 0 1 15 5.5",
  down: "M12 5v14M6 13l6 6 6-6",
  faults: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z",
  file: "M7 3.5h7l4.5 4.5v11A1.5 1.5 0 0 1 17 20.5H7A1.5 1.5 0 0 1 5.5 19V5A1.5 1.5 0 0 1 7 3.5ZM13.5 3.5V8.5h5M9 13h6M9 16.5h4",
  flag: "M5 21V4M5 4.5c4-2 8 2 13 0v9c-5 2-9-2-13 0",
  globe:
    "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17ZM3.5 12h17M12 3.5c2.5 2.3 3.5 5.2 3.5 8.5s-1 6.2-3.5 8.5c-2.5-2.3-3.5-5.2-3.5-8.5s1-6.2 3.5-8.5Z",
  group:
    "M9 11.5a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM3.5 19c0-3 2.4-5 5.5-5s5.5 2 5.5 5M15.5 5.3a3.1 3.1 0 0 1 0 5.9M17 14.3c2.1.6 3.5 2.3 3.5 4.7",
  image:
    "M5 4.5h14A1.5 1.5 0 0 1 20.5 6v12a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18V6A1.5 1.5 0 0 1 5 4.5ZM8.5 10a1.25 1.25 0 1 0 0-2.5 1.25 1.25 0 0 0 0 2.5ZM4 17l5-4.5 3.5 3 3-2.5 5 4",
  keyboard:
    "M4.5 6.5h15A1.5 1.5 0 0 1 21 8v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 16V8a1.5 1.5 0 0 1 1.5-1.5ZM7 10h.01M10.5 10h.01M14 10h.01M17 10h.01M8 14h8",
  packets: "M4 8h13M13.5 4.5 17 8l-3.5 3.5M20 16H7M10.5 12.5 7 16l3.5 3.5",
  panel:
    "M5 4.5h14A1.5 1.5 0 0 1 20.5 6v12a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 18V6A1.5 1.5 0 0 1 5 4.5ZM14.5 4.5v15",
  quote: "M9.5 7C6.5 8 5 10.3 5 13.5V17h5v-5H7.3M18.5 7c-3 1-4.5 3.3-4.5 6.5V17h5v-5h-2.7",
  retry: "M4.5 12a7.5 7.5 0 1 0 2.2-5.3M4.5 4.5v4h4",
  send: "M4 12 20 4.5 15 20l-3.5-6.5L4 12ZM11.5 13.5 20 4.5",
  thumbDown:
    "M17 4.5v9M17 13.5l-4 6.5c-1.7 0-2.7-1-2.7-2.5V14H6a2 2 0 0 1-2-2.3l.9-5.5a2 2 0 0 1 2-1.7H17M17 4.5h3v9h-3",
  video:
    "M5 6.5h9A1.5 1.5 0 0 1 15.5 8v8a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 16V8A1.5 1.5 0 0 1 5 6.5ZM15.5 10.5 20.5 8v8l-5-2.5",
  voice:
    "M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5ZM6 11a6 6 0 0 0 12 0M12 17v3.5M9 20.5h6",
  thumbUp: "M7 19.5v-9M7 10.5l4-6.5c1.7 0 2.7 1 2.7 2.5V10H18a2 2 0 0 1 2 2.3l-.9 5.5a2 2 0 0 1-2 1.7H7M7 19.5H4v-9h3",
};

/** @typedef {keyof typeof PATHS} IconName */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon that screen readers skip; the button around it carries the name.
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Puts icons where index.html asks for them by `data-icon`. */
export function placeIcons() {
  for (const node of document.querySelectorAll("[data-icon]")) {
    const name = node instanceof HTMLElement ? node.dataset.icon : undefined;
    if (isIcon(name)) node.replaceWith(icon(name));
  }
}

/**
 * @param {string | undefined} name
 * @returns {name is IconName}
 */
function isIcon(name) {
  return name !== undefined && name in PATHS;
}
