// Times that are shown as ages, such as "12 s": they grow between two updates of the page.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const EVERY_MS = 1000;

export const ageText = (length_s) => {
  const [size, unit] = UNITS.find(([each]) => length_s >= each) ?? UNITS.at(-1);
  return `${Math.max(0, Math.floor(length_s / size))} ${unit}`;
};

// Keeps every `<time data-age>` within `root` up to date.
//   now_ms: the server's time when the page was made; the reader's clock may be wrong.
export const keepAges = (root, now_ms) => {
  const ahead_ms = Date.now() - now_ms;
  const show = () => {
    for (const time of root.querySelectorAll("time[data-age]")) {
      const text = ageText((Date.now() - ahead_ms - Date.parse(time.dateTime)) / 1000);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  show();
  new MutationObserver(show).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["datetime"] });
  setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
};
