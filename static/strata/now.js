/** The sentence that says what is happening: the text of the op at work, its term in colour and open to a question. */
import { el, say } from "./dom.js";
import { BLUR_SPANS, foremost, lane as laneOf, worth } from "./state.js";
import { clock } from "./text.js";

const HOLD_MS = 600; // while playing a sentence may outlive its span by so much, so that it can be read

export class Now {
  /** @param {HTMLElement} root `#now` @param {HTMLElement} announce the live region @param {import("./texts.js").Texts} texts */
  constructor(root, announce, texts) {
    Object.assign(this, { root, announce, texts });
    this.title = root.querySelector("#now-title");
    this.plain = this.title?.textContent ?? "";
    this.sentence = root.querySelector("#now-sentence");
    this.explain = root.querySelector("#now-explain");
    this.open = false;
    this.until = 0; // wall time
    this.span = -1;
    this.said = null;
    this.sentence.addEventListener("click", (event) => {
      if (!event.target.closest(".term")) return;
      this.open = !this.open;
      this.#showExplanation();
    });
  }

  /**
   * @param {import("./playhead.js").Playhead} head @param {{model: import("./model.js").Model, label: string}} lane
   * @param {Set<number>|null} requests while one of them is under way tell of these only @param {boolean} race
   * @param {string[]} ready who gets ready at this very time
   */
  draw(head, lane, requests, race, ready) {
    const { model } = lane;
    const t = model.startNs + head.t, t0 = model.startNs + head.t0;
    const over = requests ? head.t - head.to : t - laneOf(model).end_ns; // below 0 before the end of what is told, 0 at it
    const after = over > 0 && !race;
    const silent = over === 0 || (over > 0 && race) || (!requests && head.t <= head.from); // no event to tell at the start and at the end
    const within = after || head.t < head.from ? null : requests;
    const span = silent ? -1 : this.#seen(head, model, t0, t, within);
    const words = span < 0 ? this.#nothing(head, model, requests, over) : "";
    const key = [after, ready, words || `${model.spans.op[span]}/${model.spans.node[span]}/${model.times(span)}`].join();
    const holds = head.playing && head.mode !== "event" && !silent && this.span >= 0 && this.lane === lane && t > model.spans.start_ns[this.span];
    if (holds && key !== this.said && performance.now() < this.until) return;
    if (key !== this.said || this.lane !== lane) {
      this.until = performance.now() + HOLD_MS;
      Object.assign(this, { said: key, lane });
      this.root.classList.toggle("idle", Boolean(words) && over < 0 && !ready.length);
      this.#tell(model, span, words, { race, ready, after });
    }
    this.span = span;
    if (!head.playing && head.said === 0) {
      head.said = 1;
      clearTimeout(this.later);
      this.later = setTimeout(() => say(this.announce, `${clock(head.t, 1e3)}. ${this.title.textContent}: ${this.sentence.textContent}`), 400);
    }
  }

  /** What is told of a moment, and of a picture in which many spans pass. */
  #seen(head, model, t0, t, requests) {
    const passed = head.playing && head.mode !== "event" ? model.leaves.upTo(t) - model.leaves.upTo(t0) : 0;
    return passed >= BLUR_SPANS ? foremost(model, t0, t, requests) : this.#at(model, t, requests);
  }

  /** At rest: the leaf that began last, work before waiting. */
  #at(model, t, requests) {
    const { request, start_ns } = model.spans;
    let best = -1, score = -Infinity;
    for (const id of model.leaves.at(t)) {
      if (requests && !requests.has(request[id])) continue;
      const value = worth(model, id) * 1e16 + start_ns[id];
      if (value >= score) (best = id), (score = value);
    }
    return best;
  }

  #tell(model, span, words, { race, ready, after }) {
    const { texts } = this;
    const readied = ready.map((who) => texts.ui("now_ready", { who }));
    if (span < 0) {
      say(this.title, race ? texts.ui("now_in", { where: this.lane.label }) : this.plain);
      say(this.sentence, [...readied, words].join(" "));
      this.text = "";
      return this.#showExplanation();
    }
    const op = texts.op(model.op(span)), node = model.spans.node[span];
    const where = texts.node(model, node);
    say(this.title, texts.ui(after ? "now_after" : "now_in", { where: race ? `${this.lane.label} · ${where}` : where }));
    const said = texts.fill(op.say, { ...model.nodes[node].settings }), n = model.times(span);
    const sentence = n > 1 ? texts.ui("now_times", { n, sentence: said }) : said;
    const at = sentence.toLowerCase().indexOf(op.name.toLowerCase());
    const end = at + op.name.length + /^[a-z]*/.exec(sentence.slice(at + op.name.length))[0].length; // to the end of its word
    const term = (text) => el(`button.term.role-${model.nodes[node].role}`, { type: "button", dataset: { term: model.op(span).op }, "aria-expanded": String(this.open) }, text);
    const parts = at >= 0 ? [sentence.slice(0, at), term(sentence.slice(at, end)), sentence.slice(end)] : [term(op.name), texts.ui("now_colon"), sentence];
    this.sentence.replaceChildren(...readied.map((words) => `${words} `), ...parts);
    this.text = texts.fill(op.explain, { ...model.nodes[node].settings });
    this.#showExplanation();
  }

  /** What to say when nothing is at work. */
  #nothing({ t, from, to, end }, model, requests, over) {
    const { start_ns, end_ns, finished } = laneOf(model);
    if (t >= end && over > 0) return this.texts.ui("now_end");
    if (over < 0) return this.texts.ui(t <= from && !requests ? "now_start" : "now_idle");
    if (requests && over === 0) return this.texts.ui("now_answered", { t: to - from });
    return this.texts.ui(finished ? "now_done" : "now_lost", { t: end_ns - model.startNs });
  }

  #showExplanation() {
    if (!this.explain) return;
    this.explain.hidden = !this.open || !this.text;
    say(this.explain, this.text);
    this.sentence.querySelector(".term")?.setAttribute("aria-expanded", String(this.open));
  }
}
