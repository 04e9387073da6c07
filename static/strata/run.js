/**
 * When the run that a page waits for is done, its line (swapped in by the socket, or by asking again when there is
 * none) carries what the player needs: it moves to the player's own element, and the player is told.
 */
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

const observer = new MutationObserver(arrived);
if (line) {
  observer.observe(line, { childList: true, subtree: true });
  arrived();
}
