/**
 * The one place where time is: what t it is, whether it runs, how fast. Views subscribe and are called at most once a frame.
 * t counts nanoseconds from the axis's zero: power-on in a player, each lane's start in a race.
 *
 * @typedef {"real"|"slowed"|"event"} Mode
 */
import { even, eventsPerSecond, rateOfSlider } from "./pace.js";

const BLUR_MS = 90; // how much of the recent past a frame shows when many spans pass in it
const STILL_MS = 700; // with reduced motion the picture changes this often
const FACTOR_MS = 300; // the shown factor is the mean over this time

export class Playhead {
  /**
   * @param {{from: number, to: number, end: number, boundary: (t: number, direction: number) => number,
   *   curve?: import("./pace.js").Curve|null, rate?: number, reduced?: boolean}} options
   */
  constructor({ from, to, end, boundary, curve = null, rate = 0, reduced = false }) {
    Object.assign(this, { end, boundary, reduced });
    /** @type {Mode} */
    this.mode = "slowed";
    this.playing = false;
    this.slider = 0;
    this.factor = 0; // true time per wall time while playing
    this.views = new Set();
    this.frame = 0;
    this.focus(from, to, { curve, rate });
    this.t = this.t0 = this.exact = from;
  }

  /** What a press on play covers: from here to there, and its automatic pace. */
  focus(from, to, { curve = null, rate = 0 } = {}) {
    Object.assign(this, { from, to, curve });
    this.evenRate = rate || even(Math.max(1, to - from), 12000);
  }

  subscribe(view) {
    this.views.add(view);
    return () => this.views.delete(view);
  }

  /** Ask for one call of every view in the next frame. */
  changed() {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.#tick(now));
  }

  seek(t, { stop = false } = {}) {
    this.t = this.t0 = this.exact = Math.round(Math.min(this.end, Math.max(Math.min(0, this.from), t)));
    if (stop) this.playing = false;
    this.said = 0;
    this.changed();
  }

  play() {
    if (this.t >= this.to && this.t - this.to < 1) this.seek(this.from);
    if (this.t >= this.end) this.seek(this.from);
    this.playing = true;
    this.last = 0;
    this.owed = 0;
    this.history = [];
    this.changed();
  }

  pause() {
    this.playing = false;
    this.t0 = this.t;
    this.changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** To the next event, or back to the one before. */
  step(direction) {
    this.playing = false;
    this.seek(this.#next(this.t, direction));
  }

  /** The next event; the end of what a press on play covers is one too. */
  #next(t, direction) {
    const next = this.boundary(t, direction), past = direction * (this.to - t);
    return past > 0 && direction * (next - this.to) > 0 ? this.to : next;
  }

  setMode(mode) {
    this.mode = mode;
    this.history = [];
    this.changed();
  }

  setSlider(value) {
    this.slider = value;
    this.history = [];
    this.changed();
  }

  faster(direction) {
    const start = this.mode === "slowed" && this.slider === 0 ? 50 : this.slider;
    this.setSlider(Math.min(100, Math.max(1, start + 4 * direction)));
  }

  #tick(now) {
    this.frame = 0;
    if (this.playing) {
      const wall = this.last ? Math.min(100, now - this.last) : 16;
      this.last = now;
      this.owed += wall;
      if (!this.reduced || this.owed >= STILL_MS) {
        this.#advance(this.owed);
        this.owed = 0;
      }
      this.changed();
    }
    for (const view of this.views) view(this);
  }

  #advance(wallMs) {
    const before = this.exact;
    let t = this.#later(before, wallMs);
    const stop = before < this.to ? this.to : this.end;
    if (t >= stop) {
      t = stop;
      this.playing = false;
    }
    this.exact = t;
    this.t = Math.round(t);
    this.history.push([t - before, wallMs]);
    let wall = 0, passed = 0;
    for (let i = this.history.length - 1; i >= 0 && wall < FACTOR_MS; i--) {
      passed += this.history[i][0];
      wall += this.history[i][1];
    }
    if (this.history.length > 60) this.history.splice(0, 30);
    this.factor = passed / (wall * 1e6);
    this.t0 = this.playing ? Math.max(this.from, t - this.factor * BLUR_MS * 1e6) : this.t;
  }

  /** Where the playhead is after some wall time. */
  #later(t, wallMs) {
    if (this.mode === "real") return t + wallMs * 1e6;
    if (this.mode === "event") return this.#byEvent(t, wallMs);
    if (this.slider > 0) return t + wallMs * 1e6 * rateOfSlider(this.slider);
    if (!this.curve || t < this.from || t >= this.to) return t + wallMs * 1e6 * this.evenRate;
    return this.curve.timeAt(this.curve.wallAt(t) + wallMs);
  }

  /** Each event gets the same moment, however long it lasts. */
  #byEvent(t, wallMs) {
    let events = (wallMs / 1000) * eventsPerSecond(this.slider || 40);
    let at = t;
    while (events > 0) {
      const next = this.#next(at, 1);
      if (next <= at) return this.end;
      const from = at === t ? Math.max(this.#next(next, -1), 0) : at;
      const left = (next - at) / (next - from || 1);
      if (left > events) return at + (next - from) * events;
      events -= left;
      at = next;
    }
    return at;
  }

  /** The pace that applies when nothing moves: true time per wall time, or 0 if it has none. */
  get steady() {
    if (this.mode === "real") return 1;
    if (this.mode === "event") return 0;
    if (this.slider > 0) return rateOfSlider(this.slider);
    return this.curve ? 0 : this.evenRate;
  }
}
