import { activity, foremost, lane, progress, state } from "/static/strata/state.js";
import { equal, ok, test } from "./harness.js";
import { Model } from "/static/strata/model.js";
import { parse } from "/static/strata/trace.js";
import { SPANS, long, sample, sampleFile } from "./sample.js";

test("a layer is off, then idle or at work, then ready", () => {
  const model = sample();
  const host = (t) => state(model, t).nodes;
  equal(host(-1), ["off", "off", "off", "off"]);
  equal(host(50), ["waiting", "off", "off", "off"]);
  equal(host(200), ["ready", "off", "working", "off"]);
  equal(host(410), ["ready", "off", "working", "idle"]);
});

test("who was killed is lost, whatever is still open there, until it is up again", () => {
  const model = sample();
  model.deadNs[2] = [150, 410];
  equal([149, 150, 200, 409].map((t) => state(model, t).nodes[2]), ["working", "lost", "lost", "lost"].map((s, i) => (i ? s : state(sample(), 149).nodes[2])));
  equal(state(model, 410).nodes[2], state(sample(), 410).nodes[2]);
});

test("a layer that others wait for is off until its own first work, and nothing is drawn in it", () => {
  const waits = [-1, -1, -1, 2, 8, 0, 1, 0, 400, -1]; // for the kernel, which begins at 100
  const model = new Model(parse(sampleFile([...SPANS, waits])));
  equal(state(model, 50).nodes[2], "off");
  equal(state(model, 50).active, [1]);
  equal(state(model, 200).nodes[2], "working");
});

test("waiting in a queue is not work", () => {
  equal(state(sample(), 450).nodes[1], "waiting");
  equal(state(sample(), 600).nodes[1], "working");
});

test("a thread that lost its CPU waits, though its operation goes on", () => {
  const model = sample();
  equal(state(model, 710).nodes[2], "working");
  equal(state(model, 740).nodes[2], "waiting");
  equal(state(model, 740).active, [11]);
  equal(state(model, 760).nodes[2], "working");
});

test("a span holds from its start up to, not with, its end", () => {
  const model = sample();
  equal(state(model, 99).active, [1]);
  equal(state(model, 100).active, [3]);
  equal(state(model, 800).active, []);
});

test("a token knows where its request is and where it came from", () => {
  const [token] = state(sample(), 600).tokens;
  equal([token.request, token.kind, token.node, token.waiting], [1, "read", 1, false]);
  const [back] = state(sample(), 705).tokens;
  equal([back.node, back.from], [2, 1]);
});

test("scrubbing back shows what was there before", () => {
  const model = sample();
  const forth = [0, 50, 100, 450, 600, 800].map((t) => state(model, t));
  const back = [800, 600, 450, 100, 50, 0].map((t) => state(model, t)).reverse();
  equal(back, forth);
});

test("progress follows the clock", () => {
  const model = sample();
  equal([0, 400, 600, 800, 900].map((t) => progress(model, t)), [0, 0, 0.5, 1, 1]);
  model.startNs = 600;
  equal([400, 700].map((t) => progress(model, t)), [0, 0.5]);
  model.startNs = 0;
  equal(lane(model), { start_ns: 400, end_ns: 800, finished: true });
});

test("activity is the share of the time that a layer worked or waited", () => {
  const { work, wait, spans } = activity(sample(), 400, 800);
  ok(Math.abs(work[1] - 0.5) < 1e-6 && Math.abs(wait[1] - 0.2) < 1e-6, `disk ${work[1]} ${wait[1]}`);
  ok(spans >= 4, `${spans} spans`);
});

test("the sentence is about what took most of the time, and work before waiting", () => {
  const model = sample();
  equal(model.op(foremost(model, 400, 800)).op, "medium_read");
  equal(foremost(model, 790, 799, new Set([0])), -1);
});

test("the index agrees with looking at every span", () => {
  const model = long(3000);
  const { start_ns, end_ns } = model.spans;
  for (let t = 0; t < 90000; t += 377) {
    const slow = [...start_ns.keys()].filter((i) => start_ns[i] <= t && t < end_ns[i]);
    equal(model.leaves.at(t).sort((a, b) => a - b), slow, `t=${t}`);
  }
});

test("of 50,000 spans the index finds the few that are open", () => {
  const model = long(50000);
  for (let i = 0; i < 200; i++) {
    const t = (i * 2503) % 500000;
    ok(model.leaves.at(t).length <= 51, `t=${t}`);
    ok(state(model, t), `t=${t}`);
  }
});
