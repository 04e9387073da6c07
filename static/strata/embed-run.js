/** The player in a frame: plays only while it is in view, and takes over the focus of a button pressed by the keyboard. */
const LEAST = 120; // px in view from which on it is seen
const player = document.getElementById("player");
const keyboard = new URLSearchParams(location.search).get("run") === "keyboard";

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
