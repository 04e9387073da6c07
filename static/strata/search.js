/**
 * A field that narrows a list as one types: of the entries that its `data-entries` selects it shows those that have all the
 * words, and hides the `data-groups` that are left without any.
 */
const search = document.getElementById("search"), found = document.getElementById("found");
const entries = [...document.querySelectorAll(search.dataset.entries)].map((entry) => ({ entry, text: entry.textContent.toLowerCase() }));
const groups = [...document.querySelectorAll(search.dataset.groups)];

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const { entry, text } of entries) {
    entry.hidden = !words.every((word) => text.includes(word));
    n += entry.hidden ? 0 : 1;
  }
  for (const group of groups) group.hidden = !group.querySelector(`:is(${search.dataset.entries}):not([hidden])`);
  found.value = words.length ? (n ? String(n) : found.dataset.none) : "";
}

search.addEventListener("input", show);
// A link to an entry that the search hides shows it again.
addEventListener("hashchange", () => {
  if (document.querySelector(":target")?.closest("[hidden]")) {
    search.value = "";
    show();
    document.querySelector(":target").scrollIntoView();
  }
});
show();
