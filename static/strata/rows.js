/** The rows of the timeline and how spans are painted in them, many or few. */
import { CPU, DEVICE, QUEUE, Stab, WAIT, after } from "./model.js";
import { ROLES } from "./dom.js";
import { HAPPENED, draw } from "./signs.js";

export const RULER = 30;
const ROW = [15, 24], RACE_ROW = [26, 40], NARROW_ROW = 12, OWNED = 0.7, GAP = 3, NARROW = 560;
const HEIGHT_SHARE = [0.24, 0.2], LOW = 820; // of the window, for all rows; less in a low one
const FEW_MARKS = 60, SIGN = 4;

export class Rows {
  /**
   * @param {{model: import("./model.js").Model, label: string, order?: number[]}[]} lanes
   * @param {import("./texts.js").Texts} texts @param {import("./dom.js").Theme} theme
   * @param {number} [sinceNs] leave out layers that do nothing after this
   */
  constructor(lanes, texts, theme, sinceNs = 0) {
    Object.assign(this, { lanes, texts, theme, sinceNs });
    this.race = lanes.length > 1;
    this.rows = this.race ? lanes.map((lane, i) => this.#row(lane.model, i, lane.label, null)) : this.#layers(lanes[0]);
    this.height = this.gutter = 0;
  }

  #layers({ model, order }) {
    const nodes = order ?? model.nodes.map((_, i) => i);
    const rows = nodes.map((node) => this.#row(model, 0, this.texts.node(model, node), node));
    const { end_ns } = model.spans;
    return rows.filter(({ stab }) => stab.ids.some((id) => end_ns[id] > this.sinceNs));
  }

  #row(model, lane, label, node) {
    const ids = node === null ? model.leaves.ids : model.leaves.ids.filter((id) => model.spans.node[id] === node);
    const { start_ns, end_ns } = model.spans;
    return { model, lane, label, node, stab: new Stab(ids, start_ns, end_ns), role: node === null ? null : model.nodes[node].role, owner: node === null ? -1 : model.nodes[node].owner };
  }

  /** Rows share what the window (or the box, to its limit) has for them; devices and firmware get slimmer ones. */
  layout(width, limit) {
    this.narrow = width < NARROW;
    this.gutter = this.narrow ? 92 : this.race ? 168 : 140;
    const [least, most] = this.race ? RACE_ROW : ROW;
    const weights = this.rows.map((row) => (row.owner >= 0 ? OWNED : 1));
    const room = Math.min(HEIGHT_SHARE[innerHeight < LOW ? 1 : 0] * innerHeight, limit - RULER - GAP);
    const unit = (room - GAP * weights.length) / weights.reduce((a, b) => a + b, 0);
    const full = Math.round(Math.min(most, Math.max(this.narrow && !this.race ? NARROW_ROW : least, unit)));
    let y = RULER + GAP;
    this.rows.forEach((row, i) => {
      row.y = y;
      row.h = Math.round(full * weights[i]);
      y += row.h + GAP;
    });
    this.height = y;
  }

  /** @param {boolean} pale as it looks while it is still to come */
  paint(c, axis, width, selected, pale = false) {
    const { theme } = this;
    this.pale = pale;
    c.font = `12px ${theme.font}`;
    c.textBaseline = "middle";
    for (const { t, label } of axis.ticks()) {
      const x = Math.round(axis.x(t)) + 0.5;
      c.strokeStyle = theme.line;
      c.lineWidth = 1;
      c.beginPath();
      c.moveTo(x, RULER - 4);
      c.lineTo(x, this.height);
      c.stroke();
      c.fillStyle = theme.soft;
      if (x + c.measureText(label).width + 6 < width) c.fillText(label, x + 4, 9);
    }
    for (const row of this.rows) {
      this.#label(c, row);
      c.save();
      c.beginPath();
      c.rect(axis.left, row.y, axis.width, row.h);
      c.clip();
      if (this.race) this.#flow(c, axis, row);
      else this.#spans(c, axis, row);
      c.restore();
      if (!this.race) this.#instants(c, axis, row);
    }
    this.#frame(c, axis, selected);
  }

