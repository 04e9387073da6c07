/**
 * One request as a waterfall: every stop on the way down and up, with the layers as a stair at the left. Queueing stands apart
 * from service, and a switch on the same thread apart from waking another. Thousands of stops stand in phases that unfold.
 */
import { CPU, DEVICE, QUEUE, WAIT } from "./model.js";
import { el, roving } from "./dom.js";
import { journeyOf, level, sums } from "./stops.js";
import { count, percent, time } from "./text.js";

const ROW = 27, COLUMN = 10, INDENT = 14;
const MARKS = { wakeup: "⇢", switch: "→", queue: "‖", wait: "‖" };

/** @typedef {import("./stops.js").Row & {item: HTMLElement, button: HTMLElement, shown: Line[]|null}} Line a row as it stands on the page */

export class JourneyView {
  /**
   * @param {HTMLElement} root @param {import("./model.js").Model} model @param {number[]} order nodes from top to bottom
   * @param {import("./texts.js").Texts} texts @param {(span: number) => void} onSelect
   */
  constructor(root, model, order, texts, onSelect) {
    Object.assign(this, { root, model, order, texts, onSelect });
    this.list = root.querySelector("#journey-stops");
    this.sum = root.querySelector("#journey-sum");
    /** @type {WeakMap<Element, Line>} */
    this.lines = new WeakMap();
    this.current = this.chosen = this.pressed = null;
    this.list.addEventListener("click", (event) => this.#press(event.target.closest("li.stop")));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    roving(this.list);
  }

  /** @param {number} request */
  show(request) {
    const { model, texts } = this;
    this.journey = journeyOf(model, request);
    const { stops, rows, start, end } = this.journey;
    const flat = rows.length === stops.length;
    const columns = this.order.filter((node) => stops.some((stop) => stop.node === node));
    this.list.classList.toggle("phases", !flat);
    this.list.style.setProperty("--gutter", `${flat ? columns.length * COLUMN + 6 : 0}px`);
    this.shown = rows.map((row) => this.#line(row, 0));
    this.list.replaceChildren(...(flat ? [stair(stops, columns, model)] : []), ...this.shown.map(({ item }) => item));
    this.shown[0].button.tabIndex = 0;
    this.current = this.chosen = this.pressed = null;
    const { byKind, byNode, total } = sums(stops, model.nodes.length);
    const part = (key, ns) => (ns ? [texts.ui(key, { t: ns })] : []);
    const wakes = stops.filter((stop) => stop.woken).length, moves = stops.filter((stop) => stop.moved).length;
    this.sum.replaceChildren(
      this.#shares(columns, byNode, total),
      el("span.sum-line", {}, texts.ui(total !== end - start ? "journey_sum_open" : model.requestKind[request] === "read" ? "journey_sum" : "journey_sum_any", { n: stops.length, sum: total, whole: end - start })),
      el("span.sum-line", {}, [...part("sum_service", byKind[CPU]), ...part("sum_device", byKind[DEVICE]), ...part("sum_queue", byKind[QUEUE]), ...part("sum_wait", byKind[WAIT]), texts.ui("sum_switches", { wakes, moves })].join(" · ")),
    );
    this.#legend();
  }

  /** @param {import("./stops.js").Row} row @param {number} depth @returns {Line} */
  #line(row, depth) {
    const { model, texts } = this;
    const { start, end } = this.journey;
    const { stop, span, below } = row;
    const bar = el("span.stop-bar", {}, el("i"));
    const whole = end - start || 1;
    bar.firstChild.style.left = `${(100 * (row.start - start)) / whole}%`;
    bar.firstChild.style.width = `${(100 * (row.end - row.start)) / whole}%`;
    const marker = !stop ? "" : stop.kind === QUEUE ? "queue" : stop.kind === WAIT ? "wait" : stop.woken ? "wakeup" : stop.moved ? "switch" : "";
    const mark = el(`span.stop-mark${marker ? `.${marker}` : ""}`, { title: marker ? texts.ui(`mark_${marker}`) : "" }, MARKS[marker] ?? "");
    const words = el("span.stop-words", {}, el("span.stop-name", {}, span < 0 ? texts.ui("journey_short") : texts.span(model, span)));
    if (span >= 0) words.append(el("span.stop-node", {}, texts.node(model, model.spans.node[span])));
    if (!stop) words.append(el("span.stop-count", {}, texts.ui("journey_stops", { n: row.n })));
    const button = el("button", { type: "button", tabIndex: -1 }, mark, words, bar, el("span.stop-time", {}, time(row.ns)));
    button.style.setProperty("--indent", `${depth * INDENT}px`);
    if (!stop) button.setAttribute("aria-expanded", "false");
    const role = span < 0 ? "" : `.role-${model.nodes[model.spans.node[span]].role}`;
    const item = el(`li.stop${role}${marker ? `.${marker}` : ""}${below.length ? ".phase" : ""}`, { dataset: { span } }, button);
    const line = { ...row, depth, item, button, shown: null };
    this.lines.set(item, line);
    return line;
  }

  /** Rows below are made when somebody wants to see them. */
  #fold(line, open) {
    if (!line.below.length || open === (line.shown !== null)) return;
    line.shown = open ? level(line.below).map((row) => this.#line(row, line.depth + 1)) : null;
    line.button.setAttribute("aria-expanded", String(open));
    line.item.querySelector("ol")?.remove();
    if (open) line.item.append(el("ol", {}, ...line.shown.map(({ item }) => item)));
    else if (!this.list.querySelector('[tabindex="0"]')) line.button.tabIndex = 0;
    this.#mark(this.at);
  }

  #press(item) {
    const line = this.lines.get(item);
    if (!line) return;
    this.#fold(line, !line.shown);
    this.pressed = line;
    if (line.span >= 0) this.onSelect(line.span);
  }

