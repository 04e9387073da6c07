/** What only a race has: the folded start that all share, and the finish order as it comes about. */
import { el, say } from "./dom.js";
import { lane } from "./state.js";
import { time } from "./text.js";

export class Race {
  /**
   * @param {HTMLElement} main @param {{model: import("./model.js").Model, root: HTMLElement, label: string}[]} lanes
   * @param {import("./texts.js").Texts} texts
   */
  constructor(main, lanes, texts) {
    Object.assign(this, { main, lanes, texts });
    this.finish = lanes.map(({ model }) => lane(model).end_ns - model.startNs);
    this.lost = lanes.map(({ model }) => !lane(model).finished); // what never finishes is last, and has no place
    const order = [...this.finish.keys()].sort((a, b) => this.lost[a] - this.lost[b] || this.finish[a] - this.finish[b]);
    this.rank = this.finish.map((ns) => this.finish.filter((other, i) => !this.lost[i] && other < ns).length); // at the same time, the same place
    this.told = order.at(-1); // the sentence tells of the one that takes longest
    this.marks = lanes.map(({ root }) => root.querySelector(".lane-rank") ?? root.querySelector(".lane-head, .lane-title")?.appendChild(el("span.lane-rank")));
    this.#prefix(main, main.querySelector("#prefix"));
  }

  /** Before the axis begins every lane has done something; it is folded away, but its length is told. */
  #prefix(main, line) {
    if (!line) return;
    const starts = this.lanes.map(({ model }) => model.startNs);
    const least = Math.min(...starts), most = Math.max(...starts);
    const alike = time(least) === time(most); // two that read alike are told as one
    if (main.dataset.start === "first-request") say(line, alike ? this.texts.ui("prefix_asked_about", { t: most }) : this.texts.ui("prefix_asked", { least, most }));
    else if (most === 0) say(line, this.texts.ui("prefix_none"));
    else if (least === most) say(line, this.texts.ui("prefix_same", { t: least }));
    else if (alike) say(line, this.texts.ui("prefix_about", { t: most }));
    else say(line, this.texts.ui("prefix_range", { least, most }));
    line.title = this.lanes.map(({ label }, i) => this.texts.ui("prefix_one", { label, t: starts[i] })).join("\n");
  }

  draw(t) {
    this.marks.forEach((mark, i) => {
      const done = t >= this.finish[i] && t > 0 && !this.lost[i];
      if (mark) say(mark, done ? String(this.rank[i] + 1) : "");
      this.lanes[i].root.classList.toggle("finished", done);
    });
  }
}
