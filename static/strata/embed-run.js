/**
 * The player in a frame: asks how far the run is (a sandboxed frame gets no socket), plays only while it is in view, and
 * takes over the focus of a button that was pressed by the keyboard.
 */
const ASK_MS = 1000;
const LEAST = 120; // px in view from which on it is seen
const player = document.getElementById("player");
const keyboard = new URLSearchParams(location.search).get("run") === "keyboard";
const line = document.getElementById("run");

async function ask() {
  if (document.getElementById("run-state")?.dataset.state !== "running") return;
  try {
    const answer = await fetch(line.dataset.ask, { credentials: "omit" });
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The network was away for a moment: the next question may get through.
  }
  setTimeout(ask, ASK_MS);
}

/** The reasons first: when the state says "done", the player begins and wants them on the page. */
function show(answer) {
  for (const id of ["why", "run-state"]) {
    const found = answer.getElementById(id);
    if (found) document.getElementById(id)?.replaceWith(document.adoptNode(found));
  }
}

let seen = true, held = false;

function hold() {
  const head = player.player?.head;
  if (!head) return;
  if (!seen && head.playing) {
    held = true;
    head.pause();
  } else if (seen && held) {
    held = false;
    head.play();
  }
}

new IntersectionObserver(
  (entries) => {
    const { intersectionRect, boundingClientRect } = entries[entries.length - 1];
    seen = intersectionRect.height >= Math.min(LEAST, boundingClientRect.height / 4);
    hold();
  },
  { threshold: Array.from({ length: 21 }, (_, i) => i / 20) },
).observe(player);

new MutationObserver((_, observer) => {
  observer.disconnect();
  hold();
  if (keyboard && document.activeElement === document.body) document.getElementById("play").focus({ preventScroll: true });
}).observe(player, { attributeFilter: ["data-ready"] });

setTimeout(ask, ASK_MS);
