import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { PolicyAnswer } from "../logic/api-types.ts";
import { Dialog, FormDialog } from "../parts/dialog.tsx";
import { Loading } from "../parts/states.tsx";
import { At } from "../parts/time.tsx";
import { get } from "../state/api.ts";
import { activate, mayEdit, policy } from "../state/policy.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { t } from "../words/words.ts";
import { ReasonField } from "./case-dialogs.tsx";
import { Diff } from "./diff.tsx";

type Version = PolicyAnswer["versions"][number];
type Asked = { what: "diff" | "rollback"; version: Version };

export function PolicyVersions() {
  const asked = useSignal<Asked | null>(null);
  const versions = policy.value?.versions ?? [];
  return (
    <section class="card" data-testid="versions">
      <h2>{t("versions")}</h2>
      {versions.length === 0 && <p class="soft">{t("noVersions")}</p>}
      <ol class="versions">
        {versions.map((version) => (
          <li key={version.id} class={version.active ? "active" : ""} data-testid="version">
            <p>
              <span class="mono">{version.version}</span>
              {version.active && <span class="status resolved">{t("inForce")}</span>}
            </p>
            <p>{version.note}</p>
            <p class="soft">
              {version.by} · <At ms={version.atMs} />
            </p>
            {!version.active && (
              <p class="version-actions">
                <button type="button" class="link-button" onClick={() => (asked.value = { what: "diff", version })}>
                  {t("compare")}
                </button>
                {mayEdit.value && (
                  <button
                    type="button"
                    class="link-button"
                    data-testid="rollback"
                    onClick={() => (asked.value = { what: "rollback", version })}
                  >
                    {t("rollback")}
                  </button>
                )}
              </p>
            )}
          </li>
        ))}
      </ol>
      {asked.value?.what === "diff" && (
        <Dialog
          title={t("compareTitle", { version: asked.value.version.version })}
          wide
          onClose={() => (asked.value = null)}
        >
          <VersionDiff version={asked.value.version} />
        </Dialog>
      )}
      {asked.value?.what === "rollback" && (
        <RollbackDialog version={asked.value.version} onClose={() => (asked.value = null)} />
      )}
    </section>
  );
}

/** From what is in force to that version. */
function VersionDiff({ version }: { version: Version }) {
  const text = useSignal<string | null>(null);
  const fault = useSignal<string | null>(null);
  useEffect(() => {
    get<{ text: string }>(`/policy/versions/${version.id}`)
      .then((answer) => {
        text.value = answer.text;
      })
      .catch((error: unknown) => {
        fault.value = explain(error);
      });
  }, [version.id]);
  if (fault.value !== null) return <p class="notice bad">{fault.value}</p>;
  if (text.value === null) return <Loading rows={3} />;
  return <Diff older={policy.value?.text ?? ""} newer={text.value} />;
}

function RollbackDialog({ version, onClose }: { version: Version; onClose: () => void }) {
  const reason = useSignal("");
  return (
    <FormDialog
      title={t("rollbackTitle", { version: version.version })}
      submit={t("rollback")}
      disabled={reason.value.trim() === ""}
      onClose={onClose}
      wide
      testId="rollback-dialog"
      onSubmit={async () => {
        await activate(version.id, reason.value.trim());
        say("good", t("rolledBack", { version: version.version }));
      }}
    >
      <VersionDiff version={version} />
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
    </FormDialog>
  );
}
