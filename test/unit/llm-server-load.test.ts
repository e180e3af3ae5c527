import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readLoad } from "../../src/llm/server-load.ts";

describe("the load that a server tells", () => {
  test("of vLLM: summed over its engines, the fullest cache of all", () => {
    const text = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen/Qwen3-8B"} 7.0
vllm:num_requests_running{engine="1",model_name="Qwen/Qwen3-8B"} 5.0
vllm:num_requests_waiting{engine="0",model_name="Qwen/Qwen3-8B"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 90.0
vllm:kv_cache_usage_perc{engine="0",model_name="Qwen/Qwen3-8B"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="Qwen/Qwen3-8B"} 0.5
`;
    expect(readLoad(text)).toEqual({ running: 12, waiting: 3, cacheUsage: 0.5 });
  });

  test("of an older vLLM: its cache by the older name", () => {
    const text = "vllm:num_requests_running 1\nvllm:num_requests_waiting 0\nvllm:gpu_cache_usage_perc 1.2e-1\n";
    expect(readLoad(text)).toEqual({ running: 1, waiting: 0, cacheUsage: 0.12 });
  });

  test("of SGLang, and with timestamps", () => {
    const text = `sglang:num_running_reqs{model_name="m"} 4 1790000000000
sglang:num_queue_reqs{model_name="m"} 2 1790000000000
sglang:token_usage{model_name="m"} 0.9`;
    expect(readLoad(text)).toEqual({ running: 4, waiting: 2, cacheUsage: 0.9 });
  });

  test("is none where something else answers", () => {
    for (const text of ["", "<html>not found</html>", "http_requests_total 4", "vllm:num_requests_running NaN"]) {
      expect(readLoad(text)).toBeNull();
    }
  });

  test("never breaks on what a server may send, and never is negative", () => {
    const line = fc.tuple(fc.constantFrom("vllm:num_requests_running", "vllm:num_requests_waiting", "x"), fc.string());
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const load = readLoad(lines.map(([name, rest]) => `${name}${rest}`).join("\n"));
        if (load === null) return;
        expect(load.running).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(load.running + load.waiting)).toBe(true);
      }),
    );
  });
});
