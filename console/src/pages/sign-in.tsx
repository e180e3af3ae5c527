import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import logo from "../icon.svg";
import type { LoginOptions } from "../logic/api-types.ts";
import { TextField } from "../parts/fields.tsx";
import { Icon } from "../parts/icon.tsx";
import { asApiError, get } from "../state/api.ts";
import { signInByToken } from "../state/session.ts";
import { explain } from "../state/words-of-errors.ts";
import { switchLanguage, t } from "../words/words.ts";

/** The door: WeCom, and for the first admin a token that works once. */
export function SignIn({ expired }: { expired: boolean }) {
  const options = useSignal<LoginOptions | null>(null);
  const token = useSignal("");
  const sending = useSignal(false);
  const fault = useSignal<string | null>(null);
  const ask = async () => {
    fault.value = null;
    try {
      options.value = await get<LoginOptions>("/login/options");
    } catch (error) {
      fault.value = explain(error);
    }
  };
  useEffect(() => {
    void ask();
    // The link with a login in it, as the demo prints it. It is taken out of the address at once.
    const login = /^#login=(.+)$/.exec(location.hash)?.[1];
    if (login === undefined) return;
    history.replaceState(null, "", location.pathname + location.search);
    token.value = login;
    void send();
  }, []);
  const send = async () => {
    sending.value = true;
    fault.value = null;
    try {
      await signInByToken(token.value.trim());
    } catch (error) {
      const wrong = [401, 403].includes(asApiError(error).status);
      fault.value = wrong ? t("tokenWrong") : explain(error);
    } finally {
      sending.value = false;
    }
  };
  const next = encodeURIComponent(`${location.pathname}${location.search}`);
  return (
    <main class="alone">
      <div class="sign-in" data-testid="sign-in">
        <img src={logo} alt="" width="48" height="48" />
        <h1>{t("signInTitle")}</h1>
        <p class="soft">{expired ? t("signInExpired") : t("signInText")}</p>
        {options.value?.wecom === true && (
          <a class="button primary large" href={`/admin/api/login/wecom?next=${next}`}>
            {t("signInWecom")}
          </a>
        )}
        {options.value?.bootstrap === true && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void send();
            }}
          >
            <TextField
              label={t("token")}
              hint={t("tokenHint")}
              value={token.value}
              maxLength={200}
              onInput={(value) => (token.value = value)}
              testId="token"
            />
            <button type="submit" class="button large" disabled={sending.value || token.value.trim() === ""}>
              {t("signInToken")}
            </button>
          </form>
        )}
        {options.value !== null && !options.value.wecom && !options.value.bootstrap && (
          <p class="notice warn">{t("noDoor")}</p>
        )}
        {fault.value !== null && (
          <p class="notice bad" role="alert">
            <Icon name="alert" />
            <span>{fault.value}</span>
            {options.value === null && (
              <button type="button" class="button small" onClick={() => void ask()}>
                {t("tryAgain")}
              </button>
            )}
          </p>
        )}
        <button
          type="button"
          class="link-button"
          onClick={() => {
            switchLanguage().catch(() => (fault.value = t("errorUnreachable")));
          }}
        >
          {t("otherLanguageLong")}
        </button>
      </div>
    </main>
  );
}
