/** Glue of every page: the theme button, and the token that Django wants with a post. */

const THEMES = ["auto", "light", "dark"];
const sandboxed = origin === "null"; // opened by a frame that may not let go of its limits: no cookies, no storage
const root = document.documentElement;
const button = document.getElementById("theme");

/** @param {string} theme */
function show(theme) {
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  const label = button.getAttribute(`data-label-${theme}`);
  button.setAttribute("aria-label", label);
  button.title = label;
}

/** The theme that the address named no longer holds, here nor where the page leads. */
function forgetNamed() {
  const without = (href) => {
    const url = new URL(href);
    url.searchParams.delete("theme");
    return url.href;
  };
  for (const link of document.querySelectorAll("a[href*='theme=']")) link.href = without(link.href);
  if (!sandboxed && location.search.includes("theme=")) history.replaceState(history.state, "", without(location.href));
}

if (button) {
  show(root.dataset.theme ?? "auto");
  button.addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
    show(theme);
    forgetNamed();
    if (!sandboxed) document.cookie = `theme=${theme};path=/;max-age=31536000;samesite=lax`;
    document.dispatchEvent(new Event("strata:theme"));
  });
}

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  const token = !sandboxed && document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token;
});

// Large type for a room: kept for this tab, so that the next page of a lesson has it too.
const projector = document.getElementById("projector");

function enlarge(on) {
  root.toggleAttribute("data-projector", on);
  projector.setAttribute("aria-pressed", String(on));
}

if (projector) {
  enlarge(!sandboxed && Boolean(sessionStorage.getItem("projector")));
  projector.addEventListener("click", (event) => {
    if (event.detail) projector.blur(); // the space bar is to play, not to press it again
    const on = !root.hasAttribute("data-projector");
    enlarge(on);
    if (sandboxed) return;
    if (on) sessionStorage.setItem("projector", "1");
    else sessionStorage.removeItem("projector");
  });
}
