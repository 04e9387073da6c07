/**
 * One request as a waterfall: every stop on the way down and up, with the layers as a stair at the left. Queueing stands apart
 * from service, and a switch on the same thread apart from waking another. The parts sum to the whole, to the nanosecond.
 */
import { CPU, DEVICE, QUEUE, SERVE, WAIT } from "./model.js";
import { el, say } from "./dom.js";
import { count, percent, time } from "./text.js";

const ROW = 27, COLUMN = 10, MOST = 200;

/**
 * @typedef {{span: number, node: number, kind: number, start: number, end: number, ns: number, woken: boolean, moved: boolean}} Stop
 * @param {import("./model.js").Model} model @param {number} request
 * @returns {{stops: Stop[], start: number, end: number}}
 */
export function journeyOf(model, request) {
  const { kind, node, thread, start_ns, end_ns } = model.spans;
  const root = model.requests.span[request];
  const stops = [];
  const walk = (span) => {
    const below = model.children(span);
    if (kind[span] === SERVE) return below.forEach(walk);
    const ns = below.reduce((left, child) => left - model.duration(child), model.duration(span));
    stops.push({ span, node: node[span], kind: kind[span], start: start_ns[span], end: end_ns[span], ns, woken: false, moved: false });
    below.forEach(walk);
  };
  walk(root);
  stops.sort((a, b) => a.start - b.start || a.span - b.span);
  stops.forEach((stop, i) => {
    if (!i) return;
    const before = stops[i - 1];
    stop.woken = thread[stop.span] !== thread[before.span] && stop.kind !== DEVICE && before.kind !== DEVICE;
    stop.moved = !stop.woken && stop.node !== before.node;
  });
  return { stops, start: start_ns[root], end: end_ns[root] };
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

export class JourneyView {
  /**
   * @param {HTMLElement} root @param {import("./model.js").Model} model @param {number[]} order nodes from top to bottom
   * @param {import("./texts.js").Texts} texts @param {(span: number) => void} onSelect
   */
  constructor(root, model, order, texts, onSelect) {
    Object.assign(this, { root, model, order, texts });
    this.list = root.querySelector("#journey-stops");
    this.sum = root.querySelector("#journey-sum");
    this.current = -1;
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("li.stop");
      if (item) onSelect(Number(item.dataset.span));
    });
  }

  /** @param {number} request */
  show(request) {
    const { model, texts } = this;
    this.journey = journeyOf(model, request);
    const { stops, start, end } = this.journey;
    const columns = this.order.filter((node) => stops.some((stop) => stop.node === node));
    this.list.style.setProperty("--gutter", `${columns.length * COLUMN + 6}px`);
    this.shown = longest(stops, MOST);
    this.items = this.shown.map((stop) => this.#item(stop, start, end));
    this.list.replaceChildren(stair(this.shown, columns, model), ...this.items);
    this.current = -1;
    const { byKind, byNode, total } = sums(stops, model.nodes.length);
    const part = (key, ns) => (ns ? [texts.ui(key, { t: ns })] : []);
    const wakes = stops.filter((stop) => stop.woken).length, moves = stops.filter((stop) => stop.moved).length;
    this.sum.replaceChildren(
      this.#shares(columns, byNode, total),
      el("span.sum-line", {}, texts.ui(total !== end - start ? "journey_sum_open" : model.requestKind[request] === "read" ? "journey_sum" : "journey_sum_any", { n: stops.length, sum: total, whole: end - start })),
      ...(stops.length > this.shown.length ? [el("span.sum-line", {}, texts.ui("journey_rest", { n: stops.length - this.shown.length, t: total - this.shown.reduce((sum, { ns }) => sum + ns, 0) }))] : []),
      el("span.sum-line", {}, [...part("sum_service", byKind[CPU]), ...part("sum_device", byKind[DEVICE]), ...part("sum_queue", byKind[QUEUE]), ...part("sum_wait", byKind[WAIT]), texts.ui("sum_switches", { wakes, moves })].join(" · ")),
    );
  }

  #item(stop, start, end) {
    const { model, texts } = this;
    const role = model.nodes[stop.node].role, op = texts.op(model.op(stop.span));
    const marker = stop.kind === QUEUE ? "queue" : stop.kind === WAIT ? "wait" : stop.woken ? "wakeup" : stop.moved ? "switch" : "";
    const bar = el("span.stop-bar", {}, el("i"));
    const whole = end - start || 1;
    bar.firstChild.style.left = `${(100 * (stop.start - start)) / whole}%`;
    bar.firstChild.style.width = `${(100 * (stop.end - stop.start)) / whole}%`;
    const mark = el(`span.stop-mark${marker ? `.${marker}` : ""}`, { title: marker ? texts.ui(`mark_${marker}`) : "" }, { wakeup: "⇢", switch: "→", queue: "‖", wait: "‖" }[marker] ?? "");
    const name = el("span.stop-words", {}, el("span.stop-name", {}, op.name), el("span.stop-node", {}, texts.node(model, stop.node)));
    const button = el("button", { type: "button" }, mark, name, bar, el("span.stop-time", {}, time(stop.ns)));
    return el(`li.stop.role-${role}${marker ? `.${marker}` : ""}`, { dataset: { span: stop.span } }, button);
  }

  /** The whole as one bar, layer by layer. */
  #shares(columns, byNode, total) {
    const bar = el("span.shares", { "aria-hidden": "true" });
    const words = el("span.share-words");
    for (const node of columns) {
      const share = byNode[node] / (total || 1), role = this.model.nodes[node].role;
      const piece = el(`i.role-${role}`);
      piece.style.flexGrow = String(share);
      bar.append(piece);
      words.append(el(`span.share.role-${role}`, { title: `${count(byNode[node])} ns` }, `${this.texts.node(this.model, node)} `, el("b", {}, percent(share))));
    }
    return el("span.share-box", {}, bar, words);
  }

  /** Marks the stop that the playhead is in. */
  draw(t) {
    if (!this.journey) return;
    const stops = this.shown;
    let at = -1;
    for (let i = 0; i < stops.length && stops[i].start <= t; i++) if (t < stops[i].end) at = i;
    if (at === this.current) return;
    this.items[this.current]?.classList.remove("on");
    this.items[this.current]?.removeAttribute("aria-current");
    this.current = at;
    const item = this.items[at];
    if (!item) return;
    item.classList.add("on");
    item.setAttribute("aria-current", "step");
    const top = item.offsetTop, { scrollTop, clientHeight } = this.list;
    if (top < scrollTop + ROW || top > scrollTop + clientHeight - 2 * ROW) this.list.scrollTop = top - clientHeight / 2;
  }

  select(span) {
    this.items?.forEach((item) => item.classList.toggle("selected", Number(item.dataset.span) === span));
  }
}

