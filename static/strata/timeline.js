/**
 * The timeline: one canvas, a row for each layer (in a race, for each stack). Work in the layer's hue, waiting grey and
 * hatched, what is still to come pale. Wheel zooms, dragging scrubs, a click selects, a double click goes close.
 */
import { Axis } from "./axis.js";
import { fit } from "./dom.js";
import { RULER, Rows } from "./rows.js";
import { time } from "./text.js";

const TAP = 4; // px that a press may move and still be a click

export class Timeline {
  /**
   * @param {HTMLElement} box @param {import("./playhead.js").Playhead} head @param {Rows} rows
   * @param {import("./texts.js").Texts} texts @param {import("./dom.js").Theme} theme
   * @param {(pick: {lane: number, span: number}|null) => void} onSelect
   */
  constructor(box, head, rows, texts, theme, onSelect) {
    Object.assign(this, { box, head, rows, texts, theme, onSelect });
    this.canvas = box.querySelector("canvas");
    this.axis = new Axis(Math.min(0, head.from), head.end);
    this.past = document.createElement("canvas"); // everything but the playhead, as it looks once it has happened
    this.future = document.createElement("canvas"); // and before
    this.dirty = true;
    this.selected = null;
    theme.listeners.add(() => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(box);
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("pointermove", (event) => this.#hover(event));
    this.fingers = new Map();
    for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) this.canvas.addEventListener(type, (event) => this.#pinch(event));
    this.canvas.addEventListener("dblclick", (event) => this.#close(event));
  }

  redraw() {
    this.dirty = true;
    this.head.changed();
  }

  zoom(factor, x = this.axis.x(this.head.t)) {
    const inside = x >= this.axis.left && x <= this.axis.left + this.axis.width;
    this.axis.zoom(factor, inside ? x : this.axis.left + this.axis.width / 2);
    this.redraw();
  }

  fit() {
    this.axis.fit();
    this.redraw();
  }

  /** Along the axis, by a part of what is shown. */
  pan(part) {
    this.axis.pan(part * this.axis.width);
    this.redraw();
  }

  /** Show a stretch of time with some room about it; before its origin a log axis has none to spare. */
  show(from, to) {
    const { axis } = this, room = (to - from) * 0.06;
    if (axis.log) axis.show(from, Math.min(axis.whole[1], to + room));
    else axis.show(from - room, to + room);
    this.redraw();
  }

  /** What a press on play covers: logarithmic from the origin on; a whole run as a whole. */
  setLog(log) {
    const { axis, head } = this;
    axis.log = log;
    if (log) this.show(axis.origin, head.to);
    else if (head.from > 0) this.show(head.from, head.to);
    else this.fit();
  }

  select(pick) {
    this.selected = pick;
    this.redraw();
  }

  draw() {
    const width = this.box.clientWidth;
    if (!width) return;
    if (this.head.playing) this.#follow();
    if (this.dirty) this.#paintStill(width);
    const { height } = this.rows;
    const c = fit(this.canvas, width, height);
    const { axis, theme, head } = this;
    const x = axis.x(head.t), right = axis.left + axis.width;
    const cut = Math.min(right, Math.max(axis.left, x));
    c.clearRect(0, 0, width, height);
    part(c, this.past, 0, cut, width, height);
    part(c, this.future, cut, width, width, height);
    if (x < axis.left - 1 || x > right + 1) return;
    c.fillStyle = theme.ink;
    c.fillRect(Math.round(x) - 1, RULER - 6, 2, height - RULER + 6);
    c.beginPath();
    c.arc(x, RULER - 9, 6, 0, 7);
    c.fill();
  }

  /** Keeps the playhead in view while it runs. */
  #follow() {
    const { axis, head } = this;
    if (head.t >= axis.view[0] && head.t <= axis.view[1]) return;
    const length = axis.length;
    if (axis.log) axis.fit();
    else axis.show(head.t - length * 0.1, head.t + length * 0.9);
    this.dirty = true;
  }

  #paintStill(width) {
    this.dirty = false;
    this.rows.layout(width, parseFloat(getComputedStyle(this.box).maxHeight) || Infinity);
    const { height } = this.rows;
    this.axis.left = this.rows.gutter;
    this.axis.width = width - this.rows.gutter - 14;
    this.box.style.setProperty("--gutter", `${this.rows.gutter}px`);
    for (const still of [this.past, this.future]) {
      const c = fit(still, width, height);
      c.clearRect(0, 0, width, height);
      this.rows.paint(c, this.axis, width, this.selected, still === this.future);
    }
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #wheel(event) {
    if (parent !== window && !event.ctrlKey && !event.metaKey) return; // in a frame the wheel scrolls the page that holds it
    event.preventDefault();
    const { x } = this.#at(event);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.axis.pan(event.deltaX || event.deltaY);
    else this.axis.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.006), x);
    this.redraw();
  }

  /** Two fingers: closer or further, and along. */
  #pinch(event) {
    const { fingers, axis } = this;
    if (event.type === "pointerdown") fingers.set(event.pointerId, this.#at(event).x);
    else if (event.type !== "pointermove") fingers.delete(event.pointerId);
    else if (fingers.has(event.pointerId)) {
      const before = [...fingers.values()];
      fingers.set(event.pointerId, this.#at(event).x);
      if (fingers.size !== 2) return;
      const now = [...fingers.values()];
      const spread = ([a, b]) => Math.max(8, Math.abs(a - b)), centre = ([a, b]) => (a + b) / 2;
      axis.zoom(spread(before) / spread(now), centre(now));
      axis.pan(centre(before) - centre(now));
      this.redraw();
    }
  }

  #press(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const start = this.#at(event);
    const scrubAtOnce = start.y < RULER;
    let scrubbing = scrubAtOnce;
    const move = (e) => {
      const { x } = this.#at(e);
      if (this.fingers.size > 1) return;
      if (!scrubbing && Math.abs(x - start.x) < TAP) return;
      scrubbing = true;
      this.head.seek(this.axis.t(x), { stop: true });
    };
    const up = () => {
      this.canvas.removeEventListener("pointermove", move);
      if (!scrubbing) this.onSelect(this.rows.hit(start.x, start.y, this.axis));
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up, { once: true });
    this.canvas.addEventListener("pointercancel", up, { once: true });
    if (scrubAtOnce) move(event);
  }

  #hover(event) {
    if (event.buttons) return;
    const { x, y } = this.#at(event);
    const pick = this.rows.hit(x, y, this.axis), sign = this.rows.sign(x, y, this.axis);
    this.canvas.style.cursor = y < RULER ? "ew-resize" : pick ? "pointer" : "default";
    const model = pick && this.rows.lanes[pick.lane].model;
    this.canvas.title = sign ? this.texts.ui(`sign_${sign}`) : pick ? `${this.texts.op(model.op(pick.span)).name} · ${time(model.duration(pick.span))}` : "";
  }

  #close(event) {
    const { x, y } = this.#at(event);
    const pick = this.rows.hit(x, y, this.axis);
    if (!pick) return this.zoom(0.25, x);
    const { model } = this.rows.lanes[pick.lane];
    const start = model.spans.start_ns[pick.span] - model.startNs;
    this.show(start, start + Math.max(1000, model.duration(pick.span)));
    this.head.seek(start, { stop: true });
  }
}

/** Copies the columns from x0 to x1 of a picture onto another of the same size. */
function part(c, picture, x0, x1, width, height) {
  if (x1 <= x0) return;
  const ratio = picture.width / width;
  c.drawImage(picture, x0 * ratio, 0, (x1 - x0) * ratio, picture.height, x0, 0, x1 - x0, height);
}
