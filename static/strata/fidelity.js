/** A point of the plot leads to its case: the row is opened. The address follows what is shown. */
import { followFilters } from "./filter.js";

function openNamed() {
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const details = row?.querySelector("details.case");
  if (details) details.open = true;
}

followFilters();
openNamed();
addEventListener("hashchange", openNamed);
