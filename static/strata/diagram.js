/**
 * One stack's drawing, lit by the state: the working layer glows, a waiting one turns grey, and each layer says how far it is.
 * The boxes are the server's SVG; the tokens above them are `tokens.js`.
 */
import { BLUR_SPANS, activity, lane, state } from "./state.js";
import { say } from "./dom.js";
import { count, time } from "./text.js";
import { Tokens } from "./tokens.js";

const LEVELS = 4;

export class Diagram {
  /**
   * @param {HTMLElement} root the lane's article @param {import("./model.js").Model} model
   * @param {import("./texts.js").Texts} texts @param {import("./dom.js").Theme} theme @param {boolean} reduced
   */
  constructor(root, model, texts, theme, reduced) {
    Object.assign(this, { root, model, texts });
    this.svg = root.querySelector("svg.stack");
    this.stateLine = root.querySelector(".lane-state");
    this.original = this.stateLine?.textContent ?? "";
    this.lane = lane(model);
    /** @type {Map<number, any>} trace node → its layer in the drawing */
    this.layers = new Map();
    for (const g of this.svg.querySelectorAll("g.layer[data-node]")) {
      const index = this.nodeOf(g);
      if (index < 0 || this.layers.has(index)) continue;
      const { cx, cy, x, y, w } = g.dataset;
      const text = g.querySelector("text.state");
      this.layers.set(index, { g, cx: Number(cx), cy: Number(cy), x: Number(x), y: Number(y), w: Number(w), text, room: text ? roomFor(text, g) : 0, classes: "", chip: g.classList.contains("chip") });
    }
    for (const [index, { g }] of this.layers) model.names[index] = g.dataset.name;
    this.rails = [...this.svg.querySelectorAll("path[data-from][data-to]")].map((path) => ({
      path,
      from: model.nodeIndex.get(path.dataset.from) ?? -1,
      to: model.nodeIndex.get(path.dataset.to) ?? -1,
      flows: false,
    }));
    this.tokens = new Tokens(root.querySelector("canvas.tokens"), this.svg, this.layers, this.rails, model, theme, reduced);
  }

  /** A layer's node in the trace; a drawn workload that is no node of its own counts as the node that it runs on. */
  nodeOf(g) {
    const own = this.model.nodeIndex.get(g.dataset.node);
    return own ?? -1;
  }

  /** @param {import("./playhead.js").Playhead} head */
  draw(head) {
    const { model } = this;
    const t = model.startNs + head.t, t0 = model.startNs + head.t0;
    const now = state(model, t);
    const flow = t > t0 ? activity(model, t0, t) : null;
    const blurred = flow !== null && flow.spans >= BLUR_SPANS;
    for (const [index, layer] of this.layers) {
      let standing = now.nodes[index], level = standing === "working" ? LEVELS : 0;
      if (blurred && standing !== "lost") {
        level = Math.ceil(Math.min(1, flow.work[index]) * LEVELS - 0.02);
        if (level > 0) standing = "working";
        else if (flow.wait[index] > 0.1) standing = "waiting";
        else if (standing === "working" || standing === "waiting") standing = t >= model.readyNs[index] ? "ready" : "idle";
      }
      this.#show(layer, standing, level);
      if (layer.text) say(layer.text, fitting(this.#stateTexts(index, t, standing), layer.room));
    }
    for (const rail of this.rails) {
      const flows = blurred && flow.work[rail.from] > 0.004 && flow.work[rail.to] > 0.004;
      if (flows !== rail.flows) rail.path.classList.toggle("flows", (rail.flows = flows));
    }
    this.#laneState(head.t, t, now);
    this.tokens.draw(now, { blurred, playing: head.playing, t0, t });
  }

  #show(layer, standing, level) {
    const classes = `${standing}${level}`;
    if (layer.classes === classes) return;
    layer.classes = classes;
    const { classList, dataset } = layer.g;
    classList.toggle("on", standing === "working");
    classList.toggle("waiting", standing === "waiting");
    classList.toggle("ready", standing === "ready");
    classList.toggle("off", standing === "off");
    classList.toggle("lost", standing === "lost");
    dataset.level = String(level);
  }

  /** How far a layer is, in words, the fullest first. */
  #stateTexts(index, t, standing) {
    const { model, texts } = this;
    if (standing === "off") return [];
    if (standing === "lost") return [texts.ui("state_lost")];
    const exits = model.countMarks(index, "exit", t);
    if (exits) return [texts.ui("state_exits", { n: exits }), count(exits)];
    const ready = model.readyNs[index];
    if (t >= ready && ready <= model.startNs) return [texts.ui("state_up")];
    if (t >= ready) return [texts.ui("state_ready", { t: ready - model.startNs }), time(ready - model.startNs)];
    if (!Number.isFinite(ready) || t < model.firstNs[index]) return standing === "waiting" ? [texts.ui("state_waiting")] : [];
    return [time(Math.round(t - Math.max(model.firstNs[index], model.startNs)))];
  }

  #laneState(axisT, t, now) {
    if (!this.stateLine || this.told) return;
    const { texts, lane, model } = this;
    const finish = lane.end_ns;
    const done = t >= finish && axisT > 0;
    if (done !== this.done) {
      this.stateLine.classList.toggle("done", (this.done = done) && lane.finished);
      this.stateLine.classList.toggle("lost", done && !lane.finished);
    }
    if (done && !lane.finished) say(this.stateLine, texts.ui("lane_lost", { t: finish - this.model.startNs }));
    else if (done) say(this.stateLine, texts.ui("lane_done", { t: finish - this.model.startNs }));
    else if (axisT <= 0 && model.startNs <= lane.start_ns) say(this.stateLine, this.original || texts.ui(model.startNs ? "lane_host" : "lane_start"));
    else if (t < lane.start_ns) say(this.stateLine, texts.ui("lane_before", { percent: Math.floor((100 * t) / lane.start_ns) }));
    else say(this.stateLine, texts.ui("lane_running", { percent: Math.floor(100 * now.progress) }));
  }

  select(node) {
    for (const [index, { g }] of this.layers) g.classList.toggle("selected", index === node);
  }
}

/** How much room (in the drawing's units) a layer's state has beside or under its name, short of the token. */
function roomFor(text, g) {
  const name = g.querySelector("text.name");
  const x = Number(text.getAttribute("x")), { x: left, w, cx } = g.dataset;
  const ends = getComputedStyle(text).textAnchor === "end";
  if (!ends) return Math.min(Number(left) + Number(w) - 4, Number(cx) - 12) - x;
  return x - Number(name?.getAttribute("x") ?? left) - (name?.getComputedTextLength() ?? 0) - 10;
}

/** The first of the texts that fits, by a cautious estimate of its width. */
function fitting(texts, room) {
  const width = (text) => [...text].reduce((sum, char) => sum + (char > "\u2e80" ? 12.5 : 6.9), 0);
  return texts.find((text) => width(text) <= room) ?? "";
}
