import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { FormDialog } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { Failure, Loading } from "../parts/states.tsx";
import {
  baseVersion,
  check,
  checkText,
  dropEdits,
  isEdited,
  loadPolicy,
  mayEdit,
  overtaken,
  policy,
  policyError,
  rebase,
  savePolicy,
  text,
  wantedLine,
} from "../state/policy.ts";
import { role } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, t } from "../words/words.ts";
import { Diff } from "./diff.tsx";
import { PolicyBench } from "./policy-bench.tsx";
import { PolicyEditor } from "./policy-editor.tsx";
import { PolicyVersions } from "./policy-versions.tsx";

export function PolicyPage() {
  useEffect(() => {
    if (policy.peek() === null || !isEdited.peek()) void loadPolicy();
  }, []);
  const now = policy.value;
  if (now === null) {
    return policyError.value === null ? (
      <Loading />
    ) : (
      <Failure error={policyError.value} onRetry={() => void loadPolicy()} />
    );
  }
  return (
    <div class="page policy-page">
      <header class="page-head">
        <h1>{t("policy")}</h1>
        <span class="mono tag" data-testid="policy-version">
          {now.version}
        </span>
        <span class="soft">{nameOf("source", now.source)}</span>
        {isEdited.value && <span class="status claimed">{t("edited")}</span>}
      </header>
      <Notices />
      <div class="policy-grid">
        <section class="card editor-card" aria-label={t("policyText")}>
          <PolicyEditor readOnly={!mayEdit.value} />
          <Faults />
          <EditorActions />
        </section>
        <div class="policy-side">
          <PolicyBench />
          <PolicyVersions />
        </div>
      </div>
    </div>
  );
}

function Notices() {
  return (
    <>
      {policy.value?.source === "file" && (
        <p class="notice" data-testid="read-only">
          <Icon name="audit" />
          <span>{t("policyFromFile")}</span>
        </p>
      )}
      {policy.value?.source !== "file" && role.value !== "admin" && (
        <p class="notice">
          <Icon name="eye" />
          <span>{t("policyAdminsOnly")}</span>
        </p>
      )}
      {overtaken.value && (
        <div class="notice warn" role="alert" data-testid="overtaken">
          <Icon name="alert" />
          <span>{t("policyOvertaken", { base: baseVersion.value, version: policy.value?.version ?? "" })}</span>
          <button type="button" class="button small" onClick={rebase}>
            {t("keepMine")}
          </button>
          <button type="button" class="button small" onClick={dropEdits}>
            {t("takeTheirs")}
          </button>
        </div>
      )}
    </>
  );
}

function Faults() {
  const result = check.value;
  if (result === null) return null;
  const old = result.of !== text.value;
  if (result.ok) {
    return (
      <p class={old ? "check-result soft" : "check-result good"} role="status" data-testid="check-ok">
        <Icon name="check" />
        <span>{old ? t("checkOld") : t("checkOk")}</span>
      </p>
    );
  }
  return (
    <div class="faults" role="status" data-testid="faults">
      <p>{t("faultCount", { count: result.faults.length })}</p>
      <ul>
        {result.faults.map((fault) => (
          <li key={`${fault.line} ${fault.text}`}>
            {fault.line === null ? (
              <span>{fault.text}</span>
            ) : (
              <button
                type="button"
                class="fault"
                data-testid="fault"
                onClick={() => {
                  if (fault.line !== null) wantedLine.value = { line: fault.line };
                }}
              >
                <span class="mono">{t("lineNumber", { line: fault.line })}</span> {fault.text}
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

function EditorActions() {
  const sending = useSignal(false);
  const asking = useSignal(false);
  const tried = async (act: () => Promise<boolean>) => {
    sending.value = true;
    try {
      return await act();
    } catch (error) {
      say("bad", explain(error));
      return false;
    } finally {
      sending.value = false;
    }
  };
  if (role.value === "viewer") return null;
  return (
    <div class="editor-actions">
      <button
        type="button"
        class="button"
        disabled={sending.value}
        data-testid="check"
        onClick={() => void tried(checkText)}
      >
        {t("check")}
      </button>
      {mayEdit.value && (
        <>
          <button
            type="button"
            class="button primary"
            data-testid="save"
            disabled={sending.value || !isEdited.value || overtaken.value}
            onClick={() => {
              void tried(checkText).then((fits) => (asking.value = fits));
            }}
          >
            {t("save")}
          </button>
          <button type="button" class="button quiet" disabled={!isEdited.value} onClick={dropEdits}>
            {t("dropEdits")}
          </button>
        </>
      )}
      {asking.value && <SaveDialog onClose={() => (asking.value = false)} />}
    </div>
  );
}

function SaveDialog({ onClose }: { onClose: () => void }) {
  const note = useSignal("");
  return (
    <FormDialog
      title={t("saveTitle")}
      submit={t("saveNow")}
      disabled={note.value.trim() === ""}
      onClose={onClose}
      wide
      testId="save-dialog"
      onSubmit={async () => {
        await savePolicy(note.value.trim());
        say("good", t("policySaved", { version: policy.value?.version ?? "" }));
      }}
    >
      <Diff older={policy.value?.text ?? ""} newer={text.value} />
      <TextField
        label={t("versionNote")}
        value={note.value}
        maxLength={200}
        required
        onInput={(next) => (note.value = next)}
        testId="version-note"
        first
      />
    </FormDialog>
  );
}
