import { clock, factor, percent, render } from "/static/strata/text.js";
import { equal, test, throws } from "./harness.js";

test("times have three significant digits and change their unit with them", () => {
  const cases = [[0, "0 ns"], [40, "40 ns"], [999, "999 ns"], [1000, "1.00 µs"], [1500, "1.50 µs"], [85249, "85.2 µs"], [999499, "999 µs"], [999500, "1.00 ms"], [1284000000, "1.28 s"], [1285000000, "1.29 s"], [-4000000, "−4.00 ms"], [12345e9, "12,345 s"]];
  for (const [ns, expected] of cases) equal(render("{t:time}", { t: ns }), expected, String(ns));
});

test("sizes and counts are written as people write them", () => {
  for (const [size, expected] of [[512, "512 B"], [1536, "1.5 KiB"], [2 ** 36, "64 GiB"], [1023.999 * 1024 | 0, "1 MiB"]]) equal(render("{n:bytes}", { n: size }), expected, String(size));
  equal(render("{n:count} of {m}", { n: 1204, m: "a" }), "1,204 of a");
});

test("a brace is doubled, and a fault in a template is an error", () => {
  equal(render("{{x}} {x}", { x: 1 }), "{x} 1");
  throws(() => render("{x}", {}), "needs the parameter x");
  throws(() => render("{x:furlong}", { x: 1 }), "unknown style");
  throws(() => render("a } b"), "stray");
  throws(() => render("{x:time}", { x: 1.5 }), "integer");
});

test("the clock shows as many digits as the picture can tell apart", () => {
  equal(clock(14203118400, 1e6), "14.203 s");
  equal(clock(14203118400, 1e3), "14.203\u2009118 s");
  equal(clock(14203118400, 1), "14.203\u2009118\u2009400 s");
  equal(clock(-5e6), "−0.005 s");
});

test("factors and shares are rounded to what can be meant", () => {
  equal([factor(1.83), factor(41.7), factor(123456)], ["1.8", "42", "120,000"]);
  equal([percent(0), percent(0.0004), percent(0.0432), percent(0.763)], ["0 %", "<0.1 %", "4.3 %", "76 %"]);
});
