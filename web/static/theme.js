// Light or dark: the system's choice until somebody presses the button. The choice is
// kept in a cookie, so that the server writes it into the page and nothing flashes.
"use strict";

(() => {
  const button = document.getElementById("theme-toggle");
  const system = matchMedia("(prefers-color-scheme: dark)");

  const current = () =>
    document.documentElement.dataset.theme || (system.matches ? "dark" : "light");

  const announce = () => document.dispatchEvent(new Event("redshank:theme"));

  button?.addEventListener("click", () => {
    const next = current() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    document.querySelector('meta[name="color-scheme"]').content = next;
    document.cookie = `redshank_theme=${next}; path=/; max-age=31536000; samesite=lax`;
    announce();
  });
  system.addEventListener("change", announce);
})();
