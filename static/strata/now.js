/** The sentence that says what is happening: the text of the op at work, its term in colour and open to a question. */
import { el, say } from "./dom.js";
import { foremost, worth } from "./state.js";
import { clock } from "./text.js";

const HOLD_MS = 1300; // while playing a sentence stays at least this long
const LOOK_MS = 500; // and tells of this much of the past

export class Now {
  /** @param {HTMLElement} root `#now` @param {HTMLElement} announce the live region @param {import("./texts.js").Texts} texts */
  constructor(root, announce, texts) {
    Object.assign(this, { root, announce, texts });
    this.title = root.querySelector("#now-title");
    this.plain = this.title?.textContent ?? "";
    this.sentence = root.querySelector("#now-sentence");
    this.explain = root.querySelector("#now-explain");
    this.open = false;
    this.since = 0;
    this.said = null;
    this.sentence.addEventListener("click", (event) => {
      if (!event.target.closest(".term")) return;
      this.open = !this.open;
      this.#showExplanation();
    });
  }

  /**
   * @param {import("./playhead.js").Playhead} head @param {{model: import("./model.js").Model, label: string}} lane
   * @param {Set<number>|null} requests tell of these only @param {boolean} race
   */
  draw(head, lane, requests, race) {
    const { model } = lane;
    const clockNow = performance.now();
    if (head.playing && clockNow - this.since < HOLD_MS && this.said !== null && this.lane === lane) return;
    const t = model.startNs + head.t;
    const begins = !requests && head.t <= head.from; // before the first event there is nothing to tell
    const span = head.playing ? foremost(model, t - Math.max(1, head.factor * LOOK_MS * 1e6), t, requests) : begins ? -1 : this.#at(model, t, requests);
    const key = span < 0 ? this.#nothing(head) : `${model.spans.op[span]}/${model.spans.node[span]}/${model.times(span)}`;
    if (key !== this.said || this.lane !== lane) {
      this.since = clockNow;
      this.said = key;
      this.lane = lane;
      this.#tell(model, span, head, race);
    }
    if (!head.playing && head.said === 0) {
      head.said = 1;
      clearTimeout(this.later);
      this.later = setTimeout(() => say(this.announce, `${clock(head.t, 1e3)}. ${this.title.textContent}: ${this.sentence.textContent}`), 400);
    }
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

  #tell(model, span, head, race) {
    const { texts } = this;
    if (span < 0) {
      say(this.title, race ? texts.ui("now_in", { where: this.lane.label }) : this.plain);
      say(this.sentence, this.#nothing(head));
      this.text = "";
      return this.#showExplanation();
    }
    const op = texts.op(model.op(span)), node = model.spans.node[span];
    const where = texts.node(model, node);
    say(this.title, texts.ui("now_in", { where: race ? `${this.lane.label} · ${where}` : where }));
    const said = texts.fill(op.say, { ...model.nodes[node].settings }), n = model.times(span);
    const sentence = n > 1 ? texts.ui("now_times", { n, sentence: said }) : said;
    const at = sentence.toLowerCase().indexOf(op.name.toLowerCase());
    const end = at + op.name.length + /^[a-z]*/.exec(sentence.slice(at + op.name.length))[0].length; // to the end of its word
    const term = (text) => el(`button.term.role-${model.nodes[node].role}`, { type: "button", dataset: { term: model.op(span).op }, "aria-expanded": String(this.open) }, text);
    if (at >= 0) this.sentence.replaceChildren(sentence.slice(0, at), term(sentence.slice(at, end)), sentence.slice(end));
    else this.sentence.replaceChildren(term(op.name), texts.ui("now_colon"), sentence);
    this.text = texts.fill(op.explain, { ...model.nodes[node].settings });
    this.#showExplanation();
  }

  /** What to say when nothing is at work. */
  #nothing({ t, from, to, end }) {
    if (from > 0 && t === to) return this.texts.ui("now_answered", { t: to - from });
    return this.texts.ui(t <= from ? "now_start" : t >= Math.min(to, end) ? "now_end" : "now_idle");
  }

  #showExplanation() {
    if (!this.explain) return;
    this.explain.hidden = !this.open || !this.text;
    say(this.explain, this.text);
    this.sentence.querySelector(".term")?.setAttribute("aria-expanded", String(this.open));
  }
}
