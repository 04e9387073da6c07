/**
 * In a frame on somebody else's page, poster and player alike: tells that page how high it would like to be, and gets a
 * reader out to the full page even where the frame may not open a window. No cookie, no storage: a sandboxed frame has none.
 */
const main = document.querySelector("main");
let told = 0;

function tell() {
  const { height: high } = main.getBoundingClientRect();
  const height = Math.abs(high - innerHeight) < 1 ? innerHeight : Math.ceil(high); // what fills the frame is as high as it is
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
 * A frame does not know whether it may open a window; when it turns out that it may not, the address is shown, to be copied.
 * Last of all listeners, as the player has yet to write its state into the address.
 */
addEventListener("click", (event) => {
  const link = /** @type {HTMLAnchorElement|null} */ (/** @type {Element} */ (event.target).closest?.("a[href]"));
  if (parent === window || !link || link.getAttribute("target") === "_self") return;
  event.preventDefault();
  const opened = open(link.href);
  if (!opened) return showAddress(link);
  try {
    opened.opener = null; // who is opened need not know from where
  } catch {
    // It has the frame's own limits, and by these may not touch who opened it.
  }
});

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("address"));
const field = dialog.querySelector("textarea"), status = dialog.querySelector("[role=status]");
const button = (what) => /** @type {HTMLButtonElement} */ (dialog.querySelector(`[data-do=${what}]`));

/** Without a window there is still this frame: "open in full" can at least be everything that the player has. */
function showAddress(link) {
  field.value = link.href;
  status.textContent = "";
  button("here").hidden = !link.matches(".out") || !document.querySelector(".go, .controls-slim, .controls-none");
  dialog.showModal();
  field.select();
}

button("copy").addEventListener("click", () => {
  field.select();
  status.textContent = document.execCommand("copy") ? status.dataset.copied : status.dataset.select; // the clipboard's other door is closed to frames
});
button("here").addEventListener("click", () => {
  const url = new URL(location.href), { searchParams } = new URL(field.value);
  for (const name of ["t", "sel", "mode"]) if (searchParams.has(name)) url.searchParams.set(name, searchParams.get(name));
  url.searchParams.set("controls", "full");
  url.searchParams.set("run", "1");
  url.hash = "";
  location.replace(url);
});
button("close").addEventListener("click", () => dialog.close());
