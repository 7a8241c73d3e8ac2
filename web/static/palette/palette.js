// The command palette: Ctrl-K, Cmd-K or "/" opens it. The server finds and ranks what matches;
// the list shows it, the arrow keys choose, Enter opens.

import { dataElement, element } from "../lib/dom.js";
import { t } from "../lib/texts.js";

// The titles of other entries are names that users have given.
const OWN_TEXTS = new Set(["action", "page"]);

const KINDS = {
  action: t("Action"),
  alert: t("Alert"),
  dashboard: t("Dashboard"),
  host: t("Host"),
  metric: t("Metric"),
  page: t("Page"),
  project: t("Project"),
  rule: t("Rule"),
};

// Returns a function that opens the palette. `actions` are functions by the name of an action.
export const createPalette = (actions) => {
  const dialog = document.getElementById("palette");
  const box = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const note = dialog.querySelector("[role=status]");
  let entries = [];
  let chosen = -1;
  let request = null;
  // Words whose entries are asked for when Enter is pressed: the first of them is opened.
  let isAwaited = false;

  const choose = (index) => {
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = entries.length ? (index + entries.length) % entries.length : -1;
    const item = list.children[chosen];
    if (!item) {
      box.removeAttribute("aria-activedescendant");
      return;
    }
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", item.id);
  };

  const run = (entry, isApart) => {
    if (!entry) return;
    if (entry.action) {
      dialog.close();
      actions[entry.action]();
    } else if (isApart) {
      open(entry.href, "_blank", "noopener");
    } else {
      dialog.close();
      location.assign(entry.href);
    }
  };

  const itemOf = (entry, index) => {
    const item = element("li", "palette-entry");
    item.id = `palette-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const made = OWN_TEXTS.has(entry.kind) ? element : dataElement;
    item.append(made("span", "palette-title", entry.title));
    if (entry.detail) item.append(dataElement("span", "palette-detail", entry.detail));
    item.append(element("span", "palette-kind", KINDS[entry.kind]));
    item.addEventListener("pointermove", () => index !== chosen && choose(index));
    item.addEventListener("click", (event) => run(entry, event.ctrlKey || event.metaKey));
    return item;
  };

  const show = (answer) => {
    entries = answer.entries;
    list.replaceChildren(...entries.map(itemOf));
    list.hidden = entries.length === 0;
    box.setAttribute("aria-expanded", String(entries.length > 0));
    note.textContent = entries.length ? (answer.more ? t("There are more: type further") : "") : t("Nothing matches");
    choose(0);
  };

  const find = async () => {
    request?.abort();
    const mine = (request = new AbortController());
    try {
      const words = new URLSearchParams({ q: box.value.trim() });
      const answer = await fetch(`/api/palette?${words}`, { signal: mine.signal });
      if (!answer.ok) throw new Error(answer.status === 401 ? t("you are logged out") : `${answer.status}`);
      show(await answer.json());
      request = null;
      if (isAwaited) run(entries[0]);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      request = null;
      show({ entries: [], more: false });
      note.textContent = t("The server does not answer: %(problem)s", { problem: problem.message });
    }
    isAwaited = false;
  };

  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

  box.addEventListener("input", () => {
    isAwaited = false;
    find();
  });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key in steps) {
      event.preventDefault();
      const last = entries.length - 1;
      const wanted = chosen + steps[event.key];
      choose(Math.abs(steps[event.key]) === 1 ? wanted : Math.min(last, Math.max(0, wanted)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (request) isAwaited = true;
      else run(entries[chosen], event.ctrlKey || event.metaKey);
    }
  });
  // A click beside the box closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    request?.abort();
    request = null;
    isAwaited = false;
  });

  return () => {
    if (dialog.open) return;
    box.value = "";
    list.replaceChildren();
    list.hidden = true;
    note.textContent = "";
    dialog.showModal();
    find();
  };
};
