/** Glue of every page: the theme button, and the token that Django wants with a post. */

const THEMES = ["auto", "light", "dark"];
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

if (button) {
  show(root.dataset.theme ?? "auto");
  button.addEventListener("click", () => {
    const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
    show(theme);
    document.cookie = `theme=${theme};path=/;max-age=31536000;samesite=lax`;
    document.dispatchEvent(new Event("strata:theme"));
  });
}

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  if (token && request.method !== "GET") request.headers["X-CSRFToken"] = token;
});
