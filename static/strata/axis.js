/**
 * The time axis of the timeline: which part is seen, how wide, linear or logarithmic, and where its ticks stand. A logarithmic
 * one counts from its origin, to both sides: from ten nanoseconds to minutes in one picture.
 */
import { clock } from "./text.js";

const KNEE = 10; // ns: closer to its origin the log axis is linear
const APART = 58; // px between the labels of a log axis
const NARROWEST = 200; // ns

export class Axis {
  constructor(from, to) {
    this.whole = [from, to];
    this.view = [from, to];
    this.origin = 0; // ticks of a close view count from here, and a log axis does
    this.log = false;
    this.left = 0;
    this.width = 1;
  }

  warp(t) {
    const since = t - this.origin;
    return this.log ? Math.sign(since) * Math.log10(Math.abs(since) / KNEE + 1) : t;
  }
  unwarp(u) {
    return this.log ? this.origin + Math.sign(u) * KNEE * (10 ** Math.abs(u) - 1) : u;
  }
  x(t) {
    const a = this.warp(this.view[0]), b = this.warp(this.view[1]);
    return this.left + ((this.warp(t) - a) / (b - a)) * this.width;
  }
  t(x) {
    const a = this.warp(this.view[0]), b = this.warp(this.view[1]);
    return this.unwarp(a + ((x - this.left) / this.width) * (b - a));
  }

  /** Zoom by a factor (below 1: closer) about a place on the screen. */
  zoom(factor, x) {
    const a = this.warp(this.view[0]), b = this.warp(this.view[1]);
    const at = a + ((x - this.left) / this.width) * (b - a);
    this.#show(at - (at - a) * factor, at + (b - at) * factor);
  }
  pan(dx) {
    const a = this.warp(this.view[0]), b = this.warp(this.view[1]);
    const by = (dx / this.width) * (b - a);
    this.#show(a + by, b + by);
  }
  show(from, to) {
    this.#show(this.warp(from), this.warp(to));
  }
  fit() {
    this.view = [...this.whole];
  }
  #show(a, b) {
    const low = this.warp(this.whole[0]), high = this.warp(this.whole[1]);
    let from = a, to = b;
    if (to - from > high - low) [from, to] = [low, high];
    if (from < low) [from, to] = [low, low + to - from];
    if (to > high) [from, to] = [high - (to - from), high];
    const view = [this.unwarp(from), this.unwarp(to)];
    if (view[1] - view[0] >= NARROWEST) this.view = view;
  }

  get length() {
    return this.view[1] - this.view[0];
  }

  /** The smallest step of time worth telling at a place. */
  step(t) {
    return (this.log ? Math.abs(t - this.origin) + KNEE : this.length) / 1000;
  }

  /** @returns {{t: number, label: string}[]} */
  ticks() {
    if (this.log) return this.#decades();
    const near = this.length < 0.5e9;
    const wide = near && !this.#relative ? 150 : 86;
    const step = roundUp((this.length * wide) / this.width);
    const base = this.#relative ? this.origin : 0;
    const ticks = [];
    for (let k = Math.ceil((this.view[0] - base) / step); base + k * step <= this.view[1]; k++) ticks.push({ t: base + k * step, label: this.#label(k * step, step) });
    return ticks;
  }

  /** Close to its origin, a close view counts from it: "0, 20 µs, 40 µs". */
  get #relative() {
    return this.length < 0.5e9 && Math.abs(this.view[0] - this.origin) < 20 * this.length;
  }

  #label(t, step) {
    if (this.#relative) return t === 0 ? "0" : `${t < 0 ? "−" : ""}${exact(Math.abs(t))}`;
    return step >= 1e9 ? exact(t) : step >= 1e6 ? `${(t / 1e9).toFixed(step >= 1e8 ? 1 : step >= 1e7 ? 2 : 3)}\u00a0s` : clock(t, step);
  }

  #decades() {
    const from = this.view[0] - this.origin, to = this.view[1] - this.origin, far = Math.max(-from, to);
    const few = this.warp(this.view[1]) - this.warp(this.view[0]) < 2;
    const sizes = [];
    for (let size = KNEE; size <= far; size *= 10) sizes.push(...(few ? [size, 2 * size, 5 * size] : [size]));
    const ticks = [...sizes.map((size) => -size).reverse(), 0, ...sizes].filter((since) => since >= from && since <= to);
    let last = -Infinity;
    return ticks.map((since) => {
      const t = this.origin + since, told = this.x(t) - last >= APART;
      if (told) last = this.x(t);
      return { t, label: told ? `${since < 0 ? "−" : ""}${exact(Math.abs(since))}` : "" };
    });
  }
}

/** A round length of time as it is: "20 µs", "1.5 s". */
function exact(ns) {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) if (ns >= size) return `${Number((ns / size).toPrecision(6))}\u00a0${unit}`;
  return ns ? `${Math.round(ns)}\u00a0ns` : "0";
}

function roundUp(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  const lead = x / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}
