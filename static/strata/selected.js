/** What was clicked: a span with its timing and the birth certificate of that timing, or a layer with what it is. */
import { QUEUE, SERVE, WAIT } from "./model.js";
import { el, say } from "./dom.js";
import { clock, count, time } from "./text.js";

export class Selected {
  /**
   * @param {HTMLElement} root `#selected` @param {import("./texts.js").Texts} texts
   * @param {(span: number) => void} onSelect
   */
  constructor(root, texts, onSelect) {
    Object.assign(this, { root, texts });
    this.title = root.querySelector("#selected-title");
    this.body = root.querySelector("#selected-body");
    this.plain = { title: this.title.textContent, body: [...this.body.childNodes] };
    this.body.addEventListener("click", (event) => {
      const target = event.target.closest("[data-span]");
      if (target) onSelect(Number(target.dataset.span));
    });
  }

  none() {
    say(this.title, this.plain.title);
    this.body.replaceChildren(...this.plain.body);
    this.root.classList.remove("full");
  }

  /** @param {import("./model.js").Model} model @param {number} span @param {string} [lane] its name in a race */
  span(model, span, lane = "") {
    const { texts } = this;
    const { kind, node, start_ns } = model.spans;
    const op = texts.op(model.op(span));
    const timing = model.timing(span), ns = model.duration(span), n = model.times(span), all = alike(model, span);
    say(this.title, texts.span(model, span));
    this.root.classList.add("full");
    const emergent = kind[span] === QUEUE || (kind[span] === WAIT && !timing);
    this.body.replaceChildren(
      this.#path(model, span, lane),
      el("p.fact", {}, el("b", {}, time(ns)), " ", this.#share(ns, n, all), timing ? this.#badge(timing.status) : ""),
      ...(op.explain || op.say ? [el("p.explain", {}, texts.fill(op.explain || op.say, model.nodes[node[span]].settings ?? {}))] : []),
      ...this.#term(model.op(span).op),
      ...(timing ? this.#certificate(timing) : [el("p.reason", {}, texts.ui(kind[span] === SERVE ? "selected_serve" : emergent ? "selected_emergent" : "selected_untimed"))]),
      this.#pairs([
        ["pair_layer", texts.node(model, node[span])],
        ["pair_kind", texts.ui(`kind_${model.header.kinds[kind[span]]}`)],
        ["pair_behalf", this.#asker(model, span)],
        ["pair_thread", model.header.threads[model.spans.thread[span]]?.name],
        ["pair_at", clock(start_ns[span] - model.startNs, 1)],
        ["pair_mean", all.n > 1 ? time(Math.round(all.total / all.n)) : null],
      ]),
    );
  }

  /** How this time goes with the others of its kind: several that stand in one span, and all of the run. */
  #share(ns, n, all) {
    const { texts } = this;
    const here = n > 1 ? texts.ui("selected_times", { n, mean: Math.round(ns / n) }) : all.n > 1 ? texts.ui("selected_once") : "";
    return here + (all.n > n ? texts.ui("selected_all", { n: all.n, total: all.total }) : "");
  }

  /** @param {import("./model.js").Model} model @param {number} index */
  node(model, index) {
    const { texts } = this;
    const node = model.nodes[index], component = texts.component(node.is);
    say(this.title, component.label);
    this.root.classList.add("full");
    const ready = model.readyNs[index];
    const settings = Object.entries(node.settings ?? {}).filter(([, value]) => typeof value !== "object");
    this.body.replaceChildren(
      el("p.explain", {}, component.note || component.sub || ""),
      this.#pairs([
        ["pair_era", component.era],
        ["pair_ready", Number.isFinite(ready) ? clock(ready - model.startNs, 1e6) : null],
      ], settings.map(([key, value]) => [component.settings?.[key]?.label ?? key, this.#value(value, component.settings?.[key])])),
    );
  }

  /** A setting's value as the builder names it: on or off, a choice and a component by its name. */
  #value(value, setting) {
    if (typeof value === "boolean") return this.texts.ui(value ? "setting_on" : "setting_off");
    return setting?.choices?.[value] ?? this.texts.data.components?.[value]?.short ?? String(value).replace(/^([\d.]+) us$/, "$1 µs");
  }

