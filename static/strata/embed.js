/**
 * In a frame on somebody else's page, poster and player alike: tells that page how high it would like to be, and gets a
 * reader out to the full page even where the frame may not open a window. No cookie, no storage: a sandboxed frame has none.
 */
const main = document.querySelector("main");
let told = 0;

function tell() {
  const height = Math.ceil(main.getBoundingClientRect().height);
  if (height !== told) parent.postMessage({ type: "strata:height", height: (told = height) }, "*");
}
new ResizeObserver(tell).observe(main);

/**
 * A button that is a link: the space bar presses it too, and pressing it leaves no trace in the host page's history. Who came
 * by the keyboard goes on with it: the player then takes the focus.
 */
const go = /** @type {HTMLAnchorElement|null} */ (document.querySelector("a.go"));
go?.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  location.replace(event.detail ? go.href : go.href.replace("run=1", "run=keyboard"));
});
go?.addEventListener("keydown", (event) => {
  if (event.key !== " ") return;
  event.preventDefault();
  go.click();
});

/**
 * A sandboxed frame does not know whether it may open a window; when it turns out that it may not, the address is shown. Last
 * of all listeners, as the player has yet to write its state into the address.
 */
addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest?.("a[href]");
  if (origin !== "null" || !link || link.getAttribute("target") === "_self") return;
  if (link.relList.contains("noopener")) return; // another site may not know where it was opened from, nor may this one then
  event.preventDefault();
  if (!open(link.href)) showAddress(link.href);
});

function showAddress(href) {
  const { blocked, close } = document.body.dataset;
  const dialog = document.createElement("dialog"), label = document.createElement("label");
  const field = document.createElement("input"), button = document.createElement("button");
  Object.assign(field, { readOnly: true, value: href });
  Object.assign(button, { type: "button", className: "button", textContent: close });
  label.append(blocked, field);
  dialog.append(label, button);
  button.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  field.select();
}
