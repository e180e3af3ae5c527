import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { CaseRow, Resolution } from "../logic/api-types.ts";
import { isClosed, maySetHours, snoozeUntilMs } from "../logic/decisions.ts";
import { DRAFT_LIMITS } from "../logic/drafts.ts";
import { FormDialog } from "../parts/dialog.tsx";
import { Check, Choice, TextArea, TextField } from "../parts/fields.tsx";
import { decide, resolve } from "../state/deciding.ts";
import { openDialog } from "../state/dialogs.ts";
import { changeDraft, draft, openCase, reveal, shownTurns } from "../state/open-case.ts";
import { role } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { nameOf, t } from "../words/words.ts";
import { type RestrictChoice, RestrictFields } from "./restrict-fields.tsx";

/** What a case's keys ask before they act. */
export function CaseDialogs() {
  if (openCase.value === null) return null;
  const dialogs: Partial<Record<string, () => ComponentChildren>> = {
    restrict: () => <RestrictDialog />,
    escalate: () => <EscalateDialog />,
    snooze: () => <SnoozeDialog />,
    reveal: () => <RevealDialog />,
    extras: () => <ExtrasDialog />,
    resolutions: () => <ResolutionDialog />,
  };
  return <>{openDialog.value === null ? null : dialogs[openDialog.value]?.()}</>;
}

function RestrictDialog() {
  const choice = useSignal<RestrictChoice>(draft.value.restrict ?? { kind: "mute", hours: 24 });
  return (
    <FormDialog
      title={t("restrictTitle", { name: openCase.value?.userName ?? "" })}
      submit={t("prepare")}
      disabled={!maySetHours(role.value, choice.value.hours)}
      testId="restrict-dialog"
      aside={
        draft.value.restrict !== null && (
          <button
            type="button"
            class="button quiet aside"
            onClick={() => {
              changeDraft({ restrict: null });
              openDialog.value = null;
            }}
          >
            {t("dropRestriction")}
          </button>
        )
      }
      onSubmit={() => {
        changeDraft({ restrict: choice.value });
        say("plain", t("restrictPrepared"));
      }}
    >
      <RestrictFields choice={choice.value} onChange={(next) => (choice.value = next)} />
      <p class="hint">{t("restrictWithUphold")}</p>
    </FormDialog>
  );
}

function EscalateDialog() {
  const to = useSignal<"admin" | "reviewer">("admin");
  const reason = useSignal("");
  return (
    <FormDialog
      title={t("escalateTitle")}
      submit={t("escalate")}
      testId="escalate-dialog"
      onSubmit={async () => {
        const detail = openCase.value;
        if (detail === null) return;
        openDialog.value = null;
        const request = { version: detail.version, move: "escalate", to: to.value, reason: reason.value } as const;
        await decide({ ...request, note: draft.value.note.trim() }, nameOf("move", "escalate"));
      }}
    >
      <Choice
        legend={t("escalateTo")}
        value={to.value}
        onChange={(next) => (to.value = next)}
        options={(["admin", "reviewer"] as const).map((value) => ({ value, label: nameOf("role", value) }))}
      />
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required={false} />
    </FormDialog>
  );
}

const SNOOZES = ["hour", "hours4", "tomorrow", "days3"] as const;

function SnoozeDialog() {
  const choice = useSignal<(typeof SNOOZES)[number]>("hours4");
  const words = {
    hour: t("snoozeHour"),
    hours4: t("snoozeHours4"),
    tomorrow: t("snoozeTomorrow"),
    days3: t("snoozeDays3"),
  };
  return (
    <FormDialog
      title={t("snoozeTitle")}
      submit={t("snooze")}
      testId="snooze-dialog"
      onSubmit={async () => {
        const detail = openCase.value;
        if (detail === null) return;
        openDialog.value = null;
        const until = snoozeUntilMs(choice.value, new Date());
        const request = { version: detail.version, move: "snooze", snoozeUntilMs: until } as const;
        await decide({ ...request, note: draft.value.note.trim() }, nameOf("move", "snooze"));
      }}
    >
      <Choice
        legend={t("snoozeUntil")}
        value={choice.value}
        onChange={(next) => (choice.value = next)}
        options={SNOOZES.map((value) => ({ value, label: words[value] }))}
      />
    </FormDialog>
  );
}

const REVEAL_REASONS = ["revealMasked", "revealContext", "revealAppeal"] as const;

function RevealDialog() {
  const reason = useSignal(t("revealMasked"));
  return (
    <FormDialog
      title={t("revealTitle")}
      submit={t("reveal")}
      testId="reveal-dialog"
      onSubmit={() => reveal(reason.value.trim())}
      disabled={reason.value.trim() === ""}
    >
      <p class="hint">{t("revealHint")}</p>
      <p class="suggestions">
        {REVEAL_REASONS.map((word) => (
          <button
            key={word}
            type="button"
            class="chip"
            aria-pressed={reason.value === t(word)}
            onClick={() => (reason.value = t(word))}
          >
            {t(word)}
          </button>
        ))}
      </p>
      <ReasonField value={reason.value} onInput={(next) => (reason.value = next)} required first />
    </FormDialog>
  );
}

