import { useSignal } from "@preact/signals";
import type { PersonDetail, Restriction } from "../logic/api-types.ts";
import { NO_FILTERS } from "../logic/filters.ts";
import { hrefOf } from "../logic/routes.ts";
import { IconButton } from "../parts/buttons.tsx";
import { Icon } from "../parts/icon.tsx";
import { RestrictionList } from "../parts/restrictions.tsx";
import { Failure, Loading } from "../parts/states.tsx";
import { CategoryTags, SeverityTag, StatusTag } from "../parts/tags.tsx";
import { At } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { useFetched } from "../state/fetched.ts";
import { go } from "../state/navigation.ts";
import { role } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";
import { EraseDialog, HoldDialog, LiftDialog, RestrictPersonDialog } from "./person-dialogs.tsx";

type Asked = { what: "restrict" | "erase" | "hold" | "lift-pause" } | { what: "lift"; restriction: Restriction };

export function PersonView({ userId }: { userId: string }) {
  const { now, again } = useFetched<PersonDetail>(`/people/${encodeURIComponent(userId)}`);
  const asked = useSignal<Asked | null>(null);
  const back = () => go({ page: "people", userId: null, q: "", restricted: false });
  const found = now.value;
  if (found.state === "loading") return <Loading />;
  if (found.state === "failed") return <Failure error={found.error} onRetry={again} />;
  const person = found.value;
  const close = () => (asked.value = null);
  const done = () => again();
  return (
    <div class="page" data-testid="person">
      <header class="page-head">
        <IconButton icon="back" label={t("backToPeople")} onClick={back} />
        <h1>
          {person.name} <span class="mono soft">{person.userId}</span>
        </h1>
        <PersonActions person={person} ask={(what) => (asked.value = { what })} />
      </header>
      {person.onHold && (
        <p class="notice warn">
          <Icon name="audit" />
          <span>{t("onHold")}</span>
          {role.value === "admin" && (
            <button
              type="button"
              class="button small"
              data-testid="lift-hold"
              onClick={() => (asked.value = { what: "hold" })}
            >
              {t("liftHold")}
            </button>
          )}
        </p>
      )}
      {person.pausedUntilMs !== null && person.pausedUntilMs > nowMs.value && (
        <p class="notice warn">
          <Icon name="clock" />
          <span>
            {t("pausedUntil")} <At ms={person.pausedUntilMs} />
          </span>
          {role.value !== "viewer" && (
            <button type="button" class="button small" onClick={() => (asked.value = { what: "lift-pause" })}>
              {t("liftPause")}
            </button>
          )}
        </p>
      )}
      <div class="person-grid">
        <Numbers person={person} />
        <section class="card">
          <h2>{t("restrictions")}</h2>
          <RestrictionList
            restrictions={person.restrictions}
            {...(role.value === "viewer"
              ? {}
              : { onLift: (restriction) => (asked.value = { what: "lift", restriction }) })}
          />
        </section>
        <Cases person={person} />
      </div>
      {asked.value?.what === "restrict" && <RestrictPersonDialog person={person} onClose={close} onDone={done} />}
      {asked.value?.what === "hold" && <HoldDialog person={person} onClose={close} onDone={done} />}
      {asked.value?.what === "erase" && <EraseDialog person={person} onClose={close} onDone={done} />}
      {asked.value?.what === "lift" && (
        <LiftDialog person={person} restriction={asked.value.restriction} onClose={close} onDone={done} />
      )}
      {asked.value?.what === "lift-pause" && (
        <LiftDialog person={person} restriction={null} onClose={close} onDone={done} />
      )}
    </div>
  );
}

function PersonActions({ person, ask }: { person: PersonDetail; ask: (what: "restrict" | "erase" | "hold") => void }) {
  if (role.value === "viewer") return null;
  return (
    <div class="page-actions">
      <button type="button" class="button" data-testid="restrict" onClick={() => ask("restrict")}>
        <Icon name="mute" />
        {t("restrict")}
      </button>
      {role.value === "admin" && (
        <>
          <a class="button" href={`/admin/api/people/${encodeURIComponent(person.userId)}/export`} download>
            {t("export")}
          </a>
          {!person.onHold && (
            <button type="button" class="button" data-testid="hold" onClick={() => ask("hold")}>
              {t("hold")}
            </button>
          )}
          <button type="button" class="button bad" data-testid="erase" onClick={() => ask("erase")}>
            {t("erase")}
          </button>
        </>
      )}
    </div>
  );
}

function Numbers({ person }: { person: PersonDetail }) {
  const flags = Object.entries(person.flags90Days).sort(([, one], [, other]) => other - one);
  const most = Math.max(1, ...flags.map(([, count]) => count));
  return (
    <section class="card">
      <h2>{t("last90Days")}</h2>
      <dl class="figures">
        <div>
          <dt>{t("turns90")}</dt>
          <dd>{person.turns90Days}</dd>
        </div>
        <div>
          <dt>{t("flags90")}</dt>
          <dd>{flags.reduce((sum, [, count]) => sum + count, 0)}</dd>
        </div>
        <div>
          <dt>{t("confirmed90")}</dt>
          <dd>{person.confirmed90Days}</dd>
        </div>
      </dl>
      <ul class="category-bars">
        {flags.map(([category, count]) => (
          <li key={category}>
            <span>{nameOf("category", category)}</span>
            <span class="bar" aria-hidden="true">
              <span class="bar-fill slate" style={{ width: `${(count / most) * 100}%` }} />
            </span>
            <span class="number">{count}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Cases({ person }: { person: PersonDetail }) {
  const filters = { ...NO_FILTERS, status: "all" as const, userId: person.userId };
  return (
    <section class="card wide">
      <h2>{t("cases")}</h2>
      {person.cases.length === 0 && <p class="soft">{t("noCases")}</p>}
      <ul class="case-lines">
        {person.cases.map((row) => (
          <li key={row.caseNumber}>
            <SeverityTag severity={row.severity} />
            <a class="mono" href={hrefOf({ page: "queue", filters, caseNumber: row.caseNumber })}>
              {row.caseNumber}
            </a>
            <CategoryTags categories={row.categories} />
            <span class="case-line-text">{row.excerpt}</span>
            <StatusTag row={row} />
            <At ms={row.raisedAtMs} />
          </li>
        ))}
      </ul>
    </section>
  );
}
