/**
 * What made a difference, or what the time went to: a bar that is pressed shows which layers it is about, and one of a single
 * run leads to its longest span. Of the critical path the turn that the playhead is in is marked.
 */
import { roving } from "./dom.js";

export class Reasons {
  /** @param {HTMLElement} main @param {{root: HTMLElement}[]} lanes @param {(span: number) => void} onSelect */
  constructor(main, lanes, onSelect) {
    this.steps = [...main.querySelectorAll("#path-steps > li")];
    this.current = null;
    const list = main.querySelector("#path-steps");
    if (list) roving(list);
    main.addEventListener("click", (event) => {
      const item = event.target.closest("#why li[data-layer]");
      if (!item || event.target.closest("a")) return;
      const again = item.classList.contains("on");
      main.querySelectorAll("#why li.on").forEach((other) => other.classList.remove("on"));
      for (const { root } of lanes) root.querySelectorAll("g.layer.meant").forEach((g) => g.classList.remove("meant"));
      if (again) return;
      item.classList.add("on");
      const key = CSS.escape(item.dataset.layer ?? "");
      for (const { root } of lanes) root.querySelectorAll(`g.layer[data-node="${key}"], g.layer.role-${key}`).forEach((g) => g.classList.add("meant"));
      if (!item.dataset.span) return;
      onSelect(Number(item.dataset.span));
      item.scrollIntoView({ block: "nearest" }); // what is known of the span has moved it
    });
  }

  /** @param {number} t ns since power-on */
  draw(t) {
    const at = this.steps.find(({ dataset }) => Number(dataset.startNs) <= t && t < Number(dataset.endNs)) ?? null;
    if (at === this.current) return;
    this.current?.classList.remove("now");
    this.current?.querySelector("summary").removeAttribute("aria-current");
    this.current = at;
    at?.classList.add("now");
    at?.querySelector("summary").setAttribute("aria-current", "step");
  }
}
