import type { CaseDetail, Signal } from "../logic/api-types.ts";
import { NO_FILTERS } from "../logic/filters.ts";
import { hrefOf } from "../logic/routes.ts";
import { Icon } from "../parts/icon.tsx";
import { RestrictionList } from "../parts/restrictions.tsx";
import { toneOf } from "../parts/tags.tsx";
import { At } from "../parts/time.tsx";
import { shownTurns } from "../state/open-case.ts";
import { listed, nameOf, t } from "../words/words.ts";
import { Timeline } from "./timeline.tsx";

/** Beside the conversation: what each checker said, what the policy would say today, who the member is, what was done. */
export function CaseSide({ detail }: { detail: CaseDetail }) {
  return (
    <aside class="case-side" aria-label={t("caseFacts")}>
      <Verdicts />
      <Today detail={detail} />
      <Member detail={detail} />
      <Timeline detail={detail} />
    </aside>
  );
}

function Verdicts() {
  const flags = shownTurns.value.flatMap((turn) => turn.flags);
  return (
    <section class="card" data-testid="verdicts">
      <h3>{t("verdicts")}</h3>
      {flags.map((flag, index) => (
        <div key={`${flag.caseNumber} ${flag.direction ?? index}`}>
          {flags.length > 1 && <h4>{flag.direction === null ? t("appeal") : nameOf("direction", flag.direction)}</h4>}
          <ul class="signals">
            {flag.signals.map((signal) => (
              <SignalRow key={`${signal.checker} ${signal.rule} ${signal.category}`} signal={signal} />
            ))}
          </ul>
          {flag.signals.length === 0 && <p class="soft">{t("noSignals")}</p>}
        </div>
      ))}
    </section>
  );
}

export function SignalRow({ signal }: { signal: Signal }) {
  const share = Math.round(Math.min(1, Math.max(0, signal.confidence)) * 100);
  return (
    <li class="signal">
      <span class={`dot ${toneOf(signal.checker)}`} aria-hidden="true" />
      <span class="signal-name">
        {nameOf("checker", signal.checker)}
        <small>
          {nameOf("category", signal.category)} · <span class="mono">{signal.rule}</span>
        </small>
      </span>
      <span class="bar" aria-hidden="true">
        <span class={`bar-fill ${toneOf(signal.checker)}`} style={{ width: `${share}%` }} />
      </span>
      <span class="number">
        {share}%<span class="visually-hidden"> {t("confidence")}</span>
      </span>
    </li>
  );
}

function Today({ detail }: { detail: CaseDetail }) {
  const { today, action } = detail;
  if (today === null) return null;
  const same = today.action === action;
  return (
    <section class={same ? "card today" : "card today differs"}>
      <h3>{t("today")}</h3>
      <p>
        <strong>{nameOf("action", today.action)}</strong>
        {today.categories.length > 0 && ` · ${listed(today.categories.map((one) => nameOf("category", one)))}`}
      </p>
      <p class="soft">
        {same ? t("todaySame") : t("todayDiffers", { action: nameOf("action", action) })}{" "}
        <span class="mono">{today.policyVersion}</span>
      </p>
    </section>
  );
}

function Member({ detail }: { detail: CaseDetail }) {
  const { member } = detail;
  const flags = Object.entries(member.flags90Days).sort(([, one], [, other]) => other - one);
  const person = hrefOf({ page: "people", userId: member.userId, q: "", restricted: false });
  const theirs = hrefOf({
    page: "queue",
    filters: { ...NO_FILTERS, status: "all", userId: member.userId },
    caseNumber: null,
  });
  return (
    <section class="card" data-testid="member">
      <h3>{t("member")}</h3>
      <p class="member-line">
        <a href={person}>{member.name}</a>
        <span class="mono soft">{member.userId}</span>
      </p>
      <p class="soft">{t("memberLine", { turns: member.turns90Days, confirmed: member.confirmed90Days })}</p>
      {flags.length > 0 && (
        <p class="tags">
          {flags.map(([category, count]) => (
            <span key={category} class="tag">
              {nameOf("category", category)} {count}
            </span>
          ))}
        </p>
      )}
      {member.pausedUntilMs !== null && member.pausedUntilMs > Date.now() && (
        <p class="notice warn">
          <Icon name="clock" />
          <span>
            {t("pausedUntil")} <At ms={member.pausedUntilMs} />
          </span>
        </p>
      )}
      <RestrictionList restrictions={member.restrictions} />
      <p>
        <a href={theirs}>{t("allTheirCases")}</a>
      </p>
    </section>
  );
}
