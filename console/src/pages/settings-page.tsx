import type { Settings } from "../logic/api-types.ts";
import { Failure, Loading } from "../parts/states.tsx";
import { Ago, At } from "../parts/time.tsx";
import { post } from "../state/api.ts";
import { useFetched } from "../state/fetched.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { listed, nameOf, t } from "../words/words.ts";

/** How the service runs: read only, the environment rules. Sessions can be ended. */
export function SettingsPage() {
  const { now, again } = useFetched<Settings>("/settings");
  const found = now.value;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{t("settings")}</h1>
        <span class="soft">{t("settingsHint")}</span>
      </header>
      {found.state === "loading" && <Loading />}
      {found.state === "failed" && <Failure error={found.error} onRetry={again} />}
      {found.state === "there" && (
        <div class="person-grid">
          <Service is={found.value} />
          <section class="card">
            <h2>{t("reviewers")}</h2>
            <ul class="pairs">
              {found.value.people.map((person) => (
                <li key={person.userId}>
                  <span class="mono">{person.userId}</span>
                  <span>{nameOf("role", person.role)}</span>
                </li>
              ))}
            </ul>
          </section>
          <Sessions is={found.value} again={again} />
        </div>
      )}
    </div>
  );
}

function Service({ is }: { is: Settings }) {
  const rows: [string, string][] = [
    [t("serviceVersion"), is.serviceVersion],
    [t("channels"), listed(is.channels.map((one) => nameOf("channel", one)))],
    [t("model"), is.model],
    [t("guard"), is.guard ?? t("none")],
    [t("rawKept"), t("days", { count: is.retention.rawDays })],
    [t("maskedKept"), t("days", { count: is.retention.maskedDays })],
    [t("policySource"), nameOf("source", is.policySource)],
  ];
  return (
    <section class="card">
      <h2>{t("service")}</h2>
      <dl class="pairs">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Sessions({ is, again }: { is: Settings; again: () => void }) {
  const revoke = async (id: string) => {
    try {
      await post(`/settings/sessions/${encodeURIComponent(id)}/revoke`);
      say("good", t("sessionEnded"));
      again();
    } catch (error) {
      say("bad", explain(error));
    }
  };
  return (
    <section class="card wide">
      <h2>{t("sessions")}</h2>
      <ul class="pairs">
        {is.sessions.map((session) => (
          <li key={session.id}>
            <span class="mono">{session.userId}</span>
            <span class="soft">
              {t("since")} <At ms={session.atMs} />
            </span>
            <span class="soft">
              {t("lastSeen")} <Ago ms={session.lastSeenAtMs} />
            </span>
            {session.current ? (
              <span class="status resolved">{t("thisSession")}</span>
            ) : (
              <button type="button" class="button small" onClick={() => void revoke(session.id)}>
                {t("endSession")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
