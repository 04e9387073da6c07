/** The dialog that tells how to put what is on the page onto a page of one's own: three pieces of text, and how it will look. */
import "./embed-host.js";
import { readLink } from "./link.js";

const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
const HEIGHT = 560, WIDTH = 720; // px; the height until the frames have said how high they want to be
const SLACK = 40; // px, for a column a little wider and a sentence a line longer; the player fills what it gets
const dialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("snippet"));
const player = document.getElementById("player");
const field = (name) => dialog.querySelector(`[name="${name}"]`);
const status = dialog?.querySelector("[role=status]");
const titles = JSON.parse(dialog?.dataset.titles ?? "{}");

/** What the page shows now: a time, and what is selected. */
function moment() {
  const { t, sel } = player.player?.link.state ?? readLink();
  return Object.entries({ t, sel }).filter(([, value]) => value);
}

/** An address with the choices made; `names` of them, for not every address knows all. */
function address(path, names) {
  const url = new URL(path, location.origin);
  for (const name of names) {
    const { value } = field(name);
    if (value && !(name === "view" && value === dialog.dataset.itself)) url.searchParams.set(name, value);
  }
  if (field("now").checked && !field("now").disabled) for (const [name, value] of moment()) url.searchParams.set(name, value);
  return url;
}

const attribute = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

function write() {
  const { embed, script } = dialog.dataset;
  field("now").disabled = !moment().length || field("view").value !== player.dataset.view;
  const title = titles[field("lang").value || player.dataset.lang];
  const frame = address(embed, ["view", "lang", "theme", "controls"]);
  const full = address(embed.replace("/embed/", "/s/"), ["view", "lang", "theme"]);
  const picture = address(embed, ["view", "lang", "theme"]);
  picture.pathname = picture.pathname.replace(/\/$/, ".svg");
  picture.searchParams.delete("sel");
  if (!player.dataset.follow) picture.searchParams.delete("t"); // only a request is told of with its picture
  const height = tall(frame);
  const code = `<iframe src="${attribute(frame.href)}" title="${attribute(title)}" width="100%" height="${height}" style="border:0" loading="lazy" sandbox="${SANDBOX}"></iframe>`;
  const fits = field("script").checked ? `\n<script src="${new URL(script, location.origin).href}" async></script>` : "";
  show("snippet-frame", code + fits);
  show("snippet-link", full.href);
  show("snippet-markdown", `[![${title.replaceAll(/[[\]\\]/g, "\\$&")}](${picture.href})](${full.href})`);
}

/**
 * How high the frame must be for nothing to scroll in a column so wide, before the click and after it. The preview tells the
 * one; a second frame, which nobody sees, has run it and tells the other.
 */
function tall(url) {
  const width = field("width").validity.valid ? Number(field("width").value) : WIDTH;
  const run = new URL(url);
  run.searchParams.set("run", "1");
  const [poster, running] = [look("poster", url.href, width), look("running", run.href, width)].map((frame) => parseInt(frame.style.height) || 0);
  const height = Math.max(poster, running && running + SLACK) || HEIGHT, fits = field("script").checked;
  const scale = Math.min(1, dialog.querySelector(".scaled").clientWidth / width);
  for (const [name, value] of Object.entries({ scale, least: fits ? 0 : height, height: (fits && poster) || height })) dialog.style.setProperty(`--${name}`, String(value));
  return height;
}

/** A frame of the dialog, a new one for every address: one that goes from address to address would fill the page's history. */
function look(name, href, width) {
  const frame = dialog.querySelector(`iframe[name="${name}"]`);
  if (frame.getAttribute("src") === href && frame.width === String(width)) return frame;
  const other = /** @type {HTMLIFrameElement} */ (frame.cloneNode());
  other.style.height = "";
  other.width = String(width);
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
    field("now").checked = player.player ? player.player.prepared : moment().length > 0;
    dialog.showModal();
    write();
  });
  dialog.addEventListener("input", write);
  dialog.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (target).closest("[data-copy]"));
    if (button) copy(button.dataset.copy);
  });
  dialog.addEventListener("close", () => ["poster", "running"].forEach((name) => look(name, "", WIDTH))); // nobody sees them: nothing is loaded, nothing plays
  new MutationObserver(() => dialog.open && write()).observe(dialog.querySelector(".preview"), { subtree: true, attributeFilter: ["style"] });
}
