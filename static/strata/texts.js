/** The words: everything that is read on the page comes from the server's texts, in its language. */
import { factor, render } from "./text.js";

export class Texts {
  /** @param {any} data the texts file @param {import("./model.js").Model[]} models */
  constructor(data) {
    this.data = data;
    this.strings = data.ui ?? {};
  }

  /** A string of the page itself, by key. A missing one shows its key: a test looks for that. */
  ui(key, params = {}) {
    return this.fill(this.strings[key] ?? key, params);
  }

  /** A sentence with what is known filled in; one that needs more than that stays as it was written. */
  fill(template, params) {
    try {
      return render(template, params);
    } catch {
      return template;
    }
  }

  /** Of machines that were sent in, which the file of all texts does not know. */
  add(words) {
    this.added = words;
    this.data.components = { ...this.data.components, ...words };
  }

  component(id) {
    return this.data.components?.[id] ?? { label: id, short: id, sub: "", ops: {}, log: {} };
  }

  /** Name, sentence and explanation of an op; the engine's own ops (queues, request kinds) are kinds. */
  op({ is, op }) {
    const found = is ? this.component(is).ops?.[op] : this.data.kinds?.[op];
    return found ?? { name: op.replaceAll("_", " "), say: "", explain: "" };
  }

  /** What a span is: its op's name, "8 × VM exit" where it stands for several. */
  span(model, span) {
    const { name } = this.op(model.op(span)), n = model.times(span);
    return n > 1 ? this.ui("times_op", { n, op: name }) : name;
  }

  kind(id) {
    return this.data.kinds?.[id]?.name ?? id;
  }

  /** What a node is called: as in the drawing, else its component's short name, with its id if there are two of a kind. */
  node(model, index) {
    if (model.names[index]) return model.names[index];
    const node = model.nodes[index];
    const name = this.component(node.is).short || node.id;
    return model.nodes.some((other) => other !== node && other.is === node.is) ? `${name} (${node.id})` : name;
  }

  source(key) {
    return key ? this.data.sources?.[key] ?? { title: key } : null;
  }

  /** One console line. */
  log({ is, text, params }) {
    return this.fill(this.component(is).log?.[text] ?? text, params);
  }

  /** "40× slower than life": how true time runs against the wall, said honestly either way. */
  pace(rate) {
    if (!rate) return "";
    if (rate > 0.95 && rate < 1.05) return this.ui("pace_life");
    return rate < 1 ? this.ui("pace_slower", { x: factor(1 / rate) }) : this.ui("pace_faster", { x: factor(rate) });
  }
}

/** @param {string} url */
export async function fetchTexts(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new Texts(await answer.json());
}