  /** For whom it was done: the flow that this is a part of, or the one that asked for that flow. */
  #asker(model, span) {
    const [root] = model.path(span), cause = model.spans.cause[root];
    const asker = cause >= 0 ? model.path(cause)[0] : root;
    return asker === span ? null : `${this.texts.op(model.op(asker)).name} · ${this.texts.node(model, model.spans.node[asker])}`;
  }

  /** The way to the glossary, if the operation is an instance of a term of it. */
  #term(op) {
    const term = this.texts.data.terms?.[op];
    return term ? [el("p.src", {}, el("a", { href: `${this.root.dataset.glossary}#${term}` }, this.texts.ui("selected_term")))] : [];
  }

  #badge(status) {
    return el(`span.badge.status-${status}`, {}, this.texts.ui(`status_${status}`));
  }

  /** Where the number comes from. */
  #certificate(timing) {
    const { texts } = this;
    const source = texts.source(timing.source);
    const amount = timing.per ? texts.ui("timing_per", { time: timing.time, per: timing.per }) : timing.time;
    const parts = [el("p.timing", {}, texts.ui("timing_is", { amount, spread: this.#spread(timing.spread) }))];
    if (source) {
      const by = [source.authors, source.year].filter(Boolean).join(", ");
      const title = source.url ? el("a", { href: source.url, rel: "noopener noreferrer", target: "_blank" }, source.title) : el("b", {}, source.title);
      parts.push(el("p.src", {}, title, by ? ` · ${by}` : "", timing.where ? ` · ${timing.where}` : ""));
    }
    const machine = timing.machine ? texts.ui(timing.borrowed ? "timing_borrowed" : "timing_machine", { machine: timing.machine }) : "";
    if (machine) parts.push(el("p.src", {}, machine));
    if (timing.reason) parts.push(el("p.reason", {}, timing.reason));
    parts.push(el("p.src", {}, el("a", { href: this.#ledger(timing) }, texts.ui("timing_ledger"))));
    return parts;
  }

  /** Where all that is known of the number stands; the own numbers of a machine that was sent in stand on its page. */
  #ledger({ is, op }) {
    const { numbers, machines } = this.root.dataset;
    return is in (this.texts.added ?? {}) ? `${machines}${is}/` : `${numbers}?${new URLSearchParams({ component: is, op })}#${is}.${op}`;
  }

  #spread(spread) {
    const { texts } = this;
    if (!spread || spread === "none") return texts.ui("spread_none");
    const tail = /^p99=([\d.]+)x$/.exec(spread), range = /^range=([\d.]+)x\.\.([\d.]+)x$/.exec(spread);
    if (tail) return texts.ui("spread_p99", { x: tail[1] });
    return range ? texts.ui("spread_range", { a: range[1], b: range[2] }) : spread;
  }

  /** From the request down to this span; each step can be opened. */
  #path(model, span, lane) {
    const path = model.path(span);
    const list = el("ol.path", { "aria-label": this.texts.ui("path_label") });
    if (lane) list.append(el("li", {}, lane));
    for (const id of path.length > 5 ? [path[0], -1, ...path.slice(-3)] : path) {
      if (id < 0) list.append(el("li", {}, "…"));
      else {
        const text = model.spans.kind[id] === SERVE ? this.texts.node(model, model.spans.node[id]) : this.texts.op(model.op(id)).name;
        list.append(el("li", {}, id === span ? el("b", {}, text) : el("button", { type: "button", dataset: { span: id } }, text)));
      }
    }
    return list;
  }

  #pairs(entries, more = []) {
    const list = el("dl.pairs");
    for (const [key, value] of entries) if (value) list.append(el("dt", {}, this.texts.ui(key)), el("dd", {}, value));
    for (const [key, value] of more) list.append(el("dt", {}, key), el("dd", {}, value));
    return list;
  }
}

/** How often this op ran in this layer, and how long altogether; a span may stand for several. */
export function alike(model, span) {
  const { op, node, start_ns, end_ns } = model.spans;
  let n = 0, total = 0;
  for (let i = 0; i < op.length; i++) {
    if (op[i] !== op[span] || node[i] !== node[span]) continue;
    n += model.times(i);
    total += end_ns[i] - start_ns[i];
  }
  return { n, total, text: count(n) };
}
