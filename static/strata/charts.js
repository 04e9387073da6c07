/**
 * Curves of a run: memory by owner, threads that wait for a CPU, exits, requests under way. The numbers are pure functions
 * of the trace; uPlot draws them, and is fetched when somebody opens the charts. A table beside has the same numbers.
 */
import { QUEUE, after } from "./model.js";
import { el, say } from "./dom.js";
import { bytes, clock, count, time } from "./text.js";

export const CHARTS = ["memory", "queue", "exits", "depth"];
const POINTS = 240, ROWS = 8, HEIGHT = 190;
const STEPS = Array.from({ length: 50 }, (_, i) => i);
const BYTES = STEPS.map((i) => 2 ** i), COUNTS = STEPS.flatMap((i) => [1, 2, 5].map((digit) => digit * 10 ** i)).slice(0, 45);

/**
 * @param {import("./model.js").Model} model @param {string} kind @param {number} from @param {number} to ns since power-on
 * @returns {{times: number[], series: {node: number, values: number[]}[]}}
 */
export function curves(model, kind, from, to, points = POINTS) {
  const times = Array.from({ length: points }, (_, i) => Math.round(from + ((to - from) * i) / (points - 1)));
  const at = { memory, queue, exits, depth }[kind](model, from);
  return { times, series: at.map(({ node, value }) => ({ node, values: times.map(value) })) };
}

/** What each owner has: the last value counted. */
function memory(model) {
  const counters = model.trace.tables.counters, series = model.header.series;
  return series.flatMap(({ name, node }, number) => {
    if (name !== "memory") return [];
    const rows = [...counters.series.keys()].filter((i) => counters.series[i] === number);
    const times = rows.map((i) => counters.at_ns[i]), values = rows.map((i) => counters.value[i]);
    return [{ node, value: (t) => values[after(times, t) - 1] ?? 0 }];
  });
}

/** How many of these stretches are open at a time. */
function open(starts, ends) {
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  return (t) => after(starts, t) - after(ends, t);
}

function queue(model) {
  const { kind, op, node, start_ns, end_ns } = model.spans, found = new Map();
  for (let i = 0; i < kind.length; i++) {
    if (kind[i] !== QUEUE || model.header.ops[op[i]].op !== "run_queue") continue;
    if (!found.has(node[i])) found.set(node[i], [[], []]);
    found.get(node[i])[0].push(start_ns[i]);
    found.get(node[i])[1].push(end_ns[i]);
  }
  return [...found].map(([which, [starts, ends]]) => ({ node: which, value: open(starts, ends) }));
}

/** How many since the left edge. */
function exits(model, from) {
  return model.nodes.flatMap((_, node) => {
    const before = model.countMarks(node, "exit", from);
    return model.marks.has(`${node}/exit`) ? [{ node, value: (t) => model.countMarks(node, "exit", t) - before }] : [];
  });
}

function depth(model) {
  const { start_ns, end_ns, workload } = model.requests, found = new Map();
  for (let i = 0; i < start_ns.length; i++) {
    if (workload[i] < 0 || start_ns[i] < 0 || ["run", "slot", "exec"].includes(model.requestKind[i])) continue;
    const node = model.nodeIndex.get(model.header.workloads[workload[i]]) ?? -1;
    if (!found.has(node)) found.set(node, [[], []]);
    found.get(node)[0].push(start_ns[i]);
    found.get(node)[1].push(end_ns[i]);
  }
  return [...found].map(([node, [starts, ends]]) => ({ node, value: open(starts, ends) }));
}

