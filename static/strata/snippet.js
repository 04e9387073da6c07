/** The dialog that tells how to put what is on the page onto a page of one's own: three pieces of text, and how it will look. */
import "./embed-host.js";

const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
const HEIGHT = 560; // px, until the preview has said how high it wants to be
const dialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("snippet"));
const player = document.getElementById("player");
const field = (name) => dialog.querySelector(`[name="${name}"]`);
const status = dialog?.querySelector("[role=status]");

/** An address with the choices made; `names` of them, for not every address knows all. */
function address(path, names) {
  const url = new URL(path, location.origin);
  for (const name of names) {
    const { value } = field(name);
    if (value && !(name === "view" && value === dialog.dataset.itself)) url.searchParams.set(name, value);
  }
  if (field("now").checked && !field("now").disabled) url.searchParams.set("t", player.dataset.t);
  return url;
}

const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

function write() {
  const { embed, title, script } = dialog.dataset;
  field("now").disabled = !Number(player.dataset.t) || field("view").value !== player.dataset.view;
  const frame = address(embed, ["view", "lang", "theme", "controls"]);
  const full = address(embed.replace("/embed/", "/s/"), ["view", "lang"]);
  const picture = address(embed, ["view", "lang", "theme"]);
  picture.pathname = picture.pathname.replace(/\/$/, ".svg");
  picture.searchParams.delete("t");
  const height = parseInt(look(frame.href).style.height) || HEIGHT;
  const code = `<iframe src="${attribute(frame.href)}" title="${attribute(title)}" width="100%" height="${height}" style="border:0" loading="lazy" sandbox="${SANDBOX}"></iframe>`;
  const fits = field("script").checked ? `\n<script src="${new URL(script, location.origin).href}" async></script>` : "";
  show("snippet-frame", code + fits);
  show("snippet-link", full.href);
  show("snippet-markdown", `[![${title.replaceAll(/[[\]\\]/g, "\\$&")}](${picture.href})](${full.href})`);
}

/** The preview, a new frame for every address: one that goes from address to address would fill the page's history. */
function look(href) {
  const frame = dialog.querySelector("iframe");
  if (frame.getAttribute("src") === href) return frame;
  const other = /** @type {HTMLIFrameElement} */ (frame.cloneNode());
  other.style.height = "";
  if (href) other.src = href;
  else other.removeAttribute("src");
  frame.replaceWith(other);
  return other;
}

function show(id, text) {
  const area = /** @type {HTMLTextAreaElement} */ (document.getElementById(id));
  if (area.value !== text) area.value = text;
}

/** Where the clipboard may not be written, the text is selected, so that a key press copies it. */
async function copy(id) {
  const area = /** @type {HTMLTextAreaElement} */ (document.getElementById(id));
  status.textContent = "";
  try {
    await navigator.clipboard.writeText(area.value);
    status.textContent = dialog.dataset.copied;
  } catch {
    area.focus();
    area.select();
    status.textContent = dialog.dataset.select;
  }
}

if (dialog) {
  document.getElementById("embed-button").addEventListener("click", () => {
    player.player?.head.pause();
    status.textContent = "";
    write();
    dialog.showModal();
  });
  dialog.addEventListener("input", write);
  dialog.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (target).closest("[data-copy]"));
    if (button) copy(button.dataset.copy);
  });
  dialog.addEventListener("close", () => look("")); // nobody sees it: nothing is loaded, nothing plays
  new MutationObserver(() => dialog.open && write()).observe(dialog.querySelector(".preview"), { subtree: true, attributeFilter: ["style"] });
}
