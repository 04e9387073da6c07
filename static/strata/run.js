/**
 * When the run that a page waits for is done, its line (swapped in by the socket, or by asking again when there is
 * none) carries what the player needs: it moves to the player's own element, and the player is told.
 */
const ASK_MS = 1000;
const player = document.getElementById("player");
const line = document.getElementById("run");

function arrived() {
  const state = document.getElementById("run-state");
  if (!line || state?.dataset.state !== "done") return;
  observer.disconnect();
  const { trace, lanes } = state.dataset;
  Object.assign(player.dataset, { trace, lanes });
  line.hidden = true;
  // After this turn, so that the rest of the answer (the gap of a race) is on the page too.
  setTimeout(() => player.dispatchEvent(new CustomEvent("strata:trace", { bubbles: true })));
}

/** In a frame there is no htmx, and what is sandboxed gets no socket: then this module asks by itself. */
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

function show(answer) {
  for (const id of ["why", "run-state"]) {
    const found = answer.getElementById(id);
    if (found) document.getElementById(id)?.replaceWith(document.adoptNode(found));
  }
}

const observer = new MutationObserver(arrived);
if (line) {
  observer.observe(line, { childList: true, subtree: true });
  arrived();
  if (document.body.matches(".embed") || origin === "null") setTimeout(ask, ASK_MS);
}
