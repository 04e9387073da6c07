/** The console: what kernels and engines have printed up to now. Scrubbing back takes lines away again. */
import { el } from "./dom.js";

const MOST = 250;

export class ConsoleView {
  /** @param {HTMLElement} root `#console` @param {import("./texts.js").Texts} texts */
  constructor(root, texts) {
    Object.assign(this, { root, texts });
    this.list = root.querySelector("#console-lines");
    this.model = null;
    this.shown = 0;
  }

  /** @param {import("./model.js").Model} model @param {number} upTo how many lines are out */
  draw(model, upTo) {
    if (model !== this.model || upTo < this.shown) {
      this.model = model;
      this.shown = Math.max(0, upTo - MOST);
      this.list.replaceChildren();
    } else if (upTo === this.shown) return;
    const { at_ns, node, text } = model.logs;
    const fragment = document.createDocumentFragment();
    for (let i = Math.max(this.shown, upTo - MOST); i < upTo; i++) {
      const role = model.nodes[node[i]].role;
      fragment.append(el(`li.role-${role}`, { title: this.texts.node(model, node[i]) }, el("time", {}, stamp(at_ns[i] - model.startNs)), " ", this.texts.log(model.header.texts[text[i]])));
    }
    this.list.append(fragment);
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
    this.shown = upTo;
    this.list.scrollTop = this.list.scrollHeight;
  }
}

/** As a kernel prints it: "[   14.203118]". */
function stamp(ns) {
  return `[${(ns / 1e9).toFixed(6).padStart(12, "\u2007")}]`;
}
