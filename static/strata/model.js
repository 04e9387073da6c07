/**
 * One trace made ready for questions: which spans are open at t, what a request did, where a node stands.
 * Everything is built once; nothing changes afterwards.
 */

export const CPU = 0, WAIT = 1, QUEUE = 2, DEVICE = 3, SERVE = 4;
const BLOCK = 128;

/** Finds the spans that are open at a time, however many there are: blocks of starts, each with what it inherits. */
export class Stab {
  /** @param {Int32Array} ids by start @param {ArrayLike<number>} start @param {ArrayLike<number>} end */
  constructor(ids, start, end) {
    this.ids = ids;
    this.end = end;
    this.starts = Float64Array.from(ids, (id) => start[id]);
    /** @type {Int32Array[]} spans begun before a block that are still open when it begins */
    this.carried = [];
    let open = [];
    for (let at = 0; at < ids.length; at += BLOCK) {
      const from = this.starts[at];
      open = open.filter((id) => end[id] > from);
      this.carried.push(Int32Array.from(open));
      for (let i = at; i < Math.min(at + BLOCK, ids.length); i++) open.push(ids[i]);
    }
  }

  /** How many spans start at or before t. */
  upTo(t) {
    return after(this.starts, t);
  }

  /** @param {number} t @returns {number[]} ids of the spans with start ≤ t < end */
  at(t) {
    const last = this.upTo(t);
    if (!last) return [];
    const block = Math.floor((last - 1) / BLOCK);
    const found = [];
    for (const id of this.carried[block]) if (this.end[id] > t) found.push(id);
    for (let i = block * BLOCK; i < last; i++) if (this.end[this.ids[i]] > t) found.push(this.ids[i]);
    return found;
  }
}

/** How many of the sorted values are ≤ x. */
export function after(sorted, x) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (sorted[mid] <= x) low = mid + 1;
    else high = mid;
  }
  return low;
}

export class Model {
  /** @param {import("./trace.js").Trace} trace @param {{startNs?: number}} lane where time 0 of its axis lies */
  constructor(trace, { startNs = 0 } = {}) {
    this.trace = trace;
    this.header = trace.header;
    this.spans = trace.tables.spans;
    this.instants = trace.tables.instants;
    this.logs = trace.tables.logs;
    this.requests = trace.tables.requests;
    this.wakeups = trace.tables.wakeups;
    this.nodes = this.header.nodes;
    this.startNs = startNs;
    this.endNs = this.header.end_ns;
    this.nodeIndex = new Map(this.nodes.map((node, i) => [node.id, i]));
    this.readyNs = this.nodes.map((node) => this.header.outcome?.nodes?.[node.id]?.ready_ns ?? Infinity);
    const { nodes = {}, workloads = {} } = this.header.outcome ?? {};
    const ended = this.nodes.map(({ id }) => nodes[id] ?? workloads[id] ?? {});
    this.deadNs = ended.map(({ killed_ns = Infinity, again_ns }) => [killed_ns, again_ns ?? Infinity]); // from when until when
    /** @type {string[]} what the drawing calls each node */
    this.names = [];
    this.#indexSpans();
    this.#indexRequests();
    this.#indexInstants();
  }

  #indexSpans() {
    const { kind, parent, start_ns, end_ns, node } = this.spans;
    const n = kind.length;
    const order = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => start_ns[a] - start_ns[b] || a - b);
    this.serves = new Stab(order.filter((i) => kind[i] === SERVE), start_ns, end_ns);
    this.firstNs = this.nodes.map(() => Infinity);
    for (const i of order) if (this.#begins(i)) this.firstNs[node[i]] = Math.min(this.firstNs[node[i]], start_ns[i]);
    this.leaves = new Stab(order.filter((i) => kind[i] !== SERVE && !this.#early(i)), start_ns, end_ns);
    this.childAt = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) if (parent[i] >= 0) this.childAt[parent[i] + 1]++;
    for (let i = 0; i < n; i++) this.childAt[i + 1] += this.childAt[i];
    const fill = this.childAt.slice();
    this.childIds = new Int32Array(this.childAt[n]);
    for (const i of order) if (parent[i] >= 0) this.childIds[fill[parent[i]]++] = i;
    this.#linkLeaves();
  }

  /** Whether a span can be a node's beginning. A node that gets ready begins with its first work. */
  #begins(span) {
    if (this.readyNs[this.spans.node[span]] === Infinity) return true;
    const kind = this.spans.kind[span];
    return kind === CPU || kind === DEVICE || (kind === WAIT && this.spans.timing[span] >= 0);
  }

  /** Whether somebody waits here for a node that has not begun: nothing happens in it, it is off. */
  #early(span) {
    return this.spans.kind[span] === WAIT && this.spans.start_ns[span] < this.firstNs[this.spans.node[span]];
  }

  /** For each leaf the one that its request was in before: where its token comes from. */
  #linkLeaves() {
    const { request, start_ns, end_ns } = this.spans;
    this.before = new Int32Array(request.length).fill(-1);
    const last = new Map();
    for (const id of this.leaves.ids) {
      if (request[id] < 0) continue;
      const earlier = last.get(request[id]);
      if (earlier !== undefined && end_ns[earlier] <= start_ns[id]) this.before[id] = earlier;
      else if (earlier !== undefined) this.before[id] = this.before[earlier];
      last.set(request[id], id);
    }
  }

  #indexRequests() {
    const kinds = this.header.request_kinds;
    this.requestKind = Array.from(this.requests.kind, (k) => kinds[k]);
  }

  #indexInstants() {
    const { at_ns, kind, node } = this.instants;
    this.marks = new Map();
    for (let i = 0; i < at_ns.length; i++) {
      const key = `${node[i]}/${this.header.instant_kinds[kind[i]]}`;
      if (!this.marks.has(key)) this.marks.set(key, []);
      this.marks.get(key).push(at_ns[i]);
    }
  }

  /** The instants from t0 to t1, as indices. */
  instantsBetween(t0, t1) {
    return [after(this.instants.at_ns, t0), after(this.instants.at_ns, t1)];
  }

  /** How many instants of a kind a node has seen up to t. */
  countMarks(node, kind, t) {
    const list = this.marks.get(`${node}/${kind}`);
    return list ? after(list, t) : 0;
  }

  children(span) {
    return this.childIds.subarray(this.childAt[span], this.childAt[span + 1]);
  }

  /** The span's op: component id and op id; engine ops and request kinds have component "". */
  op(span) {
    return this.header.ops[this.spans.op[span]];
  }

  timing(span) {
    const at = this.spans.timing[span];
    return at < 0 ? null : this.header.timings[at];
  }

  /** How many equal operations a span stands for: of steps that are done in turn, over and over, each is one span. */
  times(span) {
    return this.spans.count[span];
  }

  /** From the outermost span to this one. */
  path(span) {
    const path = [];
    for (let at = span; at >= 0; at = this.spans.parent[at]) path.unshift(at);
    return path;
  }

  duration(span) {
    return this.spans.end_ns[span] - this.spans.start_ns[span];
  }

  /** The next leaf boundary after t, or the last before it (direction −1). */
  boundary(t, direction) {
    const { starts } = this.leaves;
    if (direction > 0) {
      const i = after(starts, t);
      return i < starts.length ? starts[i] : Math.max(t, this.endNs);
    }
    let i = after(starts, t) - 1;
    while (i >= 0 && starts[i] >= t) i--;
    return i >= 0 ? starts[i] : Math.min(t, starts[0] ?? 0);
  }
}
