/** A link to one number (`#linux.vfs_read`) opens it, wherever on the page it is folded away. */
import { followFilters } from "./filter.js";

function openNamed() {
  const id = decodeURIComponent(location.hash.slice(1));
  const named = id && document.getElementById(id);
  if (named) {
    for (let box = named; box; box = box.parentElement) if (box.localName === "details") box.open = true;
    named.scrollIntoView({ block: "start" });
    return;
  }
  const [component, op] = id.split(".");
  // Filtered away, or stated by another entry: its own address shows it.
  if (op && !new URLSearchParams(location.search).has("op")) location.replace(`?${new URLSearchParams({ component, op })}`);
}

followFilters();
openNamed();
addEventListener("hashchange", openNamed);
