import icons from "../icons.svg";

export type IconName =
  | "alert"
  | "audit"
  | "back"
  | "check"
  | "clock"
  | "close"
  | "dashboard"
  | "eye"
  | "filter"
  | "globe"
  | "keyboard"
  | "leave"
  | "moon"
  | "more"
  | "mute"
  | "people"
  | "policy"
  | "queue"
  | "search"
  | "settings"
  | "star"
  | "sun"
  | "system"
  | "undo";

/** A line icon on a 24-unit grid, drawn with the text's colour; the thing around it carries the name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" aria-hidden="true">
      <use href={`${icons}#${name}`} />
    </svg>
  );
}
