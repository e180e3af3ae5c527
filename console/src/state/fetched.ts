import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "./api.ts";

export type Fetched<T> = { state: "loading" } | { state: "failed"; error: unknown } | { state: "there"; value: T };

/** Fetches when `path` changes; an answer to an older question is dropped. The old value stays while it is fetched anew. */
export function useFetched<T>(path: string): { now: Signal<Fetched<T>>; again: () => void } {
  const now = useSignal<Fetched<T>>({ state: "loading" });
  const round = useSignal(0);
  useEffect(() => {
    let stale = false;
    get<T>(path)
      .then((value) => {
        if (!stale) now.value = { state: "there", value };
      })
      .catch((error: unknown) => {
        if (!stale) now.value = { state: "failed", error };
      });
    return () => {
      stale = true;
    };
  }, [path, round.value]);
  return {
    now,
    again: () => {
      if (now.value.state === "failed") now.value = { state: "loading" };
      round.value += 1;
    },
  };
}
