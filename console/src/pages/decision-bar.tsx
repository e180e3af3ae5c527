import type { CaseDetail } from "../logic/api-types.ts";
import { type Consequence, consequencesOf } from "../logic/consequence.ts";
import { hindranceOf } from "../logic/decisions.ts";
import { DRAFT_LIMITS } from "../logic/drafts.ts";
import { CommandButton, KeyCap } from "../parts/buttons.tsx";
import { Icon } from "../parts/icon.tsx";
import { durationWords } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { claimOpen, hindranceWords } from "../state/commands.ts";
import { saveNote } from "../state/deciding.ts";
import { openDialog } from "../state/dialogs.ts";
import { busy, changeDraft, draft } from "../state/open-case.ts";
import { me } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";

/** Where a case is decided: what follows is said before, the keys stand on the buttons. */
export function DecisionBar({ detail }: { detail: CaseDetail }) {
  const who = me.value;
  if (who === null || who.role === "viewer") return null;
  const hindrance = hindranceOf(detail, who, nowMs.value);
  const stopped = hindrance !== null || busy.value;
  return (
    <section class="decision-bar" aria-label={t("decide")} data-testid="decision-bar">
      {hindrance === null ? (
        <Consequences />
      ) : (
        <Hindered detail={detail} words={hindranceWords(hindrance)} hindrance={hindrance} />
      )}
      <NoteField />
      <div class="decision-buttons">
        <CommandButton command="allow" kind="good" disabled={stopped}>
          {t("allow")}
        </CommandButton>
        <CommandButton command="uphold" kind="bad" disabled={stopped}>
          {t("uphold")}
        </CommandButton>
        <div class="decision-more">
          <CommandButton command="escalate" disabled={stopped}>
            {t("escalate")}
          </CommandButton>
          <CommandButton command="mute" disabled={busy.value}>
            {t("mute")}
          </CommandButton>
          <CommandButton command="snooze" disabled={stopped}>
            {t("snooze")}
          </CommandButton>
          <button
            type="button"
            class="button"
            disabled={stopped}
            data-testid="extras"
            onClick={() => (openDialog.value = "extras")}
          >
            {t("extras")}
          </button>
          <button
            type="button"
            class="button"
            disabled={busy.value}
            data-testid="other"
            onClick={() => (openDialog.value = "resolutions")}
          >
            {t("otherResolution")}
          </button>
        </div>
      </div>
    </section>
  );
}

function Hindered({ detail, words, hindrance }: { detail: CaseDetail; words: string; hindrance: string }) {
  return (
    <p class="notice warn" data-testid="hindrance">
      <Icon name="alert" />
      <span>{hindrance === "held" ? t("heldBy", { name: detail.assignee ?? "" }) : words}</span>
      {hindrance === "held" && (
        <button type="button" class="button small" data-testid="take-over" onClick={() => void claimOpen(true)}>
          {t("takeOver")}
        </button>
      )}
    </p>
  );
}

function Consequences() {
  return (
    <dl class="consequences" data-testid="consequences">
      {(["false_positive", "confirmed"] as const).map((resolution) => (
        <div key={resolution} class={resolution === "confirmed" ? "bad" : "good"}>
          <dt>
            <KeyCap command={resolution === "confirmed" ? "uphold" : "allow"} />{" "}
            {resolution === "confirmed" ? t("uphold") : t("allow")}
          </dt>
          <dd>
            {consequencesOf(resolution, draft.value)
              .map((one) => consequenceWords(one, resolution))
              .join(t("then"))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function consequenceWords(one: Consequence, resolution: "false_positive" | "confirmed"): string {
  switch (one.what) {
    case "closes":
      return resolution === "confirmed" ? t("closesUpheld") : t("closesAllowed");
    case "strike":
      return t("countsAsStrike");
    case "recall":
      return t("recalls");
    case "restrict": {
      const time = one.hours === null ? t("untilLifted") : durationWords(one.hours * 3_600_000);
      return `${nameOf("kind", one.kind)} ${time}`;
    }
    case "warn":
      return t("memberGets", { text: one.text });
    case "answer":
      return t("botAnswers", { text: one.text });
    case "phrase":
      return t("teaches", { phrase: one.text });
  }
}

function NoteField() {
  const { note } = draft.value;
  return (
    <div class="note-field">
      <label for="note">
        {t("note")} <KeyCap command="note" />
      </label>
      <textarea
        id="note"
        data-note
        data-testid="note"
        rows={note.includes("\n") || note.length > 60 ? 3 : 1}
        maxLength={DRAFT_LIMITS.note}
        value={note}
        placeholder={t("notePlaceholder")}
        onInput={(event) => changeDraft({ note: event.currentTarget.value })}
      />
      {note.trim() !== "" && (
        <button
          type="button"
          class="button small"
          disabled={busy.value}
          data-testid="save-note"
          onClick={() => void saveNote()}
        >
          {t("saveNote")} <kbd class="key">{t("modEnter")}</kbd>
        </button>
      )}
    </div>
  );
}