  /** As in any tree: to the right and in, to the left and out. */
  #key(event) {
    const line = this.lines.get(event.target.closest("li.stop"));
    if (!line || !this.list.matches(".phases") || event.shiftKey || !["ArrowRight", "ArrowLeft"].includes(event.key)) return;
    event.preventDefault();
    const right = event.key === "ArrowRight";
    if (right === (line.shown !== null)) (right ? line.shown[0] : this.lines.get(line.item.parentElement.closest("li.stop")))?.button.focus();
    else this.#fold(line, right);
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

  /** What the signs mean, one click away: those that this journey has. */
  #legend() {
    const { root, texts } = this;
    const list = root.querySelector("#journey-marks dl");
    const seen = Object.keys(MARKS).filter((marker) => this.list.querySelector(`.stop-mark.${marker}`) || this.list.matches(".phases"));
    root.querySelector("#journey-marks").hidden = !seen.length;
    list.replaceChildren(...seen.map((marker) => el("div", {}, el("dt", {}, MARKS[marker]), el("dd", {}, texts.ui(`mark_${marker}`)))));
  }

  /** Marks the stop that the playhead is in; of folded ones the phase. */
  draw(t) {
    this.at = t;
    if (this.journey) this.#mark(t);
  }

  #mark(t) {
    let at = null;
    for (let lines = this.shown; lines; ) {
      const inside = lines.findLast(({ start, end }) => start <= t && t < end);
      at = inside ?? at;
      lines = inside?.shown;
    }
    if (at === this.current) return;
    this.current?.item.classList.remove("on");
    this.current?.button.removeAttribute("aria-current");
    this.current = at;
    if (!at) return;
    at.item.classList.add("on");
    at.button.setAttribute("aria-current", "step");
    this.#bringIntoSight(at);
  }

  #bringIntoSight({ button }) {
    const top = button.getBoundingClientRect().top - this.list.getBoundingClientRect().top;
    if (top < ROW || top > this.list.clientHeight - 2 * ROW) this.list.scrollTop += top - this.list.clientHeight / 2;
  }

  /** Marks the row of a span; the phases around it unfold. */
  select(span) {
    this.chosen?.item.classList.remove("selected");
    this.chosen = this.pressed?.span === span ? this.pressed : this.#reveal(span);
    this.pressed = null;
    if (!this.chosen) return;
    this.chosen.item.classList.add("selected");
    for (const other of this.list.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    this.chosen.button.tabIndex = 0;
    this.#bringIntoSight(this.chosen);
  }

  /** @returns {Line|null} the row of a span, with all around it unfolded */
  #reveal(span) {
    const path = new Set(span < 0 ? [] : this.model.path(span));
    const holds = (row) => (row.span < 0 ? row.below.some(holds) : path.has(row.span));
    for (let lines = this.shown; lines; ) {
      const line = lines.find((line) => line.span === span) ?? lines.find(holds);
      if (!line || line.span === span) return line ?? null;
      this.#fold(line, true);
      lines = line.shown;
    }
    return null;
  }
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
