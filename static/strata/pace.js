/**
 * How fast true time passes on the screen. A boot takes a minute and holds operations of a microsecond; played evenly it is
 * either endless or a blur. The automatic pace gives every new operation a moment and hurries through repetition. Whatever
 * the pace, the page says the true factor.
 */

const SEGMENTS = 2000;

/**
 * A curve wall → true time for one run: longer for what happens for the first time, the square root for what merely lasts.
 * @param {import("./model.js").Model} model @param {number} from ns @param {number} to ns @param {number} wallMs
 */
export function automatic(model, from, to, wallMs) {
  const { ids, starts } = model.leaves;
  const { op, node } = model.spans;
  const seen = new Map();
  const times = [from], roots = [0], fresh = [0];
  const least = (to - from) / SEGMENTS;
  let novelty = 0;
  const close = (t) => {
    roots.push(Math.sqrt(t - times[times.length - 1]));
    fresh.push(novelty);
    times.push(t);
    novelty = 0;
  };
  for (let i = model.leaves.upTo(from - 1); i < ids.length && starts[i] < to; i++) {
    if (starts[i] - times[times.length - 1] >= least) close(starts[i]);
    const key = op[ids[i]] * 4096 + node[ids[i]];
    const times_seen = (seen.get(key) ?? 0) + 1;
    seen.set(key, times_seen);
    novelty += 1 / (times_seen * times_seen);
  }
  close(to);
  const sum = (list) => list.reduce((a, b) => a + b, 0) || 1;
  const rootSum = sum(roots), freshSum = sum(fresh);
  const wall = [0];
  for (let i = 1; i < times.length; i++) wall.push(wall[i - 1] + wallMs * ((0.55 * roots[i]) / rootSum + (0.45 * fresh[i]) / freshSum));
  const scale = wallMs / wall[wall.length - 1];
  for (let i = 0; i < wall.length; i++) wall[i] *= scale;
  return new Curve(wall, times);
}

/** A rising broken line between wall time (ms) and true time (ns). */
export class Curve {
  constructor(wall, times) {
    this.wall = wall;
    this.times = times;
  }
  get wallMs() {
    return this.wall[this.wall.length - 1];
  }
  /** This curve and then another, which begins where it ends. */
  then(next) {
    const wall = this.wallMs;
    return new Curve([...this.wall, ...next.wall.slice(1).map((ms) => ms + wall)], [...this.times, ...next.times.slice(1)]);
  }
  timeAt(wallMs) {
    return between(this.wall, this.times, wallMs);
  }
  wallAt(t) {
    return between(this.times, this.wall, t);
  }
}

function between(xs, ys, x) {
  const last = xs.length - 1;
  if (x <= xs[0]) return ys[0];
  if (x >= xs[last]) return ys[last];
  let low = 0, high = last;
  while (high - low > 1) {
    const mid = (low + high) >> 1;
    if (xs[mid] <= x) low = mid;
    else high = mid;
  }
  return ys[low] + ((ys[high] - ys[low]) * (x - xs[low])) / (xs[high] - xs[low] || 1);
}

/** Rounds down to 1, 2 or 5 times a power of ten. */
export function nice(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  const lead = x / power;
  return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

/** An even pace that takes about `wallMs` for `spanNs`: true ns per wall ns, a round number either way. */
export function even(spanNs, wallMs) {
  const rate = spanNs / (wallMs * 1e6);
  return rate >= 1 ? nice(rate) : 1 / nice(1 / rate);
}

const SLOWEST = 1e7, FASTEST = 100;

/** The speed slider: 0 is automatic, 1–100 from ten million times slower to a hundred times faster, on a log scale. */
export function rateOfSlider(value) {
  const exponent = -Math.log10(SLOWEST) + ((value - 1) / 99) * Math.log10(SLOWEST * FASTEST);
  const rate = 10 ** exponent;
  return rate >= 1 ? Number(rate.toPrecision(1)) : 1 / Number((1 / rate).toPrecision(1));
}

export function sliderOfRate(rate) {
  const part = (Math.log10(rate) + Math.log10(SLOWEST)) / Math.log10(SLOWEST * FASTEST);
  return Math.round(Math.min(100, Math.max(1, 1 + part * 99)));
}

/** In the by-event mode the slider says how many events a second: 0.3 to 30. */
export function eventsPerSecond(value) {
  return Number((0.3 * 100 ** (value / 100)).toPrecision(2));
}