export class Charts {
  /**
   * @param {HTMLDetailsElement|null} details @param {import("./model.js").Model} model @param {import("./timeline.js").Timeline} timeline
   * @param {import("./texts.js").Texts} texts @param {import("./dom.js").Theme} theme
   */
  constructor(details, model, timeline, texts, theme) {
    Object.assign(this, { details, model, timeline, texts, theme, key: "" });
    if (!details) return;
    this.kind = details.querySelector("select");
    this.place = details.querySelector(".chart");
    this.table = details.querySelector("table");
    for (const option of [...this.kind.options]) option.disabled = !curves(model, option.value, 0, model.endNs, 2).series.length;
    this.kind.value = CHARTS.find((kind) => curves(model, kind, 0, model.endNs, 2).series.length) ?? CHARTS[0];
    details.addEventListener("toggle", () => {
      this.draw();
      const deck = details.closest(".deck"); // it scrolls by itself, below its buttons
      if (details.open && deck) deck.scrollTop += details.getBoundingClientRect().bottom - deck.getBoundingClientRect().bottom;
    });
    this.kind.addEventListener("change", () => this.draw());
    theme.listeners.add(() => (this.key = ""));
  }

  draw() {
    if (!this.details?.open) return;
    const [from, to] = this.timeline.axis.view, width = this.place.clientWidth;
    const key = `${this.kind.value} ${from} ${to} ${width}`;
    if (key === this.key || !width) return;
    this.key = key;
    const { startNs } = this.model;
    const found = curves(this.model, this.kind.value, from + startNs, to + startNs);
    this.#tell(found, startNs);
    this.#paint(found, startNs, width);
  }

  #show(value) {
    return this.kind.value === "memory" ? bytes(value) : count(value);
  }

  #tell({ times, series }, startNs) {
    const names = series.map(({ node }) => (node < 0 ? "" : this.texts.node(this.model, node)));
    const step = (times.length - 1) / (ROWS - 1);
    const rows = Array.from({ length: ROWS }, (_, i) => Math.round(i * step));
    this.table.replaceChildren(
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, this.texts.ui("pair_at")), ...names.map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...rows.map((i) => el("tr", {}, el("th", { scope: "row" }, clock(times[i] - startNs, 1e3)), ...series.map(({ values }) => el("td", {}, this.#show(values[i])))))),
    );
  }

  async #paint({ times, series }, startNs, width) {
    const key = this.key;
    await this.#load();
    if (key !== this.key) return; // another one was asked for meanwhile
    const { theme, model } = this;
    const ticks = this.timeline.axis.log ? null : this.timeline.axis.ticks(); // the same as above the rows, if those are evenly spaced
    const axis = { stroke: theme.soft, grid: { stroke: theme.line, width: 1 }, ticks: { stroke: theme.line }, font: `12px ${theme.font}` };
    const options = {
      width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, scales: { x: { time: false } },
      axes: [
        { ...axis, ...(ticks && { splits: ticks.map(({ t }) => t) }), values: (_, found) => (ticks ? ticks.map(({ label }) => label) : found.map((t) => time(t))) },
        { ...axis, size: 74, incrs: this.kind.value === "memory" ? BYTES : COUNTS, values: (_, found) => found.map((value) => this.#show(Math.round(value))) },
      ],
      series: [{}, ...series.map(({ node }, i) => ({ stroke: theme.role[node < 0 ? "workload" : model.nodes[node].role].fill, width: 2, dash: i % 3 ? [6, 3 * (i % 3)] : [], paths: window.uPlot.paths.stepped({ align: 1 }) }))],
    };
    this.place.replaceChildren();
    new window.uPlot(options, [times.map((t) => t - startNs), ...series.map(({ values }) => values)], this.place);
    const legend = this.details.querySelector("ul");
    legend.replaceChildren(...series.map(({ node }) => el(`li.role-${node < 0 ? "workload" : model.nodes[node].role}`, {}, el("span.swatch", {}), node < 0 ? "" : this.texts.node(model, node))));
    say(this.details.querySelector(".none"), series.length ? "" : this.texts.ui("chart_none"));
  }

  #load() {
    this.loaded ??= new Promise((resolve, reject) => {
      document.head.append(
        el("link", { rel: "stylesheet", href: this.details.dataset.css }),
        el("script", { src: this.details.dataset.script, onload: resolve, onerror: () => reject(new Error("uPlot did not load")) }),
      );
    });
    return this.loaded;
  }
}
