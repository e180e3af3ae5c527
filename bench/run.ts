/** `npm run bench` runs all benchmarks, `npm run bench -- NAME` one. Figures are ratios against something run beside them. */

interface Bench {
  name: string;
  run(): Promise<void>;
}

const BENCHES: Record<string, () => Promise<Bench>> = {
  ack: async () => import("./ack.ts"),
  streams: async () => import("./streams.ts"),
  matcher: async () => import("./matcher.ts"),
  moderation: async () => import("./moderation.ts"),
  gate: async () => import("./gate.ts"),
  console: async () => import("./console.ts"),
  pool: async () => import("./pool.ts"),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark called ${unknown.join(", ")}. There are: ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}
for (const [name, load] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n== ${name}\n`);
  const bench = await load();
  await bench.run();
}
