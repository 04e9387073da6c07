/** The bars of what made a difference, or of what the time went to: one that is pressed shows which layers it is about. */
export class Reasons {
  /** @param {HTMLElement} main @param {{root: HTMLElement}[]} lanes */
  constructor(main, lanes) {
    main.addEventListener("click", (event) => {
      const item = event.target.closest("#why li[data-layer]");
      if (!item) return;
      const again = item.classList.contains("on");
      main.querySelectorAll("#why li.on").forEach((other) => other.classList.remove("on"));
      for (const { root } of lanes) root.querySelectorAll("g.layer.meant").forEach((g) => g.classList.remove("meant"));
      if (again) return;
      item.classList.add("on");
      const key = CSS.escape(item.dataset.layer ?? "");
      for (const { root } of lanes) root.querySelectorAll(`g.layer[data-node="${key}"], g.layer.role-${key}`).forEach((g) => g.classList.add("meant"));
    });
  }
}
