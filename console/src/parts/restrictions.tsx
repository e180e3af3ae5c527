import type { Restriction } from "../logic/api-types.ts";
import { nowMs } from "../state/clock.ts";
import { nameOf, t } from "../words/words.ts";
import { At } from "./time.tsx";

export function isInForce(restriction: Restriction, atMs: number): boolean {
  return restriction.liftedAtMs === null && (restriction.untilMs === null || restriction.untilMs > atMs);
}

interface RestrictionListProps {
  restrictions: readonly Restriction[];
  /** Absent: only shown. */
  onLift?: (restriction: Restriction) => void;
}

export function RestrictionList({ restrictions, onLift }: RestrictionListProps) {
  if (restrictions.length === 0) return <p class="soft">{t("noRestrictions")}</p>;
  return (
    <ul class="restrictions">
      {restrictions.map((restriction) => {
        const inForce = isInForce(restriction, nowMs.value);
        return (
          <li key={restriction.restrictionId} class={inForce ? "in-force" : ""} data-testid="restriction">
            <p>
              <strong>{nameOf("kind", restriction.kind)}</strong>{" "}
              {restriction.liftedAtMs !== null ? t("lifted") : inForce ? t("inForce") : t("over")}
              {" · "}
              {restriction.untilMs === null ? t("untilLifted") : <At ms={restriction.untilMs} />}
            </p>
            <p class="soft">
              {restriction.by} · <At ms={restriction.atMs} /> · {restriction.reason}
            </p>
            {inForce && onLift !== undefined && (
              <button type="button" class="button small" data-testid="lift" onClick={() => onLift(restriction)}>
                {t("lift")}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
