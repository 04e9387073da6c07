/** The state of the page in its address: `?t=&sel=&mode=`, so that a link shows what its sender saw. */

const QUIET_MS = 300;
const sandboxed = origin === "null"; // a frame that may not write its address
const MODES = ["real", "slowed", "event"];

/** @returns {{t: number|null, sel: string|null, mode: string|null}} */
export function readLink() {
  const query = new URLSearchParams(location.search);
  const t = query.get("t");
  const mode = query.get("mode");
  return { t: t !== null && /^-?\d{1,15}$/.test(t) ? Number(t) : null, sel: query.get("sel"), mode: MODES.includes(mode) ? mode : null };
}

/**
 * Whether the click that led here asked for it to play: `#play`. The mark is taken off, so that a reload stays still; that
 * it happens to name the play button must not move the page or its focus there.
 */
export function askedToPlay() {
  if (location.hash !== "#play") return false;
  if (!sandboxed) history.replaceState(history.state, "", location.pathname + location.search);
  if (document.activeElement?.id === "play") document.activeElement.blur();
  scrollTo(0, 0);
  return true;
}

export class Link {
  constructor() {
    this.state = {};
    document.addEventListener("click", (event) => {
      const link = /** @type {Element} */ (event.target).closest?.("a[data-keep-state]");
      if (link) link.href = this.with(new URL(link.href)).href;
    });
  }

  /** @param {{t: number, sel: string|null, mode: string}} state written when it has been at rest for a moment */
  set(state, playing) {
    const same = state.t === this.state.t && state.sel === this.state.sel && state.mode === this.state.mode;
    this.state = state;
    if (same || playing || sandboxed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => history.replaceState(history.state, "", this.with(new URL(location.href))), QUIET_MS);
  }

  /** An address with the state in it. @param {URL} url */
  with(url) {
    const { t, sel, mode } = this.state;
    for (const [key, value] of Object.entries({ t: t ? String(Math.round(t)) : null, sel, mode: mode === "slowed" ? null : mode })) {
      if (value === null || value === undefined) url.searchParams.delete(key);
      else url.searchParams.set(key, value);
    }
    return url;
  }
}
