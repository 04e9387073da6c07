/** The console: what kernels, and before them firmware, have printed up to now, all or one of them. Scrubbing back takes lines away again. */
import { el } from "./dom.js";
import { after } from "./model.js";

const MOST = 250;
const HAVE_A_LOG = ["kernel", "hypervisor", "engine"];

/** Whose log each line stands in: what firmware and devices print, in that of the kernel whose start it is a part of. */
export function logOwners(model) {
  const { node, request } = model.logs;
  const kernelOn = (vm) => model.nodes.findIndex(({ parent, role }) => parent === vm && role === "kernel");
  return Array.from(node, (by, i) => {
    const { role } = model.nodes[by];
    if (HAVE_A_LOG.includes(role)) return by;
    if (role === "vm") return kernelOn(by);
    return request[i] < 0 ? by : model.spans.node[model.path(model.requests.span[request[i]])[0]];
  });
}

export class ConsoleView {
  /** @param {HTMLElement} root `#console` @param {import("./texts.js").Texts} texts @param {() => void} onChoice */
  constructor(root, texts, onChoice) {
    Object.assign(this, { root, texts });
    this.list = root.querySelector("#console-lines");
    this.who = root.querySelector("#console-who");
    this.nothing = this.list.firstElementChild;
    this.model = null;
    this.chosen = "";
    this.who.addEventListener("change", ({ target }) => {
      this.chosen = target.value;
      this.#choose();
      onChoice();
    });
  }

  /** @param {import("./model.js").Model} model @param {number} t ns since power-on */
  draw(model, t) {
    if (model !== this.model) this.#take(model);
    const upTo = after(this.times, t);
    if (upTo < this.shown) this.#empty(Math.max(0, upTo - MOST));
    if (upTo === this.shown) return;
    if (!this.shown) this.nothing.remove();
    const { at_ns, node, text } = model.logs;
    const fragment = document.createDocumentFragment();
    for (const i of this.lines.slice(Math.max(this.shown, upTo - MOST), upTo)) {
      const { role } = model.nodes[node[i]], firmware = role === "firmware";
      const name = firmware ? this.texts.node(model, node[i]) : this.names.get(this.owners[i]); // a driver speaks for its kernel
      const signed = firmware || (!this.chosen && !this.who.hidden);
      fragment.append(
        el(`li.role-${role}`, {}, el("time", {}, stamp(at_ns[i] - model.startNs)), " ", signed ? el("b", {}, `${name} `) : "", this.texts.log(model.header.texts[text[i]])),
      );
    }
    this.list.append(fragment);
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
    this.shown = upTo;
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** Another run: its kernels to choose from, if there are several; the choice stays where there is one of that name. */
  #take(model) {
    const { texts } = this;
    this.model = model;
    this.owners = logOwners(model);
    const found = model.nodes.map((_, node) => node).filter((node) => this.owners.includes(node));
    if (!found.some((node) => model.nodes[node].id === this.chosen)) this.chosen = "";
    const plain = found.map((node) => texts.node(model, node));
    this.names = new Map(found.map((node, i) => [node, plain.filter((name) => name === plain[i]).length > 1 ? `${plain[i]} · ${model.nodes[node].id}` : plain[i]]));
    const choice = (value, name) => el("label", {}, el("input", { type: "radio", name: "console-of", value, checked: value === this.chosen }), el("span", {}, name));
    this.who.querySelectorAll("label").forEach((label) => label.remove());
    this.who.append(choice("", texts.ui("console_all")), ...found.map((node) => choice(model.nodes[node].id, this.names.get(node))));
    this.who.hidden = found.length < 2;
    this.#choose();
  }

  #choose() {
    const { model, owners, chosen } = this;
    this.lines = [...owners.keys()].filter((i) => !chosen || model.nodes[owners[i]].id === chosen);
    this.times = this.lines.map((i) => model.logs.at_ns[i]);
    this.#empty(0);
  }

  #empty(from) {
    this.shown = from;
    this.list.replaceChildren(...(from ? [] : [this.nothing]));
  }
}

/** As a kernel prints it: "[   14.203118]". */
function stamp(ns) {
  return `[${(ns / 1e9).toFixed(6).padStart(12, "\u2007")}]`;
}
