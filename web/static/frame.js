// Runs on every page behind the login: local times, live regions, rows, search, palette, theme, copy buttons.

import { followScrolling, loadRegions, showLocalTimes } from "./lib/dom.js";
import { openRows } from "./lib/rows.js";
import { t } from "./lib/texts.js";
import { followTheme } from "./lib/theme.js";
import { createPalette } from "./palette/palette.js";
import { followShortcuts } from "./palette/shortcuts.js";

showLocalTimes(document);
followScrolling(document);
openRows(document);

// ---- live regions ----

let followAddress = () => {};

const live = document.querySelector("[data-live]");
if (live) {
  // Dashboards and forms have none.
  import("./lib/live.js").then(({ keepLive }) => {
    followAddress = keepLive(live.dataset.live, document.getElementById("live-state"), document.querySelector("[data-live-pause]"));
  });
}

// ---- search: the list follows what is typed ----

const SEARCH_DELAY_MS = 150;

const form = document.querySelector("form.search");
if (form) {
  let timer = null;
  let request = null;

  const search = async () => {
    clearTimeout(timer);
    request?.abort();
    request = new AbortController();
    const address = `${new URL(form.action).pathname}?${new URLSearchParams(new FormData(form))}`;
    history.replaceState(null, "", address);
    try {
      await loadRegions(address, request.signal);
    } catch (problem) {
      if (problem.name !== "AbortError") console.warn(`The search failed: ${problem.message}`);
    }
    followAddress();
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, SEARCH_DELAY_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
}

// ---- palette, keys and theme ----

const switchTheme = followTheme(document.getElementById("theme-toggle"));
const openPalette = createPalette({
  theme: switchTheme,
  shortcuts: () => showShortcuts(),
  logout: () => document.querySelector("#logout button").click(),
});
const showShortcuts = followShortcuts(openPalette, form?.querySelector("input[type=search]"));
document.getElementById("palette-button").addEventListener("click", openPalette);

// ---- the menus of a narrow window ----

// The widths are those of the sheets. A wide window shows these lists in the page.
for (const [width, menus] of [["950px", "#main-menu"], ["800px", ".fold"]]) {
  matchMedia(`(max-width: ${width})`).addEventListener("change", () => {
    for (const menu of document.querySelectorAll(`${menus}:popover-open`)) menu.hidePopover();
  });
}

// ---- copy buttons ----

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = t("Copied");
    } catch {
      // Browsers give the clipboard to pages over HTTPS only: select the text instead.
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = t("Selected");
    }
  });
}