/** The stops that take longest, in their order: a boot has thousands. */
export function longest(stops, most) {
  if (stops.length <= most) return stops;
  const least = stops.map(({ ns }) => ns).sort((a, b) => b - a)[most - 1];
  return stops.filter(({ ns }) => ns >= least).slice(0, most);
}

/** The stair: one column a layer, a dot a stop; a dashed step wakes another thread. */
function stair(stops, columns, model) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "stair");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("width", String(columns.length * COLUMN + 6));
  svg.setAttribute("height", String(stops.length * ROW));
  const at = (stop, i) => [8 + columns.indexOf(stop.node) * COLUMN, (i + 0.5) * ROW];
  stops.forEach((stop, i) => {
    if (!i) return;
    const [x0, y0] = at(stops[i - 1], i - 1), [x1, y1] = at(stop, i);
    const line = document.createElementNS(ns, "path");
    line.setAttribute("d", x0 === x1 ? `M${x0} ${y0}V${y1}` : `M${x0} ${y0}C${x0} ${y0 + ROW * 0.7} ${x1} ${y1 - ROW * 0.7} ${x1} ${y1}`);
    line.setAttribute("class", stop.woken ? "wakeup" : "");
    svg.append(line);
  });
  stops.forEach((stop, i) => {
    const [x, y] = at(stop, i);
    const dot = document.createElementNS(ns, "circle");
    for (const [key, value] of Object.entries({ cx: x, cy: y, r: 3.5, class: `role-${model.nodes[stop.node].role}${stop.kind === CPU || stop.kind === DEVICE ? "" : " waits"}` })) dot.setAttribute(key, String(value));
    svg.append(dot);
  });
  return svg;
}
