/**
 * Fills a sentence's placeholders; the twin of simcore/texts.py (tests/data/render.json holds both to one table).
 * `{x}` as it is, `{x:time}` from ns, `{x:bytes}`, `{x:count}`; `{{` is a brace. Only integers are computed with.
 */

const MINUS = "\u2212";
const PLACEHOLDER = /\{\{|\}\}|\{([a-z_][a-z0-9_]*)(?::([a-z]+))?\}|[{}]/g;
const TIME_STEPS = [[1, "ns"], [1e3, "µs"], [1e6, "ms"], [1e9, "s"]];
const BYTE_STEPS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].map((unit, i) => [1024 ** i, unit]);

/**
 * Throws if a parameter is missing or the template or a value does not fit.
 * @param {string} template @param {Object<string, any>} [params] @returns {string}
 */
export function render(template, params = {}) {
  return template.replace(PLACEHOLDER, (whole, name, style) => {
    if (name === undefined) {
      if (whole.length === 1) throw new Error(`stray ${whole} in ${JSON.stringify(template)}; write ${whole}${whole}`);
      return whole[0];
    }
    if (!(name in params)) throw new Error(`${JSON.stringify(template)} needs the parameter ${name}`);
    if (style === undefined) return String(params[name]);
    if (!STYLES[style]) throw new Error(`unknown style ${style} in ${JSON.stringify(template)}`);
    return STYLES[style](params[name]);
  });
}

/** @param {number} ns @returns {string} three significant digits: "1.28 s", "1.50 µs", "40 ns" */
export function time(ns) {
  return signed(ns, (amount) => threeDigits(amount, TIME_STEPS, true));
}

/** @param {number} size @returns {string} three significant digits, none superfluous: "64 GiB", "1.5 KiB" */
export function bytes(size) {
  return signed(size, (amount) => threeDigits(amount, BYTE_STEPS, false));
}

/** @param {number} n @returns {string} "1,204" */
export function count(n) {
  return signed(n, grouped);
}

const STYLES = { time, bytes, count };

function signed(value, show) {
  if (!Number.isInteger(value)) throw new Error(`${value} must be an integer`);
  return (value < 0 ? MINUS : "") + show(Math.abs(value));
}

function grouped(whole) {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Half is rounded up; a value that rounds to the next unit is shown in it, if there is one. */
function threeDigits(amount, steps, keepZeros) {
  let step = 0;
  while (step + 1 < steps.length && amount >= steps[step + 1][0]) step++;
  const [size, unit] = steps[step];
  if (step === 0) return `${amount} ${unit}`;
  let decimals = 3, scaled;
  do {
    decimals--;
    scaled = Math.floor((amount * 10 ** decimals + size / 2) / size);
  } while (scaled >= 1000 && decimals > 0);
  const next = steps[step + 1];
  if (scaled >= 1000 && next && scaled * size >= next[0]) return threeDigits(next[0], steps, keepZeros);
  const digits = grouped(Math.floor(scaled / 10 ** decimals));
  let fraction = decimals ? String(scaled % 10 ** decimals).padStart(decimals, "0") : "";
  if (!keepZeros) fraction = fraction.replace(/0+$/, "");
  return fraction ? `${digits}.${fraction} ${unit}` : `${digits} ${unit}`;
}

/** A factor with two significant digits: "1.8", "40", "120,000". */
export function factor(x) {
  const rounded = Number(x.toPrecision(2));
  return rounded >= 10 ? grouped(Math.round(rounded)) : String(rounded);
}

/** A percentage: "62 %", "4.1 %", "<0.1 %". */
export function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1 %";
  return `${(share * 100).toFixed(share < 0.0995 && share > 0 ? 1 : 0)} %`;
}

/**
 * The clock: as many decimals as the step of the picture needs, digits in groups of three after the point.
 * @param {number} ns @param {number} [resolution] the smallest step worth showing, in ns @returns {string} "14.203 118 s"
 */
export function clock(ns, resolution = 1e6) {
  const whole = Math.round(Math.abs(ns));
  const groups = resolution >= 1e6 ? 1 : resolution >= 1e3 ? 2 : 3;
  const fraction = String(whole % 1e9).padStart(9, "0").slice(0, 3 * groups);
  return `${ns < 0 ? MINUS : ""}${grouped(Math.floor(whole / 1e9))}.${fraction.replace(/(\d{3})(?=\d)/g, "$1\u2009")} s`;
}
