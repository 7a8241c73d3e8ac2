// Keys that work on every page while nobody types: "?" lists them, "g" and a letter open a page.

const SECOND_KEY_MS = 1500;

// Letters mean nothing to a box that is ticked.
const isTyping = (event) => event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

// Returns a function that shows the list. `openPalette` opens the palette, `searchField` is the
// search of this page, if it has one.
export const followShortcuts = (openPalette, searchField) => {
  const dialog = document.getElementById("shortcuts");
  const pages = new Map([...dialog.querySelectorAll("[data-letter]")].map((link) => [link.dataset.letter, link]));
  let began = -Infinity;

  const showList = () => {
    if (!dialog.open) dialog.showModal();
  };

  const keys = {
    "?": showList,
    "/": openPalette,
    f: () => {
      searchField?.focus();
      searchField?.select();
    },
    g: () => {
      began = performance.now();
    },
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      // A field may have this key for itself.
      if (event.defaultPrevented) return;
      event.preventDefault();
      dialog.close();
      openPalette();
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (document.querySelector("dialog[open]")) return;
    const isSecond = performance.now() - began < SECOND_KEY_MS;
    began = -Infinity;
    const page = isSecond && pages.get(event.key);
    const act = page ? () => page.click() : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  return showList;
};
