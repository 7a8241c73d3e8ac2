// Shows what the matchers of a form match now, while the reader types.

import { loadRegions } from "../lib/dom.js";

const WAIT_MS = 250;

const field = document.querySelector("[data-preview]");
let timer = 0;
let running = new AbortController();

const preview = async () => {
  running.abort();
  running = new AbortController();
  const address = new URL(location.href);
  address.searchParams.set(field.name, field.value);
  try {
    await loadRegions(address, running.signal);
  } catch (error) {
    // A newer text has superseded this request; a failed one leaves the last preview.
    if (error.name !== "AbortError") document.getElementById("preview")?.setAttribute("data-stale", "");
  }
};

field?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(preview, WAIT_MS);
});
