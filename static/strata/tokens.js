/**
 * What travels: one token a request, on a canvas above the drawing. Its shape says what kind of request it is, its arrow where
 * it goes; hollow means that it waits. Tokens follow the tree from layer to layer; with reduced motion they jump.
 */
import { fit } from "./dom.js";
import { ASKED, asked, draw } from "./signs.js";
import { count } from "./text.js";

const GLIDE_MS = 190, FADE_MS = 160, PULSE_MS = 420, DWELL_MS = 220;
const SIZE = 8, PITCH = 19, FEW = 2, ROOM = 32, MOST = 64, FEW_PULSES = 2;

export class Tokens {
  constructor(canvas, svg, layers, rails, model, theme, reduced) {
    Object.assign(this, { canvas, svg, layers, model, theme, reduced });
    /** @type {Map<number, any>} request → its token on the screen */
    this.shown = new Map();
    /** @type {Map<number, number[]>} node → nodes that a rail joins it to */
    this.rails = new Map();
    this.ways = new Map();
    for (const { from, to } of rails) {
      for (const [a, b] of [[from, to], [to, from]]) if (a >= 0 && b >= 0) this.rails.set(a, [...(this.rails.get(a) ?? []), b]);
    }
    this.pulses = [];
    this.sprites = new Map();
    this.moving = false;
    theme.listeners.add(() => this.sprites.clear());
    this.measure();
  }

  /** Where the drawing's coordinates lie on the canvas. */
  measure() {
    const frame = this.canvas.parentElement.getBoundingClientRect(), drawn = this.svg.getScreenCTM();
    this.scale = drawn.a;
    this.left = drawn.e - frame.left;
    this.top = drawn.f - frame.top;
    this.width = frame.width;
    this.height = frame.height;
  }

  place(node) {
    const layer = this.layers.get(node);
    return layer ? { x: this.left + layer.cx * this.scale, y: this.top + layer.cy * this.scale } : null;
  }

  /** The nodes that lie between two nodes along the drawn rails, both included. */
  between(a, b) {
    const key = a * 4096 + b;
    const straight = this.layers.get(a)?.cx === this.layers.get(b)?.cx;
    if (!this.ways.has(key)) this.ways.set(key, (straight ? null : this.#way(a, b)) ?? [a, b]);
    return this.ways.get(key);
  }

  #way(a, b) {
    const from = new Map([[a, -1]]);
    for (const node of from.keys()) {
      if (node === b) break;
      for (const next of this.rails.get(node) ?? []) if (!from.has(next)) from.set(next, node);
    }
    if (!from.has(b)) return null;
    const way = [];
    for (let at = b; at >= 0; at = from.get(at)) way.unshift(at);
    return way;
  }

  /** @param {import("./state.js").State} now */
  draw(now, { blurred, playing, t0, t }) {
    const clock = performance.now();
    const glide = !this.reduced;
    this.#follow(now, clock, glide, blurred);
    this.#pulse(t0, t, playing, clock, glide);
    this.#paint(clock);
  }

  /** Brings the shown tokens to where the state has them. */
  #follow(now, clock, glide, blurred) {
    const present = new Set();
    for (const token of now.tokens) {
      if (!this.layers.has(token.node) || present.has(token.request)) continue;
      present.add(token.request);
      let shown = this.shown.get(token.request);
      if (!shown) {
        shown = { node: token.node, kind: token.kind, path: null, born: clock, gone: 0, since: clock, at: this.place(token.node) };
        this.shown.set(token.request, shown);
        if (glide && !blurred && token.from !== token.node && this.layers.has(token.from)) shown.node = token.from;
      }
      shown.gone = 0;
      shown.waiting = token.waiting;
      if (shown.node !== token.node && (!blurred || clock - shown.since > DWELL_MS)) {
        const stops = this.between(shown.node, token.node).map((i) => this.place(i)).filter(Boolean);
        const from = this.#position(shown, clock);
        shown.path = glide ? [from, ...stops.slice(1)] : null;
        shown.node = token.node;
        shown.since = clock;
      }
    }
    for (const [request, shown] of this.shown) {
      if (present.has(request)) continue;
      shown.gone ||= clock;
      if (!glide || clock - shown.gone > FADE_MS) this.shown.delete(request);
    }
  }

