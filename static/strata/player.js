/**
 * The player: fetches texts and traces once, makes one playhead, and lets every view read the same state.
 * Its traces come when the page's runs are done (`strata:trace`); nothing plays before somebody asks for it.
 */
import { Charts } from "./charts.js";
import { ConsoleView } from "./console.js";
import { Controls } from "./controls.js";
import { Diagram } from "./diagram.js";
import { Theme, el, say } from "./dom.js";
import { JourneyView } from "./journey.js";
import { Link, askedToPlay, readLink } from "./link.js";
import { Markers } from "./markers.js";
import { Model } from "./model.js";
import { Now } from "./now.js";
import { automatic, even } from "./pace.js";
import { Playhead } from "./playhead.js";
import { Race } from "./race.js";
import { Reasons } from "./reasons.js";
import { Rows } from "./rows.js";
import { Selected } from "./selected.js";
import { tell } from "./signs.js";
import { SpanTable } from "./table.js";
import { lane as laneOf } from "./state.js";
import { fetchTexts } from "./texts.js";
import { Timeline } from "./timeline.js";
import { fetchTrace } from "./trace.js";
import { WhatIf } from "./what_if.js";

const HOST_MS = 6000, LANE_MS = 9000, SPECK = 0.05, RACE_MS = 10000, READ_SLOWER = 1e5, READ_MS = [4000, 25000];
const LEAST_SEEN = 60; // px of the chosen layer's card
const STAGE_ROOM = 28, LEAST_SCALE = 0.72, NARROW = 640; // px below the stacks; smaller than this nobody can read them

export class Player {
  /** @param {HTMLElement} main `#player` */
  constructor(main, texts, traces, lanes) {
    Object.assign(this, { main, texts });
    this.race = main.dataset.mode === "race";
    this.theme = new Theme();
    const reduced = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const articles = main.querySelectorAll("article.lane");
    this.lanes = traces.map((trace, i) => {
      const model = new Model(trace, { startNs: this.race ? lanes[i].start_ns : 0 });
      const root = articles[i];
      const diagram = new Diagram(root, model, texts, this.theme, reduced);
      const order = [...diagram.layers].sort(([, a], [, b]) => a.y - b.y || a.x - b.x).map(([node]) => node);
      return { model, root, diagram, order, label: lanes[i].label };
    });
    this.model = this.lanes[0].model;
    this.head = this.#makeHead(reduced);
    this.reads = this.#findReads();
    const rows = new Rows(this.lanes, texts, this.theme, this.reads.length ? this.model.requests.start_ns[this.reads[0]] : 0);
    const box = this.find("timeline-box");
    this.timeline = new Timeline(box, this.head, rows, texts, this.theme, (pick) => this.select(pick));
    if (!this.race) this.timeline.axis.origin = laneOf(this.model).start_ns;
    this.selected = new Selected(this.find("selected"), texts, (span) => this.select({ lane: this.pick?.lane ?? 0, span }));
    this.now = new Now(this.find("now"), this.find("announce"), texts);
    this.console = new ConsoleView(this.find("console"), texts, () => this.head.changed());
    this.table = new SpanTable(this.find("spans-details"), texts, () => this.head.changed());
    this.raceView = this.race ? new Race(main, this.lanes, texts) : null;
    this.charts = new Charts(this.find("charts"), this.model, this.timeline, texts, this.theme);
    new Markers(main, this.head, this.lanes);
    tell(this.find("timeline-legend"), this.lanes.map(({ model }) => model), texts);
    this.reasons = new Reasons(main, this.lanes, (span) => this.select({ lane: 0, span }, true));
    this.link = new Link();
    this.whatIf = this.find("what-if") ? new WhatIf(main, lanes[0].scenario, this.head) : null;
    this.#makeJourney();
    this.controls = new Controls(main, this.head, this.timeline, texts, {
      origin: () => (this.request === undefined ? null : this.head.from),
      range: () => (this.#slim ? [this.head.from, this.head.to] : this.timeline.axis.whole),
    });
    this.#listen();
    this.begin = this.head.t;
    this.#restore(readLink());
    this.head.subscribe(() => this.#frame());
    this.head.changed();
    if (askedToPlay() && !reduced) this.head.play();
  }

  /** Whether the slider stands in place of the timeline: it covers what a press on play does. */
  get #slim() {
    return document.body.matches(".controls-slim") || (!this.race && document.documentElement.hasAttribute("data-projector") && !this.find("deck").classList.contains("more"));
  }

  find(id) {
    return this.main.querySelector(`#${id}`);
  }

  #makeHead(reduced) {
    const end = Math.max(...this.lanes.map(({ model }) => model.endNs - model.startNs));
    const finish = Math.max(...this.lanes.map(({ model }) => laneOf(model).end_ns - model.startNs));
    const to = Math.min(end, Math.max(1, finish));
    const boundary = (t, direction) => {
      const nexts = this.lanes.map(({ model }) => model.boundary(t + model.startNs, direction) - model.startNs);
      return Math.max(0, direction > 0 ? Math.min(...nexts.filter((next) => next > t), end) : Math.max(...nexts.filter((next) => next < t), 0));
    };
    const pace = this.race ? { rate: even(to, RACE_MS) } : { curve: this.#curve(to) };
    return new Playhead({ from: 0, to, end, boundary, reduced, ...pace });
  }

  /** The host's own start is hurried through; what comes after it is what the stack is about, however short. */
  #curve(to) {
    const { start_ns } = laneOf(this.model);
    if (start_ns <= 0 || start_ns >= to) return automatic(this.model, 0, to, HOST_MS + LANE_MS);
    return automatic(this.model, 0, start_ns, HOST_MS).then(automatic(this.model, start_ns, to, LANE_MS));
  }

