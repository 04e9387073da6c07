/** What stands out in a run: exits, interrupts, faults, console lines, who is ready. To jump to, and to stop at. */
import { after } from "./model.js";

export const KINDS = ["exit", "interrupt", "fault", "log", "ready", "request"];

/** @param {import("./model.js").Model} model @param {string} kind @returns {number[]} ns since power-on, in order, each once */
export function marksOf(model, kind) {
  let found = [];
  if (kind === "log") found = [...model.logs.at_ns];
  else if (kind === "ready") found = model.readyNs.filter(Number.isFinite);
  else if (kind === "request") found = [...model.requests.start_ns].filter((at, i) => model.requests.workload[i] >= 0 && at >= 0);
  else {
    const code = model.header.instant_kinds.indexOf(kind);
    found = [...model.instants.at_ns].filter((_, i) => model.instants.kind[i] === code);
  }
  return [...new Set(found)].sort((a, b) => a - b);
}

export class Markers {
  /**
   * @param {HTMLElement} root @param {import("./playhead.js").Playhead} head
   * @param {{model: import("./model.js").Model}[]} lanes
   */
  constructor(root, head, lanes) {
    Object.assign(this, { head, lanes, known: new Map(), last: head.t });
    const find = (id) => /** @type {any} */ (root.querySelector(`#${id}`));
    this.kind = find("marker-kind");
    this.stop = find("marker-stop");
    if (!this.kind) return;
    for (const option of [...this.kind.options]) option.disabled = !this.#times(option.value).length;
    this.kind.value = KINDS.find((kind) => this.#times(kind).length) ?? KINDS[0];
    find("marker-next").addEventListener("click", () => this.jump(1));
    find("marker-prev").addEventListener("click", () => this.jump(-1));
    document.addEventListener("keydown", (event) => {
      const away = event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
      if (away || (event.key !== "." && event.key !== ",")) return;
      event.preventDefault();
      this.jump(event.key === "." ? 1 : -1);
    });
    head.subscribe(() => this.#watch());
  }

  /** On the axis that all lanes share. */
  #times(kind) {
    if (!this.known.has(kind)) {
      const all = this.lanes.flatMap(({ model }) => marksOf(model, kind).map((at) => at - model.startNs));
      this.known.set(kind, [...new Set(all)].filter((at) => at >= 0).sort((a, b) => a - b));
    }
    return this.known.get(kind);
  }

  jump(direction) {
    const times = this.#times(this.kind.value), at = after(times, this.head.t);
    const next = direction > 0 ? times[at] : times[times[at - 1] === this.head.t ? at - 2 : at - 1];
    if (next !== undefined) this.head.seek(next, { stop: true });
  }

  /** While it plays: stop at the first mark that it has passed. */
  #watch() {
    const { head, last } = this;
    this.last = head.t;
    if (!head.playing || !this.stop.checked || head.t <= last) return;
    const times = this.#times(this.kind.value), next = times[after(times, last)];
    if (next !== undefined && next <= head.t) {
      this.last = next;
      head.seek(next, { stop: true });
    }
  }
}
