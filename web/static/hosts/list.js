// The hosts page: selected rows, ages, sparklines, and forms that act at once.

import { keepAges } from "../lib/ages.js";
import { t } from "../lib/texts.js";
import { drawTrends } from "./trends.js";

const region = document.querySelector("[data-live]");
keepAges(region, Number(region.dataset.now));
drawTrends(region);

// ---- choices that need no button ----

for (const id of ["group", "sort"]) {
  document.getElementById(id)?.addEventListener("change", (event) => event.target.form.requestSubmit());
}

for (const form of document.querySelectorAll(".chooser form[method=get]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const parameters = new URLSearchParams(new FormData(form));
    const columns = parameters.getAll("columns").join(",");
    parameters.delete("columns");
    if (columns) parameters.set("columns", columns);
    location.assign(`/?${parameters}`);
  });
}

// Escape and a click beside it close an open chooser.
const choosers = [...document.querySelectorAll(".chooser")];
document.addEventListener("click", (event) => {
  for (const chooser of choosers) if (!chooser.contains(event.target)) chooser.open = false;
});
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && choosers.find((chooser) => chooser.open);
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

// ---- selection ----

const bar = document.getElementById("selection");
if (bar) {
  const boxes = () => [...region.querySelectorAll('input[name="host"]')];
  let last = null; // where a selection with Shift begins

  const show = () => {
    const all = boxes();
    const count = all.filter((box) => box.checked).length;
    bar.hidden = count === 0;
    document.getElementById("selection-count").textContent = t("%(count)s of %(total)s selected", { count, total: all.length });
    const whole = document.getElementById("select-all");
    if (!whole) return;
    whole.checked = count > 0 && count === all.length;
    whole.indeterminate = count > 0 && count < all.length;
  };

  const selectTo = (box) => {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    if (from >= 0) for (const each of all.slice(from, to + 1)) each.checked = box.checked;
  };

  region.addEventListener("click", (event) => {
    const box = event.target;
    if (!box.matches("input[type=checkbox]")) return;
    if (box.id === "select-all") for (const each of boxes()) each.checked = box.checked;
    else if (event.shiftKey) selectTo(box);
    if (box.name === "host") last = box;
    show();
  });

  // Up and down move between the boxes; with Shift they select on the way.
  region.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches('input[name="host"]')) return;
    const all = boxes();
    const next = all[all.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) next.checked = event.target.checked;
    next.focus();
    show();
  });

  document.getElementById("selection-clear").addEventListener("click", () => {
    for (const box of boxes()) box.checked = false;
    show();
    (document.getElementById("select-all") ?? document.getElementById("search")).focus();
  });

  // One field for all: a form has at most a thousand.
  bar.addEventListener("formdata", ({ formData }) => {
    formData.delete("host");
    formData.set("hosts", JSON.stringify(boxes().filter((box) => box.checked).map((box) => box.value)));
  });

  // Rows of hosts that were removed, or that a search hides, are no longer selected.
  new MutationObserver(show).observe(region, { childList: true, subtree: true });
  // The browser keeps checked boxes over a reload.
  show();
}
