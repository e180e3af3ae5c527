import type { ComponentChildren } from "preact";
import { explain } from "../state/words-of-errors.ts";
import { t } from "../words/words.ts";
import { Icon, type IconName } from "./icon.tsx";

/** What stands where nothing stands yet. */

export function Empty(props: { icon: IconName; title: string; text?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={props.icon} />
      </span>
      <p class="empty-title">{props.title}</p>
      {props.text !== undefined && <p>{props.text}</p>}
      {props.children}
    </div>
  );
}

export function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <div class="empty" role="alert" data-testid="failure">
      <span class="empty-icon bad">
        <Icon name="alert" />
      </span>
      <p class="empty-title">{t("failedTitle")}</p>
      <p>{explain(error)}</p>
      <button type="button" class="button" onClick={onRetry}>
        {t("tryAgain")}
      </button>
    </div>
  );
}

const SKELETON_ROWS = 6;

export function Loading({ rows = SKELETON_ROWS }: { rows?: number }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{t("loading")}</span>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} class="skeleton-row" />
      ))}
    </div>
  );
}
