/**
 * The builder. Every edit is a button of the form, which htmx posts with the draft; this only presses them: for a layer of
 * the drawing that is clicked or dragged, for keys, and to go back and forth between the drafts that there were.
 */
const HOLD_MS = 300, MOVED_PX = 6;
const TYPING = "input, textarea, select, [contenteditable]";

const main = document.getElementById("content");
/** @type {Record<string, string[]>} what each component may stand on, by role */
const sits = JSON.parse(main.dataset.sits ?? "{}");
const draft = () => document.getElementById("draft");

// One after the other: what is asked for while an answer is awaited, is asked of the stack that the answer shows

/** @type {(() => void)[]} */
const waiting = [];
let awaited = false, asked = "", isTyping = false;

function inTurn(act) {
  waiting.push(act);
  turn();
}

function turn() {
  while (!awaited && waiting.length) waiting.shift()();
}

for (const kind of ["submit", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.form ?? event.target, edit = event.submitter?.value ?? "";
    if (!draft().contains(form) || (kind === "change" && form.id !== "edits")) return;
    if (!awaited) {
      [awaited, asked] = [true, edit];
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    const { name, value } = kind === "change" ? event.target : (form.elements.namedItem("text") ?? {});
    if (name) waiting.push(() => fill(name, value, edit));
    else if (edit && (edit !== asked || again(event.submitter))) waiting.push(() => press(edit));
  }, true);
}

document.addEventListener("htmx:finally:request", () => {
  awaited = isTyping = false;
  going = 0;
  turn();
});

/** A field as somebody left it, in the page part that has come since. */
function fill(name, value, edit) {
  const field = draft().querySelector(`[name="${CSS.escape(name)}"]`);
  if (!field) return;
  field.value = value;
  if (edit) field.form.requestSubmit(field.form.querySelector(`button[value="${CSS.escape(edit)}"]`));
  else field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Whether it may be pressed twice in a row; of any other edit the second click of a double click is none. */
const again = (button) => Boolean(button.closest(".pair"));

document.addEventListener("click", (event) => {
  const edit = event.target.closest?.('#draft button[name="edit"]');
  if (edit && event.detail > 1 && !again(edit)) event.preventDefault();
}, true);

document.addEventListener("input", () => (isTyping = awaited));

/** @param {string} edit as the buttons of the form have it */
function press(edit) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("edits"));
  const button = Object.assign(document.createElement("button"), { name: "edit", value: edit, hidden: true });
  form.append(button);
  form.requestSubmit(button);
}

// Back and forth: the links of all drafts that were on this page and what was said of each, and where in them it is

const past = [{ link: draft().dataset.link, said: "" }];
let here = 0, going = 0;

function remember() {
  const { link } = draft().dataset, line = document.getElementById("said");
  if (going) {
    here += going;
    const step = past[going < 0 ? here + 1 : here]; // the one that was made, and is no more, or is again
    line.textContent = [going < 0 ? line.dataset.undo : line.dataset.redo, step.said].filter(Boolean).join(" ");
    past[here].link = link;
  } else if (stackOf(link) !== stackOf(past[here].link)) {
    past.splice(here + 1);
    past.push({ link, said: line.textContent });
    here = past.length - 1;
  } else past[here].link = link;
  const shown = new URL(link, location.href);
  history.replaceState(history.state, "", shown);
  const other = document.querySelector(".tools a[hreflang]");
  shown.searchParams.set("lang", new URL(other.href).searchParams.get("lang"));
  other.href = shown.search;
  for (const [id, step] of [["undo", -1], ["redo", 1]]) {
    const button = document.getElementById(id);
    button.disabled = !past[here + step];
    button.addEventListener("click", () => travel(step));
  }
}

function stackOf(link) {
  return new URL(link, location.href).searchParams.get("draft");
}

function travel(step) {
  inTurn(() => {
    if (!past[here + step]) return;
    [awaited, asked, going] = [true, "", step];
    window.htmx.ajax("GET", past[here + step].link, { target: "#draft", swap: "outerHTML" });
  });
}

// What had the focus, and what was folded open, stays so across an answer

let focused = "", typed = "", open = new Set();

/** How to find what has the focus again, if that is in the draft. @returns {string} a selector */
function place() {
  const at = document.activeElement;
  if (!at || !draft().contains(at)) return "";
  if (at.id) return `#${CSS.escape(at.id)}`;
  if (at.matches("summary")) return `#${CSS.escape(at.parentElement.id)} > summary`;
  return at.dataset.node ? layer(at.dataset.node) : `button[value="${CSS.escape(at.value ?? "")}"]`;
}

const layer = (node) => `g.layer[data-node="${CSS.escape(node)}"]`;

document.addEventListener("htmx:before:swap", () => {
  focused = place();
  typed = isTyping && document.activeElement.value;
  open = new Set([...draft().querySelectorAll("details")].map(({ id, open: isOpen }) => `${id} ${isOpen}`));
});

