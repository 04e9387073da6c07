import { automatic, eventsPerSecond, even, nice, rateOfSlider, sliderOfRate } from "/static/strata/pace.js";
import { Playhead } from "/static/strata/playhead.js";
import { equal, ok, test } from "./harness.js";
import { sample } from "./sample.js";

const frames = (n) => new Promise((done) => {
  const next = (left) => (left ? requestAnimationFrame(() => next(left - 1)) : done());
  next(n);
});

function head(options = {}) {
  const model = sample();
  return new Playhead({ from: 0, to: 800, end: 800, boundary: (t, d) => model.boundary(t, d), ...options });
}

test("stepping goes from event to event, and back the same way", () => {
  const playhead = head();
  const seen = [];
  for (let i = 0; i < 9; i++) playhead.step(1), seen.push(playhead.t);
  equal(seen, [100, 400, 420, 500, 700, 730, 800, 800, 800]);
  const back = [];
  for (let i = 0; i < 7; i++) playhead.step(-1), back.push(playhead.t);
  equal(back, [730, 700, 500, 420, 400, 100, 0]);
});

test("nothing plays before somebody asks for it", async () => {
  const playhead = head();
  playhead.changed();
  await frames(4);
  equal([playhead.t, playhead.playing], [0, false]);
});

test("playing passes true time at the pace that it says, and stops at the end", async () => {
  const playhead = head({ rate: 800 / 100e6 });
  const seen = [];
  playhead.subscribe(({ t, playing }) => seen.push([t, playing]));
  playhead.play();
  await new Promise((done) => setTimeout(done, 400));
  equal([playhead.t, playhead.playing], [800, false]);
  ok(seen.every(([t], i) => !i || t >= seen[i - 1][0]), "time went back");
  ok(seen.every(([t]) => Number.isInteger(t)), "a time is no whole number of ns");
});

test("play at the end begins again", () => {
  const playhead = head();
  playhead.seek(800);
  playhead.play();
  equal([playhead.t, playhead.playing], [0, true]);
  playhead.pause();
});

test("with reduced motion the picture moves in steps", async () => {
  const playhead = head({ reduced: true, rate: 800 / 4000e6 });
  const seen = new Set();
  playhead.subscribe(({ t }) => seen.add(t));
  playhead.play();
  await new Promise((done) => setTimeout(done, 1100));
  playhead.pause();
  ok(seen.size <= 3, `${seen.size} pictures in 1.1 s`);
});

test("seeking stays inside the run", () => {
  const playhead = head();
  playhead.seek(1e9);
  equal(playhead.t, 800);
  playhead.seek(-5);
  equal(playhead.t, 0);
});

test("the automatic pace rises from start to end in the time that it is given", () => {
  const curve = automatic(sample(), 0, 800, 12000);
  equal([curve.timeAt(0), curve.timeAt(12000), curve.wallAt(800)], [0, 800, 12000]);
  let last = -1;
  for (let wall = 0; wall <= 12000; wall += 100) {
    const t = curve.timeAt(wall);
    ok(t >= last, `${wall} ms: ${t} after ${last}`);
    last = t;
  }
});

test("paces are round numbers", () => {
  equal([nice(37), nice(0.0023), even(12e9, 12000), 1 / even(2e9, 10000)], [20, 0.002, 1, 5]);
});

test("the speed slider is its own inverse and covers ten million times slower to a hundred times faster", () => {
  equal([1 / rateOfSlider(1), rateOfSlider(100)], [1e7, 100]);
  for (const value of [1, 25, 50, 78, 100]) ok(Math.abs(sliderOfRate(rateOfSlider(value)) - value) <= 3, String(value));
  ok(eventsPerSecond(0) < 1 && eventsPerSecond(100) === 30, "events a second");
});
