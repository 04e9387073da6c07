/**
 * The signs of the drawing and the timeline: what a request asks for (a token's shape and hue), and what happens at an instant.
 * One table for canvas and legend. A path is drawn about (0, 0) with a radius of 1.
 */
import { el } from "./dom.js";

const PATHS = {
  circle: "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z",
  square: "M-.9-.55A.35.35 0 0 1-.55-.9H.55A.35.35 0 0 1 .9-.55V.55A.35.35 0 0 1 .55.9H-.55A.35.35 0 0 1-.9.55Z",
  diamond: "M0-1.15L1.15 0L0 1.15L-1.15 0Z",
  up: "M0-1.05L1.1.85H-1.1Z",
  down: "M0 1.05L1.1-.85H-1.1Z",
};

/** What tokens carry. `hue` is a role's; without one it is the ink. */
export const ASKED = {
  cpu: { shape: "circle", hue: "" },
  memory: { shape: "up", hue: "vm" },
  disk: { shape: "square", hue: "device" },
  network: { shape: "diamond", hue: "container" },
};
const ASKED_BY = { read: "disk", write: "disk", flush: "disk", touch: "memory", scan: "memory", send: "network", receive: "network", round_trip: "network" };

/** @param {string} kind of request @returns {keyof ASKED} */
export const asked = (kind) => ASKED_BY[kind] ?? "cpu";

/** What happens at an instant, by its kind in the trace; a wake-up has a table of its own there. */
export const HAPPENED = { exit: "down", interrupt: "up", fault: "diamond", wakeup: "circle" };

/** @param {CanvasRenderingContext2D} c @param {string} shape @param {number} r */
export function draw(c, shape, x, y, r, { fill = "", stroke = "", width = 1 }) {
  c.save();
  c.translate(x, y);
  c.scale(r, r);
  const path = new Path2D(PATHS[shape]);
  if (fill) (c.fillStyle = fill), c.fill(path);
  if (stroke) (c.strokeStyle = stroke), (c.lineWidth = width / r), c.stroke(path);
  c.restore();
}

/** The same as a picture in the page. */
function picture(shape, hue, hollow = false) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg"), path = document.createElementNS(ns, "path");
  for (const [key, value] of Object.entries({ viewBox: "-1.4 -1.4 2.8 2.8", class: `sign${hue ? ` role-${hue}` : ""}${hollow ? " hollow" : ""}`, "aria-hidden": "true" })) svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[shape]);
  svg.append(path);
  return svg;
}

/** Adds to the legend what is drawn of these runs: kinds of requests; of a single run, what happens at instants. */
export function tell(list, models, texts) {
  const item = (sign, key) => list.append(el("li.sign-item", {}, sign, texts.ui(key)));
  const kinds = new Set(models.flatMap(({ requestKind }) => requestKind.map(asked)));
  for (const [what, { shape, hue }] of Object.entries(ASKED)) if (kinds.has(what)) item(picture(shape, hue), `sign_${what}`);
  item(picture("circle", "", true), "sign_waits");
  for (const [what, shape] of Object.entries(HAPPENED)) if (models.length === 1 && happened(models[0], what)) item(picture(shape, "", what === "wakeup"), `sign_${what}`);
}

function happened({ instants, wakeups, header }, what) {
  if (what === "wakeup") return wakeups.at_ns.length > 0;
  return instants.kind.includes(header.instant_kinds.indexOf(what));
}
