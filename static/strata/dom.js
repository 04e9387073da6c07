/** Small helpers for elements and colours; no strings become HTML here. */

/**
 * `el("li.stop", {dataset: {span: 3}}, "text", child)`
 * @param {string} what tag and classes @param {Object<string, any>} [props] @param {...(Node|string|null)} children
 */
export function el(what, props = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "span");
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (key === "dataset") Object.assign(node.dataset, value);
    else if (key === "style") for (const [name, v] of Object.entries(value)) node.style.setProperty(name, v);
    else if (key in node && !key.startsWith("aria")) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Writes text only when it differs, so that nothing is laid out again for nothing. */
export function say(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

const MOVED_TO = "button, summary, a[href]";

/** One Tab stop for a list of buttons, however long: the arrows, Home and End go on from there. */
export function roving(list) {
  list.querySelectorAll(MOVED_TO).forEach((one, i) => (one.tabIndex = i ? -1 : 0));
  list.addEventListener("focusin", ({ target }) => {
    if (!target.matches(MOVED_TO)) return;
    for (const other of list.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    target.tabIndex = 0;
  });
  list.addEventListener("keydown", (event) => {
    const all = [...list.querySelectorAll(MOVED_TO)].filter((one) => one.checkVisibility());
    const at = all.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[to]?.focus();
  });
}

export const ROLES = ["machine", "firmware", "kernel", "hypervisor", "vm", "engine", "container", "device", "workload"];

/** The page's colours as a canvas needs them; read again when the theme changes. */
export class Theme {
  constructor() {
    this.listeners = new Set();
    this.read();
    const again = () => {
      this.read();
      for (const listener of this.listeners) listener();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    document.addEventListener("strata:theme", again);
  }
  read() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    for (const name of ["paper", "card", "sunk", "ink", "soft", "line", "focus", "wait"]) this[name] = value(`--${name}`);
    this.waitInk = value("--wait-ink") || this.soft;
    this.font = value("--font") || "system-ui, sans-serif";
    this.role = {};
    for (const role of ROLES) {
      const fill = value(`--${role}`);
      this.role[role] = { fill, pale: `color-mix(in srgb, ${fill} 24%, ${this.card})`, ink: value(`--${role}-ink`), on: value(`--on-${role}`), tint: value(`--${role}-tint`) };
    }
  }
}

/** Fits a canvas to its box, in device pixels. Returns its context and size in CSS pixels, or null if nothing is visible. */
export function fit(canvas, width, height) {
  if (!width || !height) return null;
  const ratio = devicePixelRatio || 1;
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
