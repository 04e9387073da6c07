/**
 * What a request did, stop by stop: a pure function of the trace. Its spans tile its time, so that the stops sum to the whole,
 * and those below any row to that row, to the nanosecond.
 *
 * @typedef {{span: number, node: number, kind: number, start: number, end: number, ns: number, woken: boolean, moved: boolean}} Stop
 * @typedef {Object} Row what stands in one line of the list
 * @property {Stop|null} stop a single stop, or null: a phase, or several short rows in a row (then `span` is −1)
 * @property {number} span @property {number} start @property {number} end
 * @property {number} ns the sum of the stops in it
 * @property {number} n how many they are
 * @property {Row[]} below
 */
import { DEVICE, SERVE } from "./model.js";

const FLAT = 100, LEVEL = 40, PIECES = 12;
const LONG = 0.01; // of all on its level

/**
 * @param {import("./model.js").Model} model @param {number} request
 * @returns {{stops: Stop[], rows: Row[], start: number, end: number}}
 */
export function journeyOf(model, request) {
  const { kind, node, thread, start_ns, end_ns } = model.spans;
  const root = model.requests.span[request];
  const stops = [];
  const walk = (span) => {
    const below = model.children(span);
    const ns = below.reduce((left, child) => left - model.duration(child), model.duration(span));
    const stop = kind[span] === SERVE ? null : { span, node: node[span], kind: kind[span], start: start_ns[span], end: end_ns[span], ns, woken: false, moved: false };
    if (stop) stops.push(stop);
    const rows = stop && (ns || !below.length) ? [{ stop, span, start: stop.start, end: stop.end, ns, n: 1, below: [] }] : [];
    for (const child of below) rows.push(...walk(child));
    return below.length ? [together(rows, span, start_ns[span], end_ns[span])] : rows;
  };
  const rows = walk(root);
  stops.sort((a, b) => a.start - b.start || a.span - b.span);
  stops.forEach((stop, i) => {
    if (!i) return;
    const before = stops[i - 1];
    stop.woken = thread[stop.span] !== thread[before.span] && stop.kind !== DEVICE && before.kind !== DEVICE;
    stop.moved = !stop.woken && stop.node !== before.node;
  });
  return { stops, rows: stops.length > FLAT ? level(rows[0].below) : stops.map((stop) => ({ stop, ...stop, n: 1, below: [] })), start: start_ns[root], end: end_ns[root] };
}

function together(below, span, start, end) {
  const sum = (key) => below.reduce((total, row) => total + row[key], 0);
  return { stop: null, span, start, end, ns: sum("ns"), n: sum("n"), below };
}

/** Some dozens of rows, however many there are: the longest stand by themselves, in their order; what is between them, together. */
export function level(rows) {
  if (rows.length <= LEVEL) return rows;
  const least = LONG * rows.reduce((sum, { ns }) => sum + ns, 0), most = Math.ceil(rows.length / PIECES);
  const alone = new Set([...rows].sort((a, b) => b.ns - a.ns).slice(0, PIECES).filter(({ ns }) => ns > least));
  const found = [];
  let run = [];
  const close = () => {
    if (run.length) found.push(run.length > 1 ? together(run, -1, run[0].start, run.at(-1).end) : run[0]);
    run = [];
  };
  for (const row of rows) {
    if (alone.has(row)) close(), found.push(row);
    else if (run.push(row) === most) close();
  }
  close();
  return found;
}

/** What kind of time it was: on a CPU, in a device, queueing, waiting; and by layer. */
export function sums(stops, nodes) {
  const byKind = [0, 0, 0, 0], byNode = new Float64Array(nodes);
  for (const { kind, node, ns } of stops) {
    byKind[kind] += ns;
    byNode[node] += ns;
  }
  return { byKind, byNode, total: byKind.reduce((a, b) => a + b, 0) };
}
