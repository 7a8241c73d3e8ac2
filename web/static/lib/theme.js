// The theme: the system's, until the reader chooses one. Tells the parts of a page that are drawn
// in JavaScript when the colours change.

import { t } from "./texts.js";

const listeners = new Set();

const announceTheme = () => listeners.forEach((listener) => listener());

// Calls `listener` on every change of the theme until the returned function is called.
export const onThemeChange = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

const page = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
// Pages without a login have no button, and charts all the same.
system.addEventListener("change", announceTheme);

// The server keeps the choice and writes it into the next page, so that nothing flashes.
const apply = (theme) => {
  if (theme) page.dataset.theme = theme;
  else delete page.dataset.theme;
  document.querySelector('meta[name="color-scheme"]').content = theme || "light dark";
  fetch("/settings/theme", { method: "POST", body: new URLSearchParams({ theme }), keepalive: true }).catch(
    (problem) => console.warn(`The theme was not saved: ${problem.message}`),
  );
  announceTheme();
};

// From automatic to the theme that the system does not have, then to the other one, then back.
const nextTheme = () => {
  const [unlike, like] = system.matches ? ["light", "dark"] : ["dark", "light"];
  return { [unlike]: like, [like]: "" }[page.dataset.theme] ?? unlike;
};

// Lets a button switch the theme; returns a function that does the same.
export const followTheme = (button) => {
  const describe = () => {
    const names = { light: t("light"), dark: t("dark") };
    const [now, next] = [page.dataset.theme, nextTheme()].map((theme) => names[theme] ?? t("automatic"));
    const text = t("Theme: %(now)s. Switch to %(next)s", { now, next });
    button.setAttribute("aria-label", text);
    button.title = text;
  };
  const change = () => {
    apply(nextTheme());
    describe();
  };
  button.addEventListener("click", change);
  system.addEventListener("change", describe);
  describe();
  return change;
};
