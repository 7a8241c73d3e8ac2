// Runs on every page behind the login: local times, live regions, search, theme, copy buttons.

import { loadRegions, showLocalTimes } from "./lib/dom.js";
import { keepLive } from "./lib/live.js";
import { announceTheme } from "./lib/theme.js";

showLocalTimes(document);

const live = document.querySelector("[data-live]");
const followAddress = live ? keepLive(live.dataset.live, document.getElementById("live-state"), document.querySelector("[data-live-pause]")) : () => {};

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

  // The key "/" goes to the search field.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    const field = form.querySelector("input[type=search]");
    field.focus();
    field.select();
  });
}

// ---- theme: the system's until the reader presses the button ----

const system = matchMedia("(prefers-color-scheme: dark)");
const currentTheme = () => document.documentElement.dataset.theme || (system.matches ? "dark" : "light");

document.getElementById("theme-toggle").addEventListener("click", () => {
  const next = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.querySelector('meta[name="color-scheme"]').content = next;
  // A cookie, so that the server writes the theme into the next page and nothing flashes.
  document.cookie = `redshank_theme=${next}; path=/; max-age=31536000; samesite=lax`;
  announceTheme();
});
system.addEventListener("change", announceTheme);

// ---- copy buttons ----

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      // Browsers give the clipboard to pages over HTTPS only: select the text instead.
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected";
    }
  });
}
