import { BINDINGS } from "../logic/keys.ts";
import { KeyCap } from "../parts/buttons.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { nameOf, t } from "../words/words.ts";

/** All keys, from the table that the dispatcher obeys. */
export function KeySheet() {
  return (
    <Dialog title={t("keys")} wide testId="sheet">
      <dl class="sheet">
        {BINDINGS.map(({ command }) => (
          <div key={command}>
            <dt>
              <KeyCap command={command} />
            </dt>
            <dd>{nameOf("command", command)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd class="key">{t("modEnter")}</kbd>
          </dt>
          <dd>{t("modEnterDoes")}</dd>
        </div>
      </dl>
      <p class="hint">{t("keysHint")}</p>
    </Dialog>
  );
}
