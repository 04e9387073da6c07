/**
 * A field that narrows a list as one types: of the entries that its `data-entries` selects it shows those that have the
 * words, and hides the `data-groups` that are left without any. An entry is found by its `data-words`. Where nothing has
 * the words, `#elsewhere` leads to the site's other lists, which take them along as `?q=`.
 */
const search = document.getElementById("search"), found = document.getElementById("found"), elsewhere = document.getElementById("elsewhere");
const entries = [...document.querySelectorAll(search.dataset.entries)].map((entry) => ({ entry, text: findable(entry.dataset.words) }));
const groups = [...document.querySelectorAll(search.dataset.groups)];
const HAN = /\p{Script=Han}/u, ENOUGH = 0.5;

/** What any question is made of, whatever it asks. */
const ASKING = new Set("a an and are do does how in is it of on s stand the to what where which who why 的 是 在 哪 里 哪里 哪个 什么 为什么 怎么 怎样 如何 吗 呢 了 有".split(" "));

/** In small letters, and what has a hyphen also without it: "Hyper-V" is found as "hyperv" too. */
function findable(words) {
  const small = words.toLowerCase();
  return `${small} · ${small.match(/[\p{L}\p{N}]+(-[\p{L}\p{N}]+)+/gu)?.join(" ").replaceAll("-", "") ?? ""}`;
}

/** What was typed as tests of a text: a Latin word by how it begins, Chinese wherever it stands. A question may be typed whole. */
function tests(typed) {
  const chinese = new Intl.Segmenter("zh", { granularity: "word" });
  const words = typed.toLowerCase().split(/[^\p{L}\p{N}-]+/u).filter(Boolean);
  const all = words.flatMap((word) => (HAN.test(word) ? [...chinese.segment(word)].map(({ segment }) => segment) : [word]));
  const asked = all.filter((word) => !ASKING.has(word));
  return (asked.length ? asked : all).map((word) => new RegExp(HAN.test(word) ? word : `(?<![\\p{Script=Latin}\\p{N}])${word}`, "u"));
}

/** Which entries have all the words; if none has, those with most of them, where a rare word counts for more. */
function matching(words) {
  const hits = entries.map(({ text }) => words.map((word) => word.test(text)));
  if (hits.some((hit) => hit.every(Boolean))) return hits.map((hit) => hit.every(Boolean));
  const worth = words.map((_, w) => Math.log(entries.length / Math.max(1, hits.filter((hit) => hit[w]).length)));
  const scores = hits.map((hit) => hit.reduce((sum, has, w) => sum + (has ? worth[w] : 0), 0));
  const least = ENOUGH * Math.max(...scores);
  return scores.map((score) => score > 0 && score >= least);
}

function show() {
  const words = tests(search.value), shown = matching(words);
  entries.forEach(({ entry }, i) => (entry.hidden = !shown[i]));
  for (const group of groups) group.hidden = !group.querySelector(`:is(${search.dataset.entries}):not([hidden])`);
  elsewhere.hidden = !words.length || shown.some(Boolean);
  for (const link of elsewhere.querySelectorAll("a")) link.search = new URLSearchParams({ q: search.value }).toString();
  const some = entries.filter((_, i) => shown[i]), n = some.length;
  const whole = n && words.every((word) => word.test(some[0].text));
  found.value = !words.length ? "" : !n ? found.dataset.none : whole ? String(n) : `${n} (${found.dataset.some})`;
}

search.value = new URLSearchParams(location.search).get("q") ?? search.value;
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
