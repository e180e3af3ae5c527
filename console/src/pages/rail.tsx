import { useSignal } from "@preact/signals";
import { keyCap } from "../logic/keys.ts";
import { hrefOf, type PageName } from "../logic/routes.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import { durationWords } from "../parts/time.tsx";
import { nowMs } from "../state/clock.ts";
import { pageRoute, run } from "../state/commands.ts";
import { line, reconnectNow, retryAtMs } from "../state/live.ts";
import { route } from "../state/navigation.ts";
import { switchTheme, theme } from "../state/preferences.ts";
import { counts } from "../state/queue.ts";
import { me, role, signOut } from "../state/session.ts";
import { say } from "../state/toasts.ts";
import { explain } from "../state/words-of-errors.ts";
import { nameOf, switchLanguage, t } from "../words/words.ts";

const LINKS: readonly { page: PageName; icon: IconName; admin: boolean }[] = [
  { page: "queue", icon: "queue", admin: false },
  { page: "people", icon: "people", admin: false },
  { page: "policy", icon: "policy", admin: false },
  { page: "dashboard", icon: "dashboard", admin: false },
  { page: "audit", icon: "audit", admin: true },
  { page: "settings", icon: "settings", admin: true },
];

/** The pages at the left; on a phone at the bottom, with what is rarer behind "more". */
export function Rail() {
  const isOpen = useSignal(false);
  const shown = LINKS.filter((link) => !link.admin || role.value === "admin");
  return (
    <nav class={isOpen.value ? "rail more-open" : "rail"} aria-label={t("pages")}>
      <ul class="rail-pages">
        {shown.map(({ page, icon, admin }) => (
          <li key={page} class={admin ? "rare" : ""}>
            <a
              class="rail-link"
              href={hrefOf(pageRoute(page))}
              aria-current={route.value.page === page ? "page" : undefined}
              title={`${t(page)} (${keyCap(`go-${page}`)})`}
              onClick={() => (isOpen.value = false)}
            >
              <span class="rail-icon">
                <Icon name={icon} />
                {page === "queue" && (counts.value?.overdue ?? 0) > 0 && (
                  <span class="badge">
                    {counts.value?.overdue}
                    <span class="visually-hidden"> {t("overdue")}</span>
                  </span>
                )}
              </span>
              <span>{t(page)}</span>
            </a>
          </li>
        ))}
        <li class="rail-more">
          <button
            type="button"
            class="rail-link"
            aria-expanded={isOpen.value}
            onClick={() => (isOpen.value = !isOpen.value)}
          >
            <span class="rail-icon">
              <Icon name="more" />
            </span>
            <span>{t("more")}</span>
          </button>
        </li>
      </ul>
      <Tools />
    </nav>
  );
}

function changeLanguage(): void {
  switchLanguage().catch(() => say("bad", t("errorUnreachable")));
}

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const;

function Tools() {
  return (
    <div class="rail-tools">
      <Line />
      <button type="button" class="rail-button" onClick={() => run("sheet")} aria-label={t("keys")} title={t("keys")}>
        <Icon name="keyboard" />
      </button>
      <button
        type="button"
        class="rail-button"
        data-testid="theme"
        onClick={switchTheme}
        aria-label={t("theme", { theme: nameOf("theme", theme.value) })}
        title={t("theme", { theme: nameOf("theme", theme.value) })}
      >
        <Icon name={THEME_ICONS[theme.value]} />
      </button>
      <button type="button" class="rail-button" data-testid="language" onClick={changeLanguage}>
        {t("otherLanguage")}
      </button>
      <button
        type="button"
        class="rail-button"
        data-testid="sign-out"
        aria-label={t("signOutOf", { name: me.value?.name ?? "" })}
        title={t("signOutOf", { name: me.value?.name ?? "" })}
        onClick={() => {
          signOut().catch((error: unknown) => say("bad", explain(error)));
        }}
      >
        <Icon name="leave" />
      </button>
      <p class="rail-me" title={me.value?.userId}>
        {me.value?.name}
        <small>{nameOf("role", role.value)}</small>
      </p>
    </div>
  );
}

/** Whether what is shown is live, in colour and in words. */
function Line() {
  if (line.value === "live") {
    return (
      <p class="line live" data-testid="line" data-state="live">
        <span class="line-dot" aria-hidden="true" />
        {t("live")}
      </p>
    );
  }
  const waitMs = Math.max(0, retryAtMs.value - nowMs.value);
  return (
    <button
      type="button"
      class="line down"
      data-testid="line"
      data-state={line.value}
      title={line.value === "waiting" ? t("retryIn", { time: durationWords(waitMs) }) : undefined}
      onClick={reconnectNow}
    >
      <span class="line-dot" aria-hidden="true" />
      {line.value === "waiting" ? t("reconnecting") : t("connecting")}
    </button>
  );
}
