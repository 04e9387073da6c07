/** The timeline in words: the spans about now as a table, filled only while it is open. */
import { el } from "./dom.js";
import { clock, time } from "./text.js";

const ABOUT = 12;

export class SpanTable {
  /** @param {HTMLDetailsElement|null} details @param {import("./texts.js").Texts} texts @param {() => void} onOpen */
  constructor(details, texts, onOpen) {
    Object.assign(this, { details, texts });
    details?.addEventListener("toggle", onOpen);
    this.body = details?.querySelector("tbody");
    this.key = "";
  }

  /** @param {import("./playhead.js").Playhead} head */
  draw(head, lanes) {
    if (!this.body || !this.details.open || head.playing) return;
    const key = String(head.t);
    if (key === this.key) return;
    this.key = key;
    const rows = [];
    for (const { model, label } of lanes) {
      const t = head.t + model.startNs;
      const { leaves, spans } = model;
      const at = leaves.upTo(t);
      const near = new Set([...leaves.at(t), ...leaves.ids.subarray(Math.max(0, at - ABOUT / 2), at + ABOUT / 2)].filter((id) => model.duration(id))); // what a cut left at 0 ns never happened
      for (const id of [...near].sort((a, b) => spans.start_ns[a] - spans.start_ns[b])) {
        const where = this.texts.node(model, spans.node[id]);
        rows.push(el("tr", {}, ...[lanes.length > 1 ? `${label} · ${where}` : where, this.texts.op(model.op(id)).name, clock(spans.start_ns[id] - model.startNs, 1), time(model.duration(id))].map((text) => el("td", {}, text))));
      }
    }
    this.body.replaceChildren(...rows);
  }
}
