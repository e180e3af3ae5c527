import { useEffect } from "preact/hooks";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { session } from "../state/api.ts";
import { openDialog } from "../state/dialogs.ts";
import { startLine } from "../state/live.ts";
import { route } from "../state/navigation.ts";
import { heardOf, refreshCase } from "../state/open-case.ts";
import { policyChanged } from "../state/policy.ts";
import { counts, relist } from "../state/queue.ts";
import { askSession, role } from "../state/session.ts";
import { t } from "../words/words.ts";
import { AuditPage } from "./audit-page.tsx";
import { DashboardPage } from "./dashboard-page.tsx";
import { KeySheet } from "./key-sheet.tsx";
import { PeoplePage } from "./people-page.tsx";
import { PolicyPage } from "./policy-page.tsx";
import { QueuePage } from "./queue-page.tsx";
import { Rail } from "./rail.tsx";
import { SettingsPage } from "./settings-page.tsx";
import { SignIn } from "./sign-in.tsx";

export function App() {
  const now = session.value;
  const open = counts.value?.open ?? 0;
  const title = now.state === "in" && open > 0 ? `(${open}) ${t("title")}` : t("title");
  useEffect(() => {
    document.title = title;
  }, [title]);
  switch (now.state) {
    case "asking":
      return <Loading />;
    case "away":
      return (
        <main class="alone">
          <Failure error={now.error} onRetry={() => void askSession()} />
        </main>
      );
    case "out":
      return <SignIn expired={now.expired} />;
    case "in":
      return <Inside />;
  }
}

function Inside() {
  useEffect(
    () =>
      startLine({
        event(event) {
          if (event.type === "case") heardOf(event.case);
          else if (event.type === "counts") counts.value = event.counts;
          else policyChanged(event.version);
        },
        caughtUp() {
          relist();
          void refreshCase();
        },
      }),
    [],
  );
  return (
    <div class="shell">
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <Rail />
      <main id="main" class="main" tabIndex={-1}>
        <Page />
      </main>
      <Toasts />
      {openDialog.value === "sheet" && <KeySheet />}
    </div>
  );
}

function Page() {
  const now = route.value;
  const isAdmin = role.value === "admin";
  switch (now.page) {
    case "queue":
      return <QueuePage filters={now.filters} caseNumber={now.caseNumber} />;
    case "people":
      return <PeoplePage userId={now.userId} q={now.q} restricted={now.restricted} />;
    case "policy":
      return <PolicyPage />;
    case "dashboard":
      return <DashboardPage days={now.days} />;
    case "audit":
      return isAdmin ? <AuditPage subject={now.subject} /> : <AdminsOnly />;
    case "settings":
      return isAdmin ? <SettingsPage /> : <AdminsOnly />;
  }
}

function AdminsOnly() {
  return (
    <div class="page">
      <Empty icon="policy" title={t("adminsOnly")} text={t("errorNotAllowed")} />
    </div>
  );
}
