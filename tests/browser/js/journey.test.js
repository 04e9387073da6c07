import { journeyOf, longest, sums } from "/static/strata/journey.js";
import { equal, test } from "./harness.js";
import { sample } from "./sample.js";

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

test("of too many stops the longest are listed, in their order", () => {
  const stops = [5, 1, 9, 3, 7].map((ns) => ({ ns }));
  equal(longest(stops, 3).map(({ ns }) => ns), [5, 9, 7]);
  equal(longest(stops, 9).length, 5);
});
