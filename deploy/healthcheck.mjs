// The container's health check: exit code 0 when this process's /healthz answers 200 in time.
const TIMEOUT_MS = 3_000;

const given = process.env.HOST || "0.0.0.0";
const host = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[given] ?? (given.includes(":") ? `[${given}]` : given);
try {
  const answer = await fetch(`http://${host}:${process.env.PORT || 3000}/healthz`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  process.exitCode = answer.status === 200 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
