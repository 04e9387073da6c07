/**
 * What if: the server tells what can be changed of the chosen layer, and keeps none of it: the changes so far stand in the form
 * and go along to the next layer. The moment is the playhead's; a slider writes the value under the finger into its field.
 */
const NARROW = 640; // px: there it is folded until somebody asks

export class WhatIf {
  /** @param {HTMLElement} main `#player` @param {string} scenario its id @param {import("./playhead.js").Playhead} head */
  constructor(main, scenario, head) {
    Object.assign(this, { main, scenario, head, open: innerWidth > NARROW, focused: "" });
    for (const kind of ["input", "change", "submit"]) {
      main.addEventListener(kind, ({ target }) => {
        const form = target.closest("#what-if form");
        if (!form) return;
        form.elements.t.value = this.#t;
        if (kind === "input") this.section.querySelector("#what-if-race").removeAttribute("aria-disabled"); // the server will say
        if (target.dataset.values) this.#slid(form, target, kind);
      }, true);
    }
    main.addEventListener("toggle", ({ target }) => {
      if (target.matches("#what-if > details")) this.open = target.open;
    }, true);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "w" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, dialog")) return;
      if (!this.section || this.section.hidden || !this.section.firstElementChild) return;
      event.preventDefault();
      this.section.firstElementChild.open = true;
      this.section.querySelector("select, input:not([type=hidden])").focus();
    });
    document.addEventListener("htmx:before:swap", () => {
      const at = document.activeElement;
      this.focused = at?.closest("#what-if") ? at.id : "";
    });
    document.addEventListener("htmx:after:swap", () => {
      this.section?.querySelector("#slide:not(:empty)")?.scrollIntoView({ block: "nearest" });
      const details = this.section?.querySelector(":scope > details");
      if (details) details.open = this.open;
      if (this.section) this.section.hidden = !this.node;
      this.#mark();
      if (this.#isStale) this.#ask();
      if (this.focused && document.activeElement === document.body) document.getElementById(this.focused)?.focus({ preventScroll: true });
    });
  }

  get section() {
    return this.main.querySelector("#what-if");
  }

  get #t() {
    return String(Math.round(this.head.t));
  }

  /** What the list of changes says is wrong, at the fields and at the button, which stay as they are meanwhile. */
  #mark() {
    const { section } = this, race = section?.querySelector("#what-if-race");
    if (!race) return;
    if (section.querySelector("#why-no-race")) race.setAttribute("aria-disabled", "true");
    else race.removeAttribute("aria-disabled");
    for (const field of section.querySelectorAll("[id^='w-']")) {
      const wrong = document.getElementById(`wrong-${field.id.slice(2)}`);
      for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", wrong?.id]]) {
        if (wrong) field.setAttribute(name, value);
        else field.removeAttribute(name);
      }
    }
  }

  /** The field has what the slider says; when the finger is up, that is a change. */
  #slid(form, range, kind) {
    const value = range.dataset.values.split("|")[range.value];
    range.setAttribute("aria-valuetext", value);
    const row = range.closest(".field"), figures = form.querySelector("#slide");
    if (row.nextElementSibling !== figures) row.after(figures); // what it would come to stands under the finger
    const field = form.elements[`s:${range.id.slice(2)}`];
    field.value = value;
    if (kind === "change") field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** @param {string} node its id, or "" for none */
  show(node) {
    const { section } = this;
    if (!section || (this.node ?? "") === node) return;
    this.node = node;
    section.hidden = !node;
    if (node) this.#ask();
  }

  /**
   * Nobody may change the layer of before under the heading of the new one: until the answer is there, nothing can be changed.
   * One question at a time: htmx gives an answer to the place that there was when it was asked.
   */
  async #ask() {
    const { section, node } = this;
    section.inert = true;
    if (this.asking) return;
    this.asking = true;
    const changes = section.querySelector("[name=changes]")?.value ?? "";
    const query = new URLSearchParams({ node, view: this.main.dataset.view, t: this.#t, changes });
    try {
      await window.htmx.ajax("GET", `/s/${this.scenario}/what-if/?${query}`, { target: "#what-if", swap: "outerHTML" });
    } finally {
      this.asking = false;
    }
    if (this.#isStale && (this.node !== node || this.section !== section)) this.#ask();
  }

  /** Whether another layer has been chosen than the form is about. */
  get #isStale() {
    return Boolean(this.node && this.section && this.section.dataset.node !== this.node);
  }
}
