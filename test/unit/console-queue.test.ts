import { describe, expect, test } from "@jest/globals";
import { reconnectAfterMs } from "../../console/src/logic/backoff.ts";
import {
  appendPage,
  dropLeft,
  FRESH_MAX,
  mergeCase,
  NO_ROWS,
  type QueueRows,
  ROWS_MAX,
  stepFrom,
} from "../../console/src/logic/queue-merge.ts";
import { readViews, VIEWS_MAX, withView } from "../../console/src/logic/views.ts";
import { rowOf } from "../support/fake-admin-cases.ts";
import { numberOf, sampleCase } from "../support/fake-admin-data.ts";

const row = (index: number, version = 1) => ({ ...rowOf(sampleCase(index, 1_700_000_000_000).detail), version });
const listed = (...indexes: number[]): QueueRows =>
  appendPage(
    NO_ROWS,
    indexes.map((index) => row(index)),
  );
const numbers = (rows: QueueRows["rows"]) => rows.map(({ caseNumber }) => caseNumber);

describe("the queue while changes come in", () => {
  test("a new case waits behind the pill; the list does not jump", () => {
    const queue = mergeCase(listed(1, 2), row(3), { belongs: true, canJoin: true });
    expect(numbers(queue.rows)).toEqual([numberOf(1), numberOf(2)]);
    expect(numbers(queue.fresh)).toEqual([numberOf(3)]);
  });

  test("while searching nothing new comes in", () => {
    expect(mergeCase(listed(1), row(3), { belongs: true, canJoin: false }).fresh).toEqual([]);
  });

  test("a waiting case that somebody decided waits no longer", () => {
    const queue = mergeCase(listed(1), row(3), { belongs: true, canJoin: true });
    expect(mergeCase(queue, row(3, 2), { belongs: false, canJoin: true }).fresh).toEqual([]);
  });

  test("a change is shown in place, an older one is dropped", () => {
    const queue = mergeCase(listed(1, 2), row(1, 5), { belongs: true, canJoin: true });
    expect(queue.rows[0]?.version).toBe(5);
    expect(mergeCase(queue, row(1, 4), { belongs: false, canJoin: true })).toBe(queue);
  });

  test("a decided case fades, then goes; undone meanwhile it stays", () => {
    const fading = mergeCase(listed(1, 2), row(1, 2), { belongs: false, canJoin: true });
    expect([...fading.leaving]).toEqual([numberOf(1)]);
    expect(numbers(dropLeft(fading, [numberOf(1)]).rows)).toEqual([numberOf(2)]);
    const back = mergeCase(fading, row(1, 3), { belongs: true, canJoin: true });
    expect(numbers(dropLeft(back, [numberOf(1)]).rows)).toEqual([numberOf(1), numberOf(2)]);
  });

  test("a page that overlaps the last shows no case twice, and the list is bounded", () => {
    expect(numbers(appendPage(listed(1, 2), [row(2), row(3)]).rows)).toEqual([1, 2, 3].map(numberOf));
    const many = Array.from({ length: ROWS_MAX + 50 }, (_, index) => row(index));
    expect(appendPage(NO_ROWS, many).rows).toHaveLength(ROWS_MAX);
  });

  test("a flood of new cases is bounded", () => {
    let queue = NO_ROWS;
    for (let index = 0; index < FRESH_MAX + 20; index += 1) {
      queue = mergeCase(queue, row(index), { belongs: true, canJoin: true });
    }
    expect(queue.fresh).toHaveLength(FRESH_MAX);
  });

  test("steps go over fading rows and end at the ends", () => {
    const queue = mergeCase(listed(1, 2, 3), row(2, 2), { belongs: false, canJoin: true });
    expect(stepFrom(queue, numberOf(1), 1)?.caseNumber).toBe(numberOf(3));
    expect(stepFrom(queue, numberOf(3), 1)).toBeNull();
    expect(stepFrom(queue, null, 1)?.caseNumber).toBe(numberOf(1));
    expect(stepFrom(queue, null, -1)?.caseNumber).toBe(numberOf(3));
    expect(stepFrom(NO_ROWS, null, 1)).toBeNull();
  });
});

describe("reconnecting", () => {
  test("waits grow, stay within half a minute, and differ from page to page", () => {
    expect(reconnectAfterMs(0, 0)).toBe(500);
    expect(reconnectAfterMs(0, 1)).toBe(1000);
    expect(reconnectAfterMs(3, 0.5)).toBe(6000);
    expect(reconnectAfterMs(1000, 1)).toBe(30_000);
  });
});

describe("saved views", () => {
  test("a name that is used again is replaced, and the newest stands first", () => {
    const views = withView(withView([], { name: "急", query: "?severity=P0" }), {
      name: " 申诉 ",
      query: "?appealed=1",
    });
    expect(views.map(({ name }) => name)).toEqual(["申诉", "急"]);
    expect(withView(views, { name: "急", query: "" })).toEqual([{ name: "急", query: "" }, views[0]]);
    expect(withView(views, { name: "  ", query: "" })).toEqual(views);
  });

  test("what cannot be read is no view, and there are not too many", () => {
    expect(readViews("{")).toEqual([]);
    expect(readViews('[1, null, {"name":"a"}, {"name":"b","query":""}]')).toEqual([{ name: "b", query: "" }]);
    const many = Array.from({ length: 99 }, (_, index) => ({ name: `v${index}`, query: "" }));
    expect(readViews(JSON.stringify(many))).toHaveLength(VIEWS_MAX);
  });
});