  #label(c, row) {
    const { theme } = this;
    const owned = row.owner >= 0, middle = row.y + row.h / 2 + 0.5;
    if (row.role) {
      c.fillStyle = theme.role[row.role].fill;
      c.beginPath();
      c.roundRect(owned ? 10 : 0, row.y + 2, 4, row.h - 4, 2);
      c.fill();
    }
    const size = Math.min(this.race ? (this.narrow ? 11 : 13) : owned ? 11.5 : 12.5, row.h - (owned ? -2 : 1));
    c.font = `${this.race ? 600 : owned ? 400 : 500} ${size}px ${theme.font}`;
    c.fillStyle = owned ? theme.soft : theme.ink;
    const x = row.role ? (owned ? 20 : 10) : 0;
    const room = this.gutter - x - 10;
    if (this.race && c.measureText(row.label).width > room) twoLines(c, row.label, x, middle, room);
    else c.fillText(clip(c, row.label, room), x, middle);
  }

  /** Exits, interrupts, faults and wake-ups on the row's upper edge, while they are few enough to be told apart. */
  #instants(c, axis, row) {
    const ink = this.pale ? this.theme.soft : this.theme.ink;
    for (const { at, what } of this.#happened(row, axis.view)) {
      const hollow = what === "wakeup";
      draw(c, HAPPENED[what], axis.x(at), row.y, hollow ? 2.75 : 3.5, { fill: hollow ? this.theme.card : ink, stroke: ink });
    }
  }

  /** The kind of the sign at a place, "" where none is drawn. */
  sign(x, y, axis) {
    const row = this.rows.find((row) => Math.abs(y - row.y) <= SIGN);
    if (this.race || !row) return "";
    const [near] = this.#happened(row, axis.view).filter(({ at }) => Math.abs(axis.x(at) - x) <= SIGN);
    return near?.what ?? "";
  }

  /** What happens at instants of a stretch of the axis, in a row. */
  #happened({ model, node: own }, [from, to]) {
    const zero = model.startNs, { instants, wakeups, header } = model;
    const [first, last] = model.instantsBetween(from + zero, to + zero);
    const begin = after(wakeups.at_ns, from + zero), end = after(wakeups.at_ns, to + zero);
    const found = [];
    if (end - begin <= FEW_MARKS) for (let i = begin; i < end; i++) if (header.threads[wakeups.woken[i]]?.node === own) found.push({ at: wakeups.at_ns[i] - zero, what: "wakeup" });
    if (last - first <= FEW_MARKS) for (let i = first; i < last; i++) if (instants.node[i] === own) found.push({ at: instants.at_ns[i] - zero, what: header.instant_kinds[instants.kind[i]] });
    return found.filter(({ at, what }) => HAPPENED[what] && at + zero >= model.firstNs[own]);
  }

  /** One layer: wide spans one by one with their names, narrow ones as a shade of how much of each pixel they fill. */
  #spans(c, axis, row) {
    const { start_ns, end_ns, kind } = row.model.spans;
    const zero = row.model.startNs, { y, h } = row, hue = this.theme.role[row.role];
    const fill = new Float32Array(Math.ceil(axis.width) + 2), grey = new Float32Array(fill.length);
    const wide = [];
    for (const id of this.#visible(row, axis)) {
      const x0 = Math.max(axis.left - 2, axis.x(start_ns[id] - zero));
      const x1 = Math.min(axis.left + axis.width + 2, axis.x(end_ns[id] - zero));
      if (x1 - x0 >= 1.5) wide.push([id, x0, x1]);
      else cover(kind[id] === CPU || kind[id] === DEVICE ? fill : grey, x0 - axis.left, x1 - axis.left);
    }
    shade(c, grey, axis.left, y + h * 0.3, h * 0.4, this.theme.wait);
    for (const [id, x0, x1] of wide) if (kind[id] === WAIT || kind[id] === QUEUE) this.#waiting(c, x0, y + h * 0.3, x1 - x0, h * 0.4);
    shade(c, fill, axis.left, y + 2, h - 4, this.pale ? hue.pale : hue.fill);
    c.font = `11.5px ${this.theme.font}`;
    for (const [id, x0, x1] of wide) {
      if (kind[id] === WAIT || kind[id] === QUEUE) continue;
      const gap = x1 - x0 > 4 ? 1 : 0;
      this.#block(c, x0, y + 2, x1 - x0 - gap, h - 4, hue);
      if (x1 - x0 < 40 || h < 14) continue;
      const name = clip(c, this.texts.span(row.model, id), x1 - x0 - 12);
      if (name.length < 4) continue;
      c.fillStyle = this.pale ? hue.ink : hue.on;
      c.fillText(name, Math.max(axis.left, x0) + 6, y + h / 2 + 0.5);
    }
  }

  /** A whole stack in one row: each pixel in the hue of the layer that took most of it. */
  #flow(c, axis, row) {
    const { start_ns, end_ns, kind, node } = row.model.spans;
    const zero = row.model.startNs, n = Math.ceil(axis.width) + 2, nodes = row.model.nodes;
    const share = nodes.map(() => null), grey = new Float32Array(n);
    for (const id of this.#visible(row, axis)) {
      const x0 = Math.max(-2, axis.x(start_ns[id] - zero) - axis.left), x1 = Math.min(axis.width + 2, axis.x(end_ns[id] - zero) - axis.left);
      const works = kind[id] === CPU || kind[id] === DEVICE;
      cover(works ? (share[node[id]] ??= new Float32Array(n)) : grey, x0, x1);
    }
    const first = (node) => (share[node] ? share[node] : null);
    let run = { node: -1, from: 0 };
    const runs = [];
    for (let px = 0; px < n; px++) {
      let best = -1, most = 0.02;
      for (let i = 0; i < nodes.length; i++) if (first(i) && first(i)[px] > most) (best = i), (most = share[i][px]);
      if (best < 0 && grey[px] > 0.02) best = -2;
      if (best === run.node) continue;
      runs.push({ ...run, to: px });
      run = { node: best, from: px };
    }
    runs.push({ ...run, to: n });
    for (const { node: i, from, to } of runs) this.#run(c, axis.left + from, row, to - from, i);
  }

  #run(c, x, row, width, node) {
    const { y, h, model } = row;
    if (node === -1) return;
    if (node === -2) return this.#waiting(c, x, y + h * 0.3, width, h * 0.4);
    const hue = this.theme.role[model.nodes[node].role] ?? this.theme.role[ROLES[0]];
    this.#block(c, x, y + 2, width - (width > 6 ? 1 : 0), h - 4, hue);
    if (width < 40) return;
    c.font = `12px ${this.theme.font}`;
    const name = clip(c, this.texts.node(model, node), width - 14);
    c.fillStyle = this.pale ? hue.ink : hue.on;
    if (name.length > 2) c.fillText(name, x + 7, y + h / 2 + 0.5);
  }

  #block(c, x, y, width, height, hue) {
    c.fillStyle = this.pale ? hue.pale : hue.fill;
    c.beginPath();
    c.roundRect(x, y, width, height, Math.min(4, width / 4));
    c.fill();
  }

  #waiting(c, x, y, width, height) {
    c.fillStyle = this.theme.wait;
    c.globalAlpha = this.pale ? 0.25 : 0.45;
    c.fillRect(x, y, width, height);
    c.globalAlpha = 1;
    c.save();
    c.beginPath();
    c.rect(x, y, width, height);
    c.clip();
    c.strokeStyle = this.theme.waitInk;
    c.globalAlpha = this.pale ? 0.3 : 0.55;
    c.lineWidth = 1;
    c.beginPath();
    const from = Math.floor((x - height) / 5) * 5;
    for (let at = from; at < x + width; at += 5) c.moveTo(at, y + height), c.lineTo(at + height, y);
    c.stroke();
    c.restore();
  }

  /** The spans of a row that overlap the view. */
  *#visible(row, axis) {
    const zero = row.model.startNs;
    const from = axis.view[0] + zero, to = axis.view[1] + zero;
    yield* row.stab.at(from);
    for (let i = row.stab.upTo(from); i < row.stab.ids.length && row.stab.starts[i] <= to; i++) yield row.stab.ids[i];
  }

  #frame(c, axis, selected) {
    if (!selected || selected.span < 0) return;
    const { model } = this.lanes[selected.lane];
    const i = this.rows.findIndex((row) => row.lane === selected.lane && (row.node === null || row.node === model.spans.node[selected.span]));
    if (i < 0) return;
    const x0 = axis.x(model.spans.start_ns[selected.span] - model.startNs), x1 = axis.x(model.spans.end_ns[selected.span] - model.startNs);
    if (x1 < axis.left || x0 > axis.left + axis.width) return;
    const left = Math.max(axis.left, x0), right = Math.max(left + 4, Math.min(axis.left + axis.width, x1));
    c.strokeStyle = this.theme.ink;
    c.lineWidth = 2;
    c.beginPath();
    c.roundRect(left - 1, this.rows[i].y, right - left + 1, this.rows[i].h, 4);
    c.stroke();
  }

  /** What is drawn at a place: the span there, else the nearest within three pixels. */
  hit(x, y, axis) {
    const i = this.rows.findIndex((row) => y >= row.y && y < row.y + row.h);
    if (i < 0 || x < axis.left) return null;
    const row = this.rows[i], zero = row.model.startNs, { start_ns, end_ns, kind } = row.model.spans;
    const from = axis.t(x - 3) + zero, to = axis.t(x + 3) + zero, t = axis.t(x) + zero;
    let best = null;
    const consider = (id) => {
      const off = Math.max(0, start_ns[id] - t, t - end_ns[id]);
      const score = off * 1e3 + (kind[id] === WAIT || kind[id] === QUEUE ? 2 : 0) * (to - from) + Math.min(end_ns[id] - start_ns[id], to - from);
      if (!best || score < best.score) best = { lane: row.lane, span: id, score };
    };
    row.stab.at(from).forEach(consider);
    for (let k = row.stab.upTo(from), n = 0; k < row.stab.ids.length && row.stab.starts[k] <= to && n < 2000; k++, n++) consider(row.stab.ids[k]);
    return best;
  }
}

