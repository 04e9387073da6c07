import { curves } from "/static/strata/charts.js";
import { marksOf } from "/static/strata/markers.js";
import { equal, test } from "./harness.js";
import { sample } from "./sample.js";

test("requests under way are those that have begun and not ended", () => {
  const { times, series } = curves(sample(), "depth", 300, 900, 7);
  equal(times, [300, 400, 500, 600, 700, 800, 900]);
  equal(series.map(({ node }) => node), [3]);
  equal(series[0].values, [0, 1, 1, 1, 1, 0, 0]);
});

test("a thread in the run queue waits from its start up to, not with, its end", () => {
  const { series } = curves(sample(), "queue", 720, 760, 5);
  equal(series.map(({ node, values }) => [node, values]), [[2, [0, 1, 1, 0, 0]]]);
});

test("exits are counted since the left edge, and where there are none there is no curve", () => {
  equal(curves(sample(), "exits", 0, 800, 3).series, []);
});

test("marks of a kind are in order, each once", () => {
  const model = sample();
  equal(marksOf(model, "interrupt"), [700]);
  equal(marksOf(model, "ready"), [100, 400]);
  equal(marksOf(model, "log"), [300]);
  equal(marksOf(model, "request"), [400]);
  equal(marksOf(model, "exit"), []);
});
