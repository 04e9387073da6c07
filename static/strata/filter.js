/**
 * The address follows what a form of filters shows: an answer that htmx swaps in says under which address it would come
 * (`data-address`), so that what is seen can be sent on, reloaded, and read in the other language.
 */
export function followFilters() {
  document.addEventListener("htmx:after:swap", () => {
    const shown = document.querySelector("[data-address]");
    if (!shown) return;
    history.replaceState(history.state, "", shown.dataset.address);
    const other = document.querySelector(".tools a[hreflang]");
    const url = new URL(location.href);
    url.searchParams.set("lang", new URL(other.href).searchParams.get("lang"));
    other.href = url.search;
  });
}
