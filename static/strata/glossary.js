/** The glossary's search: shows the terms that have the words typed, in their name or in what is said of them. */
const search = document.getElementById("search"), found = document.getElementById("found");
const entries = [...document.querySelectorAll(".term-entry")].map((entry) => ({ entry, text: entry.textContent.toLowerCase() }));

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const { entry, text } of entries) {
    entry.hidden = !words.every((word) => text.includes(word));
    n += entry.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll(".glossary section")) section.hidden = !section.querySelector(".term-entry:not([hidden])");
  found.value = words.length ? (n ? String(n) : found.dataset.none) : "";
}

search.addEventListener("input", show);
// A link to a term that the search hides shows it again.
addEventListener("hashchange", () => {
  if (document.querySelector(":target")?.closest("[hidden]")) {
    search.value = "";
    show();
    document.querySelector(":target").scrollIntoView();
  }
});
show();
