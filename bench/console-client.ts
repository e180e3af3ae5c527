/** A reviewer's browser as far as the API goes: signed in, with cookie and CSRF token. */

const BOOTSTRAP_TIMEOUT_MS = 10_000;
/** Far above every figure that is asked for; what takes longer is a fault and not a figure. */
const CALL_TIMEOUT_MS = 30_000;

export interface ConsoleClient {
  url: string;
  cookie: { name: string; value: string };
  /** The JSON of the answer. Throws when it is not 2xx. */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
}

/** Signs in by the one-time token. */
export async function signIn(url: string, token: string): Promise<ConsoleClient> {
  const response = await fetch(`${url}/admin/api/login/bootstrap`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: url },
    body: JSON.stringify({ token }),
    signal: AbortSignal.timeout(BOOTSTRAP_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`Signing in was answered with ${response.status}.`);
  const { csrf } = (await response.json()) as { csrf: string };
  const [pair = ""] = (response.headers.getSetCookie()[0] ?? "").split(";");
  const cut = pair.indexOf("=");
  const headers = { cookie: pair, origin: url, "x-csrf-token": csrf, "content-type": "application/json" };

  const call = async (method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}/admin/api${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}.`);
    return JSON.parse(text);
  };
  return {
    url,
    cookie: { name: pair.slice(0, cut), value: pair.slice(cut + 1) },
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
  };
}
