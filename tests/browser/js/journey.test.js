import { journeyOf, level, sums } from "/static/strata/stops.js";
import { equal, ok, test } from "./harness.js";
import { flow, sample } from "./sample.js";

test("the stops of a read are its leaves, in order, and sum to the whole", () => {
  const model = sample();
  const { stops, start, end } = journeyOf(model, 1);
  equal(stops.map((stop) => model.op(stop.span).op), ["syscall_entry", "device_queue", "medium_read", "blk_complete", "run_queue"]);
  equal(sums(stops, 4).total, end - start);
});

test("queueing is apart from service, also when it falls inside an operation", () => {
  const model = sample();
  const { stops } = journeyOf(model, 1);
  equal(stops.map((stop) => stop.ns), [20, 80, 200, 80, 20]);
  equal(sums(stops, 4).byKind, [100, 0, 100, 200]);
  equal([...sums(stops, 4).byNode], [0, 280, 120, 0]);
});

test("a change of layer on the same thread is no wake-up", () => {
  const { stops } = journeyOf(sample(), 1);
  equal(stops.map((stop) => [stop.moved, stop.woken]), [[false, false], [true, false], [false, false], [true, false], [false, false]]);
});

test("few stops are a flat list", () => {
  const { rows, stops } = journeyOf(sample(), 1);
  equal(rows.map(({ stop, n }) => [stop.span, n]), stops.map(({ span }) => [span, 1]));
});

test("on every level the rows sum to what they stand in, thousands of stops or not", () => {
  const { rows, stops, start, end } = journeyOf(flow([40, 3000, 7]), 0);
  const sum = (list, key) => list.reduce((total, row) => total + row[key], 0);
  const check = (list, whole) => {
    equal([sum(list, "ns"), sum(list, "n")], [whole.ns, whole.n]);
    list.forEach((row, i) => ok(!i || row.start >= list[i - 1].end, "one row begins when the other is over"));
    for (const row of list) if (row.below.length) check(level(row.below), row);
  };
  check(rows, { ns: end - start, n: stops.length });
});

test("no level has more than some dozens of rows, also of equal ones, and few levels lead to each", () => {
  let deepest = 0;
  const walk = (list, depth) => {
    ok(list.length <= 40, `${list.length} rows`);
    deepest = Math.max(deepest, depth);
    for (const row of list) if (row.below.length) walk(level(row.below), depth + 1);
  };
  walk(journeyOf(flow([27000]), 0).rows, 1);
  ok(deepest <= 5, `${deepest} levels`);
});

test("the longest stand by themselves among the shorter ones, in the order of time", () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({ span: i, ns: i % 20 === 7 ? 1000 : 1, n: 1, start: i, end: i + 1, below: [] }));
  const alone = level(rows).filter(({ ns }) => ns === 1000);
  equal(alone.map(({ span }) => span), [7, 27, 47]);
});
