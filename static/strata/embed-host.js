/** For the page that holds frames of Strata: gives each frame the height that it asks for. Needed by nothing else. */
addEventListener("message", ({ data, source }) => {
  if (data?.type !== "strata:height" || !(data.height > 0)) return;
  for (const frame of document.querySelectorAll("iframe[src*='/embed/']")) {
    if (frame.contentWindow === source) frame.style.height = `${Math.min(4000, data.height)}px`;
  }
});