/** Beside the decision: said, taught, taken back. Kept in the draft, so that it may be looked at before it is done. */
function ExtrasDialog() {
  const now = draft.value;
  const isApp = openCase.value?.channel === "app";
  return (
    <FormDialog title={t("extrasTitle")} submit={t("prepare")} testId="extras-dialog" onSubmit={() => undefined}>
      <h3>{t("withUphold")}</h3>
      <TextArea
        label={t("warnMember")}
        value={now.warn}
        maxLength={DRAFT_LIMITS.warn}
        onInput={(warn) => changeDraft({ warn })}
        hint={t("warnHint")}
        testId="warn"
        first
      />
      {now.warn === "" && (
        <button type="button" class="link-button" onClick={() => changeDraft({ warn: t("warnTemplate") })}>
          {t("useTemplate")}
        </button>
      )}
      {isApp && role.value === "admin" && (
        <Check checked={now.recall} onChange={(recall) => changeDraft({ recall })}>
          {t("recallSent")}
        </Check>
      )}
      <h3>{t("withAllow")}</h3>
      <TextField
        label={t("allowPhrase")}
        value={now.allowPhrase}
        maxLength={DRAFT_LIMITS.allowPhrase}
        onInput={(allowPhrase) => changeDraft({ allowPhrase })}
        hint={t("allowPhraseHint")}
        testId="allow-phrase"
      />
      {now.allowPhrase === "" && (
        <p class="suggestions">
          {phrasesFound().map((phrase) => (
            <button key={phrase} type="button" class="chip" onClick={() => changeDraft({ allowPhrase: phrase })}>
              {phrase}
            </button>
          ))}
        </p>
      )}
      <TextArea
        label={t("answerAfterAll")}
        value={now.answer}
        maxLength={DRAFT_LIMITS.answer}
        onInput={(answer) => changeDraft({ answer })}
        hint={t("answerHint")}
      />
    </FormDialog>
  );
}

const PHRASES_MAX = 4;

/** What the checkers marked, as a beginning for an allow-phrase. */
function phrasesFound(): string[] {
  const flags = shownTurns.value.flatMap((turn) => turn.flags);
  const marked = flags.flatMap((flag) =>
    flag.signals.flatMap((signal) => signal.spans.map(({ start, end }) => flag.text.slice(start, end).trim())),
  );
  const fitting = marked.filter((phrase) => phrase.length > 1 && phrase.length <= DRAFT_LIMITS.allowPhrase);
  return [...new Set(fitting)].slice(0, PHRASES_MAX);
}

const RESOLUTIONS = ["benign_true_hit", "duplicate", "needs_policy", "false_positive", "confirmed"] as const;

type Choosable = Resolution | "wake" | "reopen";

/** A closed case can only be opened again; a snoozed one can also come back now. */
function choicesFor(row: CaseRow | null): readonly Choosable[] {
  if (row === null || isClosed(row)) return ["reopen"];
  return row.status === "snoozed" ? [...RESOLUTIONS, "wake"] : RESOLUTIONS;
}

function ResolutionDialog() {
  const choices = choicesFor(openCase.value);
  const choice = useSignal<Choosable>(choices[0] ?? "reopen");
  return (
    <FormDialog
      title={t("otherTitle")}
      submit={t("decideNow")}
      testId="resolution-dialog"
      onSubmit={async () => {
        const now = openCase.value;
        const chosen = choice.value;
        if (now === null) return;
        openDialog.value = null;
        if (chosen !== "wake" && chosen !== "reopen") return resolve(chosen);
        const request = { version: now.version, move: chosen, note: draft.value.note.trim() } as const;
        await decide(request, nameOf("move", chosen));
      }}
    >
      <Choice
        legend={t("decide")}
        columns={false}
        value={choice.value}
        onChange={(next) => (choice.value = next)}
        options={choices.map((value) => ({
          value,
          label: nameOf(value === "wake" || value === "reopen" ? "move" : "resolution", value),
          note: nameOf("resolutionNote", value),
        }))}
      />
    </FormDialog>
  );
}

export function ReasonField(props: {
  value: string;
  onInput: (value: string) => void;
  required: boolean;
  first?: boolean;
}) {
  return (
    <TextField
      label={props.required ? t("reason") : t("reasonOptional")}
      value={props.value}
      maxLength={200}
      required={props.required}
      onInput={props.onInput}
      hint={t("reasonHint")}
      testId="reason"
      first={props.first ?? false}
    />
  );
}
