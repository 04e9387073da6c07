/**
 * What a run looks like at one instant: a pure function of the trace. Scrubbing, playing, tests and export ask it alone.
 *
 * @typedef {Object} Token
 * @property {number} span the leaf that the request is in
 * @property {number} request
 * @property {string} kind request kind
 * @property {number} node where it is
 * @property {number} from node where it was before (the same if it has not moved)
 * @property {number} part 0–1, how much of the span is over
 * @property {boolean} waiting queueing or waiting, not worked on
 *
 * @typedef {Object} State
 * @property {number} t
 * @property {string[]} nodes off | idle | ready | working | waiting | lost, by node
 * @property {number[]} active leaf spans open at t
 * @property {Token[]} tokens
 * @property {number} progress 0–1 of the lane
 */
import { CPU, DEVICE, SERVE, WAIT, QUEUE } from "./model.js";

/** @param {import("./model.js").Model} model @param {number} t ns since power-on @returns {State} */
export function state(model, t) {
  const { node, kind, parent, request, start_ns, end_ns } = model.spans;
  const open = model.leaves.at(t);
  const covered = new Set();
  for (const id of open) if (parent[id] >= 0 && kind[parent[id]] !== SERVE) covered.add(parent[id]);
  const active = open.filter((id) => !covered.has(id));
  const nodes = model.nodes.map((_, i) => standing(model, i, t));
  for (const id of active) {
    if (nodes[node[id]] === "lost") continue;
    const waits = kind[id] === WAIT || kind[id] === QUEUE;
    if (!waits) nodes[node[id]] = "working";
    else if (nodes[node[id]] !== "working") nodes[node[id]] = "waiting";
  }
  const tokens = [];
  for (const id of active) {
    if (request[id] < 0) continue;
    const before = model.before[id];
    tokens.push({
      span: id,
      request: request[id],
      kind: model.requestKind[request[id]],
      node: node[id],
      from: before >= 0 ? node[before] : node[id],
      part: (t - start_ns[id]) / (end_ns[id] - start_ns[id]),
      waiting: kind[id] === WAIT || kind[id] === QUEUE,
    });
  }
  return { t, nodes, active, tokens, progress: progress(model, t) };
}

/** Whether a node is on at all, when no span says that it works. */
function standing(model, i, t) {
  if (isDead(model, i, t)) return "lost";
  if (t >= model.readyNs[i]) return "ready";
  return t >= model.firstNs[i] ? "idle" : "off";
}

/** Killed, and not started again yet. */
export function isDead(model, i, t) {
  const [from, to] = model.deadNs[i];
  return t >= from && t < to;
}

/** @returns {number} 0–1 of the way to the lane's end, from where it or its axis starts */
export function progress(model, t) {
  const { start_ns, end_ns } = lane(model);
  const from = Math.max(start_ns, model.startNs);
  return Math.min(1, Math.max(0, (t - from) / (end_ns - from || 1)));
}

/** Where the lane starts and where it ends, both since power-on. @returns {{start_ns: number, end_ns: number}} */
export function lane(model) {
  const { start_ns = 0, end_ns = model.endNs, finished = true } = model.header.outcome?.lane ?? {};
  return { start_ns, end_ns, finished };
}

const MOST = 4000;
export const BLUR_SPANS = 6; // from so many spans in a frame on, the picture shows shares of time instead of an instant

/**
 * How busy each node was from t0 to t1 (t1 > t0): a share of that time, above 1 when several CPUs work at once.
 * For pictures that pass many spans in one frame. Beyond 4,000 spans every n-th counts n times.
 * @returns {{work: Float32Array, wait: Float32Array, spans: number}}
 */
export function activity(model, t0, t1) {
  const { node, kind, start_ns, end_ns } = model.spans;
  const work = new Float32Array(model.nodes.length), wait = new Float32Array(model.nodes.length);
  const add = (id, weight) => {
    const part = ((Math.min(end_ns[id], t1) - Math.max(start_ns[id], t0)) / (t1 - t0)) * weight;
    (kind[id] === CPU || kind[id] === DEVICE ? work : wait)[node[id]] += part;
  };
  for (const id of model.leaves.at(t0)) add(id, 1);
  const from = model.leaves.upTo(t0), to = model.leaves.upTo(t1);
  const stride = Math.max(1, Math.ceil((to - from) / MOST));
  for (let i = from; i < to; i += stride) add(model.leaves.ids[i], stride);
  return { work, wait, spans: to - from };
}

/** How much a leaf is worth telling: work before a wait that is an operation of its own, and that before queueing. */
export function worth(model, id) {
  const kind = model.spans.kind[id];
  return kind === CPU || kind === DEVICE ? 1 : model.spans.timing[id] >= 0 ? 0.05 : 0.001;
}

/** The leaf that took most of the time from t0 to t1, by what it is worth; −1 if none. */
export function foremost(model, t0, t1, within = null) {
  const { start_ns, end_ns, op, request } = model.spans;
  const share = new Map();
  const add = (id) => {
    if (within && !within.has(request[id])) return;
    const weight = worth(model, id);
    const part = (Math.min(end_ns[id], t1) - Math.max(start_ns[id], t0)) * weight + 1e-6;
    const entry = share.get(op[id]) ?? { part: 0, id };
    entry.part += part;
    entry.id = id;
    share.set(op[id], entry);
  };
  for (const id of model.leaves.at(t0)) add(id);
  const from = model.leaves.upTo(t0), to = model.leaves.upTo(t1);
  const stride = Math.max(1, Math.ceil((to - from) / 1000));
  for (let i = from; i < to; i += stride) add(model.leaves.ids[i]);
  let best = { part: 0, id: -1 };
  for (const entry of share.values()) if (entry.part > best.part) best = entry;
  return best.id;
}