  #position(shown, clock) {
    if (shown.path) {
      const part = Math.min(1, (clock - shown.since) / GLIDE_MS);
      if (part < 1) return along(shown.path, part * part * (3 - 2 * part));
      shown.path = null;
    }
    return this.place(shown.node);
  }

  /** A ring where an exit, an interrupt or a fault has just happened, if they are few enough to be seen. */
  #pulse(t0, t, playing, clock, glide) {
    if (!glide || this.lastT === t) return;
    const from = this.lastT !== undefined && this.lastT < t ? this.lastT : t0;
    this.lastT = t;
    const { node } = this.model.instants;
    const [first, last] = this.model.instantsBetween(from, t);
    if (last - first > FEW_PULSES) return;
    for (let i = first; i < last; i++) {
      if (this.layers.has(node[i]) && this.pulses.length < 8) this.pulses.push({ node: node[i], at: clock });
    }
  }

  #paint(clock) {
    const c = fit(this.canvas, this.width, this.height);
    if (!c) return;
    c.clearRect(0, 0, this.width, this.height);
    this.moving = false;
    const crowds = new Map(), slots = new Map();
    for (const shown of this.shown.values()) crowds.set(shown.node, (crowds.get(shown.node) ?? 0) + 1);
    for (const shown of this.shown.values()) {
      const from = this.#position(shown, clock), slot = slots.get(shown.node) ?? 0;
      slots.set(shown.node, slot + 1);
      if (!from || slot >= MOST) continue;
      const { x, y, size } = stand(from, slot, crowds.get(shown.node), this.#room(shown.node));
      const alpha = shown.gone ? 1 - (clock - shown.gone) / FADE_MS : Math.min(1, (clock - shown.born) / FADE_MS + 0.25);
      c.globalAlpha = this.reduced ? 1 : Math.max(0, alpha);
      const sprite = this.#sprite(shown.kind, shown.waiting, size);
      c.drawImage(sprite, x - sprite.half, y - sprite.half, sprite.half * 2, sprite.half * 2);
      if (shown.path && size === SIZE) this.#arrow(c, x, y, shown);
      if (shown.path || shown.gone || clock - shown.born < FADE_MS) this.moving = true;
    }
    c.globalAlpha = 1;
    for (const [node, n] of crowds) if (n > MOST) this.#count(c, this.place(node), n);
    this.pulses = this.pulses.filter((pulse) => clock - pulse.at < PULSE_MS);
    for (const { node, at } of this.pulses) {
      const part = (clock - at) / PULSE_MS, { x, y } = this.place(node);
      c.globalAlpha = 1 - part;
      c.strokeStyle = this.theme.role[this.model.nodes[node].role]?.fill ?? this.theme.ink;
      c.lineWidth = 1.5;
      c.beginPath();
      c.arc(x, y, SIZE + 1 + 8 * part, 0, 7);
      c.stroke();
      this.moving = true;
    }
    c.globalAlpha = 1;
  }

  /** How wide a crowd may be without leaving its box. */
  #room(node) {
    const { x, w, cx } = this.layers.get(node);
    return Math.min(ROOM * Math.min(1, this.scale), 2 * (x + w - cx) * this.scale - 4);
  }

  #count(c, { x, y }, n) {
    c.font = `600 10px ${this.theme.font}`;
    c.textAlign = "center";
    c.fillStyle = this.theme.ink;
    c.fillText(count(n), x, y + ROOM / 2 + 9);
  }

  #arrow(c, x, y, shown) {
    const end = shown.path[shown.path.length - 1];
    const down = end.y > y + 1 ? 1 : end.y < y - 1 ? -1 : 0;
    if (!down) return;
    c.strokeStyle = this.hue(shown.kind);
    c.lineWidth = 2;
    c.lineCap = c.lineJoin = "round";
    const tip = y + down * (SIZE + 12);
    c.beginPath();
    c.moveTo(x, y + down * (SIZE + 3));
    c.lineTo(x, tip);
    c.moveTo(x - 4, tip - down * 4);
    c.lineTo(x, tip);
    c.lineTo(x + 4, tip - down * 4);
    c.stroke();
  }

  hue(kind) {
    const { hue } = ASKED[asked(kind)];
    return hue ? this.theme.role[hue].fill : this.theme.ink;
  }

  /** A token drawn once per kind and size, then stamped: a thousand of them cost a thousand copies. */
  #sprite(kind, waiting, size) {
    const key = `${kind}${waiting}${size}`;
    if (this.sprites.has(key)) return this.sprites.get(key);
    const half = size + 3, ratio = devicePixelRatio || 1;
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = Math.ceil(half * 2 * ratio);
    sprite.half = half;
    const c = sprite.getContext("2d");
    c.scale((sprite.width / half) * 0.5, (sprite.width / half) * 0.5);
    c.translate(half, half);
    draw(c, ASKED[asked(kind)].shape, 0, 0, size, {
      fill: waiting ? this.theme.card : this.hue(kind),
      stroke: waiting ? this.theme.waitInk : this.theme.card,
      width: size < 5 ? 1 : waiting ? 2 : 1.5,
    });
    this.sprites.set(key, sprite);
    return sprite;
  }
}

/** Where the n-th of a crowd stands: side by side while they are few, else smaller, in a square about the place. */
function stand({ x, y }, slot, crowd, room) {
  if (crowd <= FEW) return { x: x - slot * PITCH, y, size: SIZE };
  const side = Math.ceil(Math.sqrt(Math.min(crowd, MOST)));
  const pitch = Math.min(11, room / side);
  const rows = Math.ceil(Math.min(crowd, MOST) / side);
  const size = pitch > 9 ? 4.5 : pitch > 7 ? 3.5 : pitch > 5 ? 2.5 : 1.75;
  return { x: x + ((slot % side) - (side - 1) / 2) * pitch, y: y + (Math.floor(slot / side) - (rows - 1) / 2) * pitch, size };
}

/** The point a part of the way along a broken line. */
function along(points, part) {
  let total = 0;
  const lengths = points.slice(1).map((p, i) => {
    const length = Math.hypot(p.x - points[i].x, p.y - points[i].y);
    total += length;
    return length;
  });
  let left = part * total;
  for (let i = 0; i < lengths.length; i++) {
    if (left <= lengths[i] && lengths[i]) {
      const k = left / lengths[i];
      return { x: points[i].x + (points[i + 1].x - points[i].x) * k, y: points[i].y + (points[i + 1].y - points[i].y) * k };
    }
    left -= lengths[i];
  }
  return points[points.length - 1];
}
