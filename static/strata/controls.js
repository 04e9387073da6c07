/** The deck: buttons, modes, speed, clock and keys, all of them only other ways to call the playhead. */
import { say } from "./dom.js";
import { eventsPerSecond, rateOfSlider, sliderOfRate } from "./pace.js";
import { clock } from "./text.js";

export class Controls {
  /**
   * @param {ParentNode} root @param {import("./playhead.js").Playhead} head @param {import("./timeline.js").Timeline} timeline
   * @param {import("./texts.js").Texts} texts @param {{origin: () => number|null, range: () => number[]}} options ns that the second clock counts from; what the slider covers
   */
  constructor(root, head, timeline, texts, options) {
    Object.assign(this, { head, timeline, texts, options });
    const find = (id) => /** @type {any} */ (root.querySelector(`#${id}`));
    for (const id of ["play", "step", "restart", "clock", "slowdown", "speed", "axis", "scrub"]) this[id] = find(id);
    this.speedValue = find("speed-value");
    this.modes = [...root.querySelectorAll('input[name="time-mode"]')];
    const on = (id, action) => find(id)?.addEventListener("click", action);
    on("play", () => head.toggle());
    on("step", () => head.step(1));
    on("step-back", () => head.step(-1));
    on("restart", () => head.seek(head.from, { stop: true }));
    on("zoom-in", () => timeline.zoom(0.4));
    on("zoom-out", () => timeline.zoom(2.5));
    on("zoom-fit", () => timeline.fit());
    on("more", () => find("more").setAttribute("aria-expanded", String(find("deck").classList.toggle("more"))));
    on("axis", () => {
      timeline.setLog(!timeline.axis.log);
      this.axis.setAttribute("aria-pressed", String(timeline.axis.log));
    });
    for (const radio of this.modes) radio.addEventListener("change", () => this.setMode(radio.value));
    this.speed.addEventListener("input", () => {
      if (head.mode === "real") return;
      head.setSlider(Number(this.speed.value));
    });
    this.scrub.addEventListener("input", () => head.seek(this.#timeOf(Number(this.scrub.value)), { stop: true }));
    this.scrub.addEventListener("pointerdown", () => (this.dragging = true));
    addEventListener("pointerup", () => (this.dragging = false));
    document.addEventListener("keydown", (event) => this.#key(event));
    this.setMode(head.mode);
  }

  setMode(mode) {
    this.head.setMode(mode);
    for (const radio of this.modes) radio.checked = radio.value === mode;
    this.speed.disabled = mode === "real";
    this.head.setSlider(0);
  }

  #timeOf(value) {
    const [from, to] = this.options.range();
    return Math.round(from + (value / 1e6) * (to - from));
  }

  draw() {
    const { head, texts } = this;
    const pressed = String(head.playing);
    if (this.play.getAttribute("aria-pressed") !== pressed) {
      this.play.setAttribute("aria-pressed", pressed);
      this.play.setAttribute("aria-label", this.play.dataset[head.playing ? "labelPause" : "labelPlay"] ?? "");
    }
    say(this.clock, clock(head.t, this.#resolution()));
    this.#pace();
    const [from, to] = this.options.range();
    if (!this.dragging) this.scrub.value = String(Math.round((1e6 * (head.t - from)) / (to - from)));
    const spoken = clock(head.t, 1e6);
    if (!head.playing && this.scrub.getAttribute("aria-valuetext") !== spoken) this.scrub.setAttribute("aria-valuetext", spoken);
  }

  /** The smallest step of time that the picture shows now. */
  #resolution() {
    const { head, timeline } = this;
    const step = head.playing ? Math.abs(head.factor) * 16e6 : timeline.axis.step(head.t);
    return head.mode === "event" && !head.playing ? Math.min(step, 1e3) : step;
  }

  #pace() {
    const { head, texts } = this;
    const now = performance.now();
    const changed = head.playing !== this.wasPlaying || head.mode !== this.wasMode || head.slider !== this.wasSlider;
    if (changed || !head.playing || now - this.paceAt >= 250) { // in motion nobody can read it faster
      Object.assign(this, { paceAt: now, wasPlaying: head.playing, wasMode: head.mode, wasSlider: head.slider });
      this.#speed();
    }
    say(this.slowdown, `${this.#since()} · ${this.paceSaid}`);
  }

  /** What the clock counts besides: the same t as everywhere in this frame. */
  #since() {
    const { head, texts } = this;
    const since = this.options.origin();
    if (since === null || head.t < since) return texts.ui("clock_true");
    return head.t > head.to ? texts.ui("clock_after", { t: Math.round(head.t - head.to) }) : texts.ui("clock_since", { t: Math.round(head.t - since) });
  }

  #speed() {
    const { head, texts } = this;
    const rate = head.playing ? head.factor : head.steady;
    if (rate) this.paceSaid = head.playing ? texts.ui("clock_now", { pace: texts.pace(rate) }) : texts.pace(rate);
    else this.paceSaid = texts.ui(head.mode === "event" ? "clock_event" : "clock_auto");
    let value = texts.ui("speed_auto");
    if (head.mode === "real") value = texts.ui("pace_life");
    else if (head.mode === "event") value = texts.ui("speed_events", { n: String(eventsPerSecond(head.slider || 40)) });
    else if (head.slider > 0) value = texts.pace(rateOfSlider(head.slider));
    say(this.speedValue, value);
    this.speed.setAttribute("aria-valuetext", value);
    const at = head.slider || (head.mode === "event" ? 40 : head.mode === "real" ? sliderOfRate(1) : 0);
    if (document.activeElement !== this.speed || head.slider) this.speed.value = String(at);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.closest?.("input:not([type=radio], [type=checkbox], [type=range]), select, textarea, dialog");
    const ranging = target.matches?.("input[type=range], input[type=radio]") && event.key.startsWith("Arrow");
    if (typing || ranging) return;
    const pressing = target.closest?.("button, a, summary, [role=button], [type=checkbox]");
    const { head, timeline } = this;
    const act = {
      " ": pressing ? null : () => head.toggle(),
      ArrowRight: () => (event.shiftKey ? timeline.pan(0.2) : head.step(1)),
      ArrowLeft: () => (event.shiftKey ? timeline.pan(-0.2) : head.step(-1)),
      Home: () => head.seek(head.from, { stop: true }),
      End: () => head.seek(head.to, { stop: true }),
      "[": () => head.mode !== "real" && head.faster(-1),
      "]": () => head.mode !== "real" && head.faster(1),
      "+": () => timeline.zoom(0.5),
      "=": () => timeline.zoom(0.5),
      "-": () => timeline.zoom(2),
      0: () => timeline.fit(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