  /** While the automatic pace plays, the timeline goes close where the host is ready, if all that follows would be a speck. */
  #follow() {
    const { head, timeline } = this;
    const { start_ns, end_ns } = laneOf(this.model);
    const before = this.lastT ?? 0;
    this.lastT = head.t;
    if (this.race || this.journey || !head.playing || head.slider || head.mode !== "slowed") return;
    const [from, to] = timeline.axis.view, [first, last] = timeline.axis.whole;
    const untouched = from === first && to === last;
    if (untouched && before < start_ns && head.t >= start_ns && end_ns - start_ns < SPECK * (last - first)) timeline.show(start_ns, end_ns);
    else if (before > head.t && head.t < from) timeline.fit();
  }

  /** Where the page is about single requests (reads, packets, system calls, touches): the workload's own ones. */
  #findReads() {
    const { follow } = this.main.dataset;
    if (this.race || !follow) return [];
    const { requestKind, requests } = this.model;
    const reads = [...requestKind.keys()].filter((i) => requestKind[i] === follow && requests.end_ns[i] > requests.start_ns[i]);
    const own = reads.filter((i) => requests.workload[i] >= 0);
    return own.length ? own : reads;
  }

  /** Then the page is about one request; the others are a button away. */
  #makeJourney() {
    const root = this.find("journey");
    if (!this.reads.length || !root) return;
    root.hidden = false;
    this.find("console").hidden = true; // kernels print nothing while one block is read
    this.journey = new JourneyView(root, this.model, this.lanes[0].order, this.texts, (span) => this.select({ lane: 0, span }, true));
    this.find("journey-prev")?.addEventListener("click", () => this.#showRequest(this.nth - 1));
    this.find("journey-next")?.addEventListener("click", () => this.#showRequest(this.nth + 1));
    const byLength = [...this.reads.keys()].sort((a, b) => this.#length(a) - this.#length(b));
    this.#showRequest(byLength[Math.floor(byLength.length / 2)]);
  }

  /** Elsewhere a span that was chosen leads to all that it is a part of: a boot, a service's start, a system call. */
  #followSpan(span) {
    const root = this.find("journey");
    if (this.race || this.reads.length || !root) return;
    const request = span < 0 ? -1 : this.model.spans.request[this.model.path(span)[0]];
    const whole = request >= 0 && this.model.requests.end_ns[request] > this.model.requests.start_ns[request];
    root.hidden = !whole;
    if (!whole) return;
    root.querySelector(".pager").hidden = true;
    say(root.querySelector("h2"), this.texts.ui("journey_of", { what: this.texts.kind(this.model.requestKind[request]), who: this.texts.node(this.model, this.model.requests.node[request]) }));
    this.other ??= new JourneyView(root, this.model, this.lanes[0].order, this.texts, (stop) => this.select({ lane: 0, span: stop }, true));
    if (this.otherRequest !== request) this.other.show((this.otherRequest = request));
    this.other.select(span);
  }

  #length(nth) {
    const { start_ns, end_ns } = this.model.requests;
    return end_ns[this.reads[nth]] - start_ns[this.reads[nth]];
  }

  #showRequest(nth, seek = true) {
    this.nth = Math.min(this.reads.length - 1, Math.max(0, nth));
    this.request = this.reads[this.nth];
    const from = this.model.requests.start_ns[this.request], to = this.model.requests.end_ns[this.request];
    const wall = ((to - from) * READ_SLOWER) / 1e6;
    this.head.focus(from, to, { rate: wall >= READ_MS[0] && wall <= READ_MS[1] ? 1 / READ_SLOWER : even(to - from, 10000) });
    this.timeline.axis.origin = from;
    this.timeline.show(from, to);
    this.journey.show(this.request);
    this.within = new Set([this.request, ...this.journey.journey.stops.map(({ span }) => this.model.spans.request[span])]);
    say(this.find("journey-n"), this.texts.ui("journey_n", { n: this.nth + 1, of: this.reads.length }));
    if (seek) this.head.seek(from, { stop: true });
  }

  /** Above the drawing: which read this is, and how far. */
  #tellRead() {
    const { diagram } = this.lanes[0];
    const { from, to, t } = this.head;
    diagram.told = true;
    const key = t < from ? "lane_read_before" : t > to ? "lane_read_after" : "lane_read";
    const params = { what: this.texts.kind(this.main.dataset.follow), n: this.nth + 1, of: this.reads.length, t: t - from, whole: to - from };
    say(diagram.stateLine, this.texts.ui(key, params));
  }

  /** At rest: who has just got ready. */
  #readied() {
    if (this.head.playing || this.head.t <= 0) return [];
    return this.lanes.flatMap(({ model, label }) => {
      const nodes = model.nodes.map((_, i) => i).filter((i) => model.readyNs[i] - model.startNs === this.head.t);
      return nodes.map((i) => (this.race ? `${label} · ${this.texts.node(model, i)}` : this.texts.node(model, i)));
    });
  }

  /** All stacks at one scale, so that the tallest fits above the deck and a taller one looks like more. */
  #fitStacks() {
    const stage = this.main.querySelector(".stage"), frames = stage.querySelector(".lanes") ?? stage;
    const deck = this.find("deck");
    const fixed = getComputedStyle(stage).overflowY === "auto" && stage.clientHeight < innerHeight;
    const floor = fixed ? stage.clientHeight : innerHeight - stage.getBoundingClientRect().top - scrollY - deck.offsetHeight;
    const heads = this.lanes.map(({ root }) => [...root.children].reduce((sum, child) => sum + (child.matches(".lane-figure") ? 0 : child.offsetHeight), 0));
    const top = frames.getBoundingClientRect().top - stage.getBoundingClientRect().top + stage.scrollTop;
    const room = floor - top - Math.max(...heads) - STAGE_ROOM;
    const views = this.lanes.map(({ diagram }) => diagram.svg.viewBox.baseVal);
    const scale = Math.max(LEAST_SCALE, room / Math.max(...views.map((view) => view.height)));
    this.main.style.setProperty("--stack-width", innerWidth > NARROW ? `${Math.round(scale * views[0].width)}px` : "none");
  }

  #listen() {
    for (const box of [this.main, this.find("deck")]) new ResizeObserver(() => this.#fitStacks()).observe(box);
    for (const [i, { diagram }] of this.lanes.entries()) {
      for (const [node, { g }] of diagram.layers) {
        const choose = () => {
          this.select({ lane: i, node });
          this.#bringSelected();
        };
        g.addEventListener("click", choose);
        g.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          choose();
        });
      }
      new ResizeObserver(() => {
        diagram.tokens.measure();
        this.head.changed();
      }).observe(diagram.svg);
    }
    this.find("console-lane")?.addEventListener("change", () => this.head.changed());
    this.theme.listeners.add(() => this.head.changed());
    for (const name of ["beforeprint", "afterprint"]) addEventListener(name, () => this.#paper(name === "beforeprint"));
  }

  /** For paper the colours are light and what folds is open; the foot tells the address. What is drawn must be drawn at once. */
  #paper(on) {
    const root = document.documentElement, folds = [...this.main.querySelectorAll("#legend, #spans-details, #journey-marks, .kind, .gap-more")];
    if (on) {
      this.head.pause();
      this.screen = { theme: root.dataset.theme, open: folds.map((fold) => fold.open) };
      const address = document.getElementById("page-address");
      if (address) address.textContent = this.link.with(new URL(location.href)).href;
    }
    const { theme, open } = on ? { theme: "light", open: folds.map(() => true) } : this.screen;
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    folds.forEach((fold, i) => (fold.open = open[i]));
    document.dispatchEvent(new Event("strata:theme"));
    this.#frame();
  }

  #restore({ t, sel, mode }) {
    if (mode) this.controls.setMode(mode);
    const [, laneText, rest] = /^(?:(\d)\.)?(.+)$/.exec(sel ?? "") ?? [];
    const lane = Number(laneText ?? 0), model = this.lanes[lane]?.model;
    const span = /^\d+$/.test(rest ?? "") && Number(rest) < model?.spans.id.length ? Number(rest) : -1;
    if (span >= 0) t ??= model.spans.start_ns[span] - model.startNs; // what is chosen is also what is shown
    if (t !== null) {
      if (this.journey) {
        const { start_ns, end_ns } = this.model.requests;
        const at = this.reads.findIndex((request) => start_ns[request] <= t && t <= end_ns[request]);
        if (at >= 0) this.#showRequest(at, false);
      }
      this.head.seek(t);
    }
    if (span >= 0) this.select({ lane, span });
    else if (model?.nodeIndex.has(rest)) this.select({ lane, node: model.nodeIndex.get(rest) });
  }

  /** @param {{lane: number, span?: number, node?: number}|null} pick @param {boolean} [go] also move there */
  select(pick, go = false) {
    this.pick = pick;
    const { lane = 0, span = -1, node = -1 } = pick ?? {};
    const { model, label } = this.lanes[lane];
    if (span >= 0) this.selected.span(model, span, this.race ? label : "");
    else if (node >= 0) this.selected.node(model, node);
    else this.selected.none();
    this.whatIf?.show(span < 0 && node >= 0 ? model.nodes[node].id : "");
    this.lanes.forEach(({ diagram }, i) => diagram.select(i === lane ? (span >= 0 ? model.spans.node[span] : node) : -1));
    this.timeline.select(span >= 0 ? { lane, span } : null);
    this.journey?.select(span);
    this.#followSpan(span);
    if (go) this.head.seek(model.spans.start_ns[span] - model.startNs, { stop: true });
    this.head.changed();
  }

  /** On a phone the drawing fills the window: what a tap on it has chosen comes into sight. */
  #bringSelected() {
    const card = this.find("selected");
    const hidden = card.getBoundingClientRect().top > this.find("deck").getBoundingClientRect().top - LEAST_SEEN;
    if (hidden) card.scrollIntoView({ block: "start", behavior: this.head.reduced ? "auto" : "smooth" });
  }

  /** Whether somebody has gone to a moment or chosen something: not where the page opens by itself. */
  get prepared() {
    return Boolean(this.pick) || Math.round(this.head.t) !== Math.round(this.begin);
  }

  get #sel() {
    if (!this.pick) return null;
    const { lane, span = -1, node } = this.pick;
    const own = span >= 0 ? String(span) : this.lanes[lane].model.nodes[node].id;
    return this.race ? `${lane}.${own}` : own;
  }

  #frame() {
    const { head } = this;
    this.#follow();
    for (const { diagram } of this.lanes) diagram.draw(head);
    this.timeline.draw();
    this.controls.draw();
    const told = this.race ? (this.pick ? this.pick.lane : this.raceView.told) : 0;
    this.now.draw(head, this.lanes[told], this.request === undefined ? null : this.within, this.race, this.#readied());
    this.raceView?.draw(head.t);
    (this.journey ?? this.other)?.draw(head.t);
    if (!this.race) this.reasons.draw(head.t);
    if (this.journey) this.#tellRead();
    const lane = Number(this.find("console-lane")?.value || told) || 0;
    const { model } = this.lanes[lane];
    this.console.draw(model, model.startNs + head.t);
    this.table.draw(head, this.lanes);
    if (!head.playing) this.charts.draw();
    this.link.set({ t: Math.round(head.t), sel: this.#sel, mode: head.mode }, head.playing);
    this.main.dataset.t = String(Math.round(head.t));
    this.main.dataset.playing = head.playing ? "1" : "0";
    if (!this.main.dataset.ready) this.main.dataset.ready = "1";
    if (this.lanes.some(({ diagram }) => diagram.tokens.moving)) head.changed();
  }
}

/** The lanes as the page tells them, and the trace of each. */
async function fetchTraces(main) {
  const lanes = JSON.parse(main.dataset.lanes);
  return [lanes, await Promise.all(lanes.map(({ trace }) => fetchTrace(trace)))];
}

/** The words come while the stacks still run. @param {HTMLElement} main */
async function start(main) {
  const ran = main.dataset.trace ? Promise.resolve() : new Promise((done) => main.addEventListener("strata:trace", done, { once: true }));
  try {
    const [texts, [lanes, traces]] = await Promise.all([fetchTexts(main.dataset.texts), ran.then(() => fetchTraces(main))]);
    texts.add(JSON.parse(main.dataset.words || "{}"));
    /** @type {any} */ (main).player = new Player(main, texts, traces, lanes);
  } catch (error) {
    main.append(el("p.player-error", { role: "alert" }, String(error.message ?? error)));
    throw error;
  }
}

const main = document.getElementById("player");
if (main) start(main);
