import { useEffect, useRef } from "preact/hooks";
import type { CaseDetail } from "../logic/api-types.ts";
import { heldByOther } from "../logic/decisions.ts";
import { hrefOf } from "../logic/routes.ts";
import { CommandButton, IconButton } from "../parts/buttons.tsx";
import { Icon } from "../parts/icon.tsx";
import { Empty, Failure, Loading } from "../parts/states.tsx";
import { CategoryTags, SeverityTag, StatusTag } from "../parts/tags.tsx";
import { Ago, DueClock } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { run } from "../state/commands.ts";
import { startReviewing } from "../state/deciding.ts";
import { busy, changed, conflict, desk, fetchCase, isRaw, rawTurns, refreshCase } from "../state/open-case.ts";
import { counts } from "../state/queue.ts";
import { isMe, me } from "../state/session.ts";
import { nameOf, t } from "../words/words.ts";
import { CaseSide } from "./case-side.tsx";
import { Conversation } from "./conversation.tsx";
import { DecisionBar } from "./decision-bar.tsx";

/** The desk: the open case, or why there is none. */
export function CaseView() {
  const now = desk.value;
  if (now.state === "open") return <OpenCase key={now.detail.caseNumber} detail={now.detail} />;
  if (now.state === "loading") return <Loading rows={8} />;
  if (now.state === "failed") return <Failure error={now.error} onRetry={() => void fetchCase(now.caseNumber)} />;
  const mayReview = me.value?.role !== "viewer";
  if (now.state === "cleared") {
    return <Empty icon="check" title={t("clearedTitle")} text={t("clearedText")} />;
  }
  const open = counts.value?.open ?? 0;
  return (
    <Empty icon="queue" title={t("deskEmpty")} text={t("deskEmptyText", { count: open })}>
      {mayReview && open > 0 && (
        <button type="button" class="button primary" data-testid="start" onClick={() => void startReviewing()}>
          {t("startReviewing")}
        </button>
      )}
    </Empty>
  );
}

function OpenCase({ detail }: { detail: CaseDetail }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const focused = document.activeElement;
    // the case is what the reviewer reads next; who is typing or in a dialog is left alone
    if (focused?.matches("input, textarea, select, dialog *") !== true) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <article class="case" data-testid="case" data-case={detail.caseNumber}>
      <header class="case-head">
        <div class="case-title">
          <span class="back-button">
            <IconButton icon="back" label={t("backToQueue")} onClick={() => run("back")} testId="back" />
          </span>
          <h2 ref={heading} tabIndex={-1}>
            <span class="mono">{detail.caseNumber}</span>
          </h2>
          <SeverityTag severity={detail.severity} />
          <CategoryTags categories={detail.categories} />
          <StatusTag row={detail} />
          {detail.appealed && <span class="status appealed">{t("appeal")}</span>}
        </div>
        <div class="case-meta">
          {detail.resolution === null && <DueClock dueAtMs={detail.dueAtMs} raisedAtMs={detail.raisedAtMs} long />}
          <a href={hrefOf({ page: "people", userId: detail.userId, q: "", restricted: false })}>{detail.userName}</a>
          <span>{nameOf("channel", detail.channel)}</span>
          <span>{detail.groupId === null ? t("direct") : t("group")}</span>
          <Ago ms={detail.raisedAtMs} />
          {detail.flagCount > 1 && <span>{t("flagCount", { count: detail.flagCount })}</span>}
        </div>
        <div class="case-tools">
          <Holder detail={detail} />
          <CommandButton command="reveal" kind="quiet" icon="eye" disabled={busy.value}>
            {rawTurns.value === null ? t("reveal") : isRaw.value ? t("maskAgain") : t("showRawAgain")}
          </CommandButton>
        </div>
      </header>
      <Notices detail={detail} />
      <div class="case-body">
        <Conversation detail={detail} />
        <CaseSide detail={detail} />
      </div>
      <DecisionBar detail={detail} />
    </article>
  );
}

function Holder({ detail }: { detail: CaseDetail }) {
  const other = heldByOther(detail, me.value?.userId ?? "", nowMs.value);
  if (other !== null) return <span class="holder other">{t("heldBy", { name: other })}</span>;
  if (detail.resolution !== null || me.value?.role === "viewer") return null;
  if (isMe(detail.assignee)) return <span class="holder mine">{t("inYourHands")}</span>;
  return (
    <CommandButton command="claim" kind="quiet" disabled={busy.value}>
      {t("claim")}
    </CommandButton>
  );
}

function Notices({ detail }: { detail: CaseDetail }) {
  const other = conflict.value;
  return (
    <>
      {other !== null && (
        <div class="notice bad" role="alert" data-testid="conflict">
          <Icon name="alert" />
          <span>{conflictWords(other)}</span>
          <button type="button" class="button small" onClick={() => (conflict.value = null)}>
            {t("understood")}
          </button>
        </div>
      )}
      {changed.value !== null && (
        <div class="notice warn" role="status" data-testid="changed">
          <Icon name="alert" />
          <span>{changedWords()}</span>
          <button type="button" class="button small" onClick={() => void refreshCase()}>
            {t("showNow")}
          </button>
        </div>
      )}
      {detail.pendingBy !== null && (
        <p class="notice warn">
          <Icon name="people" />
          <span>{t("needsSecond", { name: detail.pendingBy })}</span>
        </p>
      )}
    </>
  );
}

function conflictWords({ decision, case: now }: NonNullable<typeof conflict.value>): string {
  if (decision === null) return t("conflictChanged", { status: nameOf("status", now.status) });
  const what = decision.resolution === null ? nameOf("move", decision.move) : nameOf("resolution", decision.resolution);
  return t("conflictDecided", { name: decision.by, what });
}

function changedWords(): string {
  const row = changed.value;
  if (row === null) return "";
  if (row.resolution !== null) return t("changedDecided", { what: nameOf("resolution", row.resolution) });
  if (row.assignee !== null && !isMe(row.assignee)) return t("changedClaimed", { name: row.assignee });
  return t("changedOther");
}