document.addEventListener("htmx:after:swap", () => {
  for (const details of draft().querySelectorAll("details[id]")) {
    if (details.id === "as-text") continue;
    if (open.has(`${details.id} true`)) details.open = true;
    if (open.has(`${details.id} false`)) details.open = false;
  }
  ready();
  if (!focused) return;
  const kept = draft().querySelector(focused), chosen = draft().querySelector(layer(draft().dataset.chosen));
  if (kept && typed) kept.value = typed;
  kept?.focus({ preventScroll: true });
  if (document.activeElement === kept) return;
  chosen?.focus({ preventScroll: true });
  if (!kept) bring(chosen);
});

/** Into sight from wherever the button was that is gone: what is said, the drawing, and the settings beside it. */
function bring(chosen) {
  const said = document.getElementById("said");
  if (said.getBoundingClientRect().top < 0) said.scrollIntoView();
  chosen?.scrollIntoView({ block: "nearest" });
}

function ready() {
  remember();
  for (const g of draft().querySelectorAll("g.layer[data-node]")) {
    g.addEventListener("click", () => press(`select:${g.dataset.node}`));
    g.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") press(`select:${g.dataset.node}`);
      else return;
      event.preventDefault();
    });
  }
  document.getElementById("text-file").addEventListener("change", async ({ target }) => {
    if (target.files[0]) document.getElementById("text").value = await target.files[0].text();
  });
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.('button[aria-disabled="true"]')) event.preventDefault();
}, true);

document.addEventListener("keydown", (event) => {
  if (event.target.closest?.(TYPING)) return;
  const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (control && key === "z") travel(event.shiftKey ? 1 : -1);
  else if (control && key === "y") travel(1);
  else if (control && key === "d") document.getElementById("double")?.click();
  else if (event.key === "Delete" && !event.repeat) document.getElementById("remove")?.click();
  else return;
  event.preventDefault();
});

// Dragging: a component onto a layer adds it there, a layer onto another one moves it

/** @type {{edit: (on: string) => string, role: string, is: string, label: string, x: number, y: number, ghost?: HTMLElement, own?: Element, timer?: number}|null} */
let drag = null, justDragged = false;

/** The layer under the pointer, if what is dragged may stand on one of its role. */
function target(event) {
  const g = document.elementsFromPoint(event.clientX, event.clientY).find((at) => at.closest?.("g.layer"))?.closest("g.layer");
  if (!g || g === drag.own) return null;
  const roles = drag.role === "workload" ? ["kernel", "container"] : (sits[drag.is] ?? []);
  return roles.includes(g.dataset.role) ? g : null;
}

function begin() {
  drag.ghost = Object.assign(document.createElement("div"), { className: `drag-ghost role-${drag.role}`, textContent: drag.label });
  document.body.append(drag.ghost);
  document.body.classList.add("dragging");
}

document.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  const item = event.target.closest?.("[data-drag]"), g = event.target.closest?.("#draft g.layer[data-node]");
  if (item) drag = { edit: (on) => `add:above:${on}:${item.dataset.is}`, role: item.dataset.role, is: item.dataset.is, label: item.dataset.drag, x: event.clientX, y: event.clientY };
  else if (g && !["machine", "device", "firmware"].includes(g.dataset.role)) {
    const { node, is, role, name } = g.dataset;
    drag = { edit: (on) => `move:${node}:${on}`, role, is, label: name, x: event.clientX, y: event.clientY, own: g };
  } else return;
  if (event.pointerType === "touch") drag.timer = window.setTimeout(begin, HOLD_MS);
});

document.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > MOVED_PX;
  if (!drag.ghost) {
    if (!far) return;
    if (event.pointerType === "touch") return end(); // it scrolls
    begin();
  }
  drag.ghost.style.translate = `${event.clientX + 12}px ${event.clientY + 12}px`;
  const over = target(event);
  for (const g of draft().querySelectorAll("g.layer.target")) if (g !== over) g.classList.remove("target");
  over?.classList.add("target");
});

document.addEventListener("touchmove", (event) => drag?.ghost && event.preventDefault(), { passive: false });

document.addEventListener("pointerup", (event) => {
  const over = drag?.ghost ? target(event) : null;
  justDragged = Boolean(drag?.ghost);
  if (over) press(drag.edit(over.dataset.node));
  end();
});
document.addEventListener("pointercancel", end);
document.addEventListener("keydown", (event) => event.key === "Escape" && end());
document.addEventListener("dragstart", (event) => drag && event.preventDefault());
document.addEventListener("click", (event) => {
  if (!justDragged) return;
  justDragged = false; // the end of a drag is no click
  event.stopPropagation();
  event.preventDefault();
}, true);
document.addEventListener("pointerdown", () => (justDragged = false), true);

function end() {
  if (!drag) return;
  clearTimeout(drag.timer);
  drag.ghost?.remove();
  drag = null;
  document.body.classList.remove("dragging");
  for (const g of draft().querySelectorAll("g.layer.target")) g.classList.remove("target");
}

ready();
