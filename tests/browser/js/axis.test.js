import { Axis } from "/static/strata/axis.js";
import { equal, ok, test } from "./harness.js";

function axis(log = false) {
  const made = new Axis(0, 20e9);
  Object.assign(made, { left: 100, width: 1000, log });
  return made;
}

test("a place on the screen is a time and back, linear and logarithmic", () => {
  for (const log of [false, true]) {
    const made = axis(log);
    for (const t of [0, 1e3, 5e6, 1e9, 20e9]) ok(Math.abs(made.t(made.x(t)) - t) <= t * 1e-9 + 1e-3, `${t} ${log}`);
  }
});

test("zooming keeps the time under the pointer and stays inside the run", () => {
  const made = axis();
  const t = made.t(400);
  made.zoom(0.1, 400);
  ok(Math.abs(made.t(400) - t) < 1, "the time moved");
  made.zoom(1000, 400);
  equal(made.view, [0, 20e9]);
  for (let i = 0; i < 99; i++) made.zoom(0.5, 400);
  ok(made.length >= 200, `${made.length} ns`);
});

test("ticks are round and not crowded", () => {
  const made = axis();
  equal(made.ticks().map(({ label }) => label).slice(0, 3), ["0", "2 s", "4 s"].map((s) => s.replace(" ", "\u00a0")));
  made.origin = 14.2e9;
  made.show(14.2e9, 14.2e9 + 100e3);
  equal(made.ticks()[1].label, "10\u00a0µs");
});

test("a log axis counts from its origin, from nanoseconds on", () => {
  const made = axis(true);
  made.origin = 14.2e9;
  made.show(14.2e9, 14.2e9 + 9e3);
  equal(made.x(14.2e9), 100);
  const share = (ns) => (made.x(14.2e9 + ns) - 100) / 1000;
  ok(share(100) > 0.25 && share(1000) > 0.55 && share(1000) < 0.75, `${share(100)} ${share(1000)}`);
  equal(made.ticks().map(({ label }) => label), ["0", "10\u00a0ns", "100\u00a0ns", "1\u00a0µs"]);
  ok(made.step(14.2e9) < 1 && made.step(14.2e9 + 5e9) >= 1e6, "what is worth telling");
});

test("a log axis reaches to both sides of its origin, and its labels do not touch", () => {
  const made = axis(true);
  made.origin = 14.2e9;
  for (const t of [0, 14e9, 14.2e9 - 10, 14.2e9, 14.2e9 + 25, 20e9]) ok(Math.abs(made.t(made.x(t)) - t) < 1, String(t));
  made.width = 300;
  const told = made.ticks().filter(({ label }) => label);
  ok(told.length >= 3 && told[0].label.startsWith("−"), told.map(({ label }) => label).join());
  told.slice(1).forEach(({ t }, i) => ok(made.x(t) - made.x(told[i].t) >= 50, `${t}`));
});
