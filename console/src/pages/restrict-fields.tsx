import { maySetHours, RESTRICT_HOURS } from "../logic/decisions.ts";
import { Choice } from "../parts/fields.tsx";
import { durationWords } from "../parts/time.tsx";
import { role } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";

export interface RestrictChoice {
  kind: "mute" | "ban";
  /** Null: until it is lifted. */
  hours: number | null;
}

/** Kind and length of a restriction; what only admins may set is shown and cannot be chosen by others. */
export function RestrictFields({
  choice,
  onChange,
}: {
  choice: RestrictChoice;
  onChange: (choice: RestrictChoice) => void;
}) {
  return (
    <>
      <Choice
        legend={t("restrictKind")}
        value={choice.kind}
        onChange={(kind) => onChange({ ...choice, kind })}
        options={(["mute", "ban"] as const).map((value) => ({
          value,
          label: nameOf("kind", value),
          note: nameOf("kindNote", value),
        }))}
      />
      <Choice
        legend={t("restrictHours")}
        value={String(choice.hours)}
        onChange={(value) => onChange({ ...choice, hours: value === "null" ? null : Number(value) })}
        options={RESTRICT_HOURS.map((hours) => ({
          value: String(hours),
          label: hours === null ? t("untilLifted") : durationWords(hours * 3_600_000),
          disabled: !maySetHours(role.value, hours),
        }))}
      />
      {role.value !== "admin" && <p class="hint">{t("longOnesByAdmin")}</p>}
    </>
  );
}
