import { clockOf, clockTime, fullTime, roughly, shortDuration } from "../logic/time-words.ts";
import { nowMs } from "../state/clock.ts";
import { languageTag } from "../state/preferences.ts";
import { t } from "../words/words.ts";
import { Icon } from "./icon.tsx";

export function durationWords(ms: number): string {
  const { count, unit } = roughly(ms);
  return t(unit, { count });
}

/** A moment; the whole of it when pointed at. */
export function At({ ms }: { ms: number }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={fullTime(ms, languageTag())}>
      {clockTime(ms, nowMs.value, languageTag())}
    </time>
  );
}

export function Ago({ ms }: { ms: number }) {
  return (
    <time dateTime={new Date(ms).toISOString()} title={fullTime(ms, languageTag())}>
      {t("ago", { time: durationWords(nowMs.value - ms) })}
    </time>
  );
}

/** How long there is to decide; red when it is over. */
export function DueClock({
  dueAtMs,
  raisedAtMs,
  long = false,
}: {
  dueAtMs: number;
  raisedAtMs: number;
  long?: boolean;
}) {
  const { urgency, leftMs } = clockOf(dueAtMs, raisedAtMs, nowMs.value);
  const time = durationWords(leftMs);
  return (
    <span class={`due ${urgency}`} title={t("dueAt", { time: fullTime(dueAtMs, languageTag()) })}>
      {long && <Icon name="clock" />}
      {urgency === "overdue" ? t("overdueBy", { time }) : t("dueIn", { time })}
    </span>
  );
}

export function milliseconds(ms: number | null): string {
  return ms === null ? "–" : shortDuration(ms);
}