/** Adds a span's share to each pixel that it touches. */
function cover(share, x0, x1) {
  const first = Math.max(0, Math.floor(x0)), last = Math.min(share.length - 1, Math.floor(x1));
  for (let px = first; px <= last; px++) share[px] += Math.min(x1, px + 1) - Math.max(x0, px);
}

function shade(c, share, left, y, height, colour) {
  c.fillStyle = colour;
  for (let px = 0; px < share.length; px++) {
    if (share[px] <= 0) continue;
    c.globalAlpha = Math.min(1, 0.3 + 0.7 * share[px]);
    c.fillRect(left + px, y, 1, height);
  }
  c.globalAlpha = 1;
}

function clip(c, text, room) {
  if (c.measureText(text).width <= room) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const mid = (low + high + 1) >> 1;
    if (c.measureText(`${text.slice(0, mid)}…`).width <= room) low = mid;
    else high = mid - 1;
  }
  return low > 1 ? `${text.slice(0, low)}…` : "";
}

function twoLines(c, text, x, y, room) {
  const words = text.includes(" ") ? text.split(" ") : [...text];
  const glue = text.includes(" ") ? " " : "";
  let first = "", i = 0;
  while (i < words.length && c.measureText(first + glue + words[i]).width <= room) first += (first ? glue : "") + words[i++];
  c.fillText(first || clip(c, text, room), x, y - 7.5);
  c.fillText(clip(c, words.slice(i).join(glue), room), x, y + 8);
}
