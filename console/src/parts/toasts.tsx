import { nowMs } from "../state/clock.ts";
import { dropToast, toasts } from "../state/toasts.ts";
import { t } from "../words/words.ts";
import { IconButton, KeyCap } from "./buttons.tsx";
import { Icon } from "./icon.tsx";
import { durationWords } from "./time.tsx";

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`} data-testid="toast">
          <Icon name={toast.kind === "bad" ? "alert" : "check"} />
          <span class="toast-text">{toast.text}</span>
          {toast.action !== undefined && (
            <button type="button" class="button small" data-testid="toast-undo" onClick={toast.action.run}>
              {toast.action.label}
              <span class="soft" aria-hidden="true">
                {durationWords(toast.action.untilMs - nowMs.value)}
              </span>
              <KeyCap command="undo" />
            </button>
          )}
          <IconButton icon="close" label={t("close")} onClick={() => dropToast(toast.id)} small />
        </div>
      ))}
    </div>
  );
}
