/**
 * What if: the server tells what can be changed of the chosen layer. The moment is the playhead's, filled in when the form
 * is sent; while a finger slides, the value under it is shown and written into its field.
 */
export class WhatIf {
  /** @param {HTMLElement} main `#player` @param {string} scenario its id @param {import("./playhead.js").Playhead} head */
  constructor(main, scenario, head) {
    Object.assign(this, { main, scenario });
    main.addEventListener("submit", ({ target }) => {
      if (target.elements.t) target.elements.t.value = String(Math.round(head.t));
    }, true);
    main.addEventListener("input", ({ target }) => {
      if (!target.dataset.values) return;
      const value = target.dataset.values.split("|")[target.value];
      target.setAttribute("aria-valuetext", value);
      target.parentElement.querySelector("output").value = value;
      const field = this.main.querySelector(`[id="w-${target.id.slice(2)}"]`);
      if (field) field.value = value;
    });
  }

  /** @param {string} node its id, or "" for none */
  show(node) {
    const section = this.main.querySelector("#what-if");
    if (!section || (section.dataset.node ?? "") === node) return;
    if (!node) {
      section.hidden = true;
      section.dataset.node = "";
      return;
    }
    section.dataset.node = node;
    const query = new URLSearchParams({ node, view: this.main.dataset.view });
    window.htmx.ajax("GET", `/s/${this.scenario}/what-if/?${query}`, { target: "#what-if", swap: "outerHTML" });
  }
}
