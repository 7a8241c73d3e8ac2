// The form of a report: rows are added, removed and moved; dates appear when they are chosen;
// empty fields stay out of the address.

import { t } from "../lib/texts.js";
import { isUnusedCondition } from "./conditions.js";

const form = document.querySelector("[data-ask]");

// ---- rows: events of trends, steps of a funnel ----

const list = form.querySelector("[data-rows]");

if (list) {
  const add = form.querySelector("[data-add]");
  const rows = () => [...list.querySelectorAll("[data-row]")];
  const fieldOf = (row) => row.querySelector("input");

  const number = () => {
    const all = rows();
    all.forEach((row, index) => {
      const mark = row.querySelector("[data-number]");
      if (mark) {
        mark.textContent = index + 1;
        fieldOf(row).setAttribute("aria-label", t("Step %(index)s", { index: index + 1 }));
      }
      const [up, down] = [row.querySelector("[data-up]"), row.querySelector("[data-down]")];
      if (up) up.disabled = index === 0;
      if (down) down.disabled = index === all.length - 1;
      row.querySelector("[data-remove]").disabled = all.length === 1;
    });
    add.disabled = all.length >= Number(list.dataset.most);
  };

  const append = () => {
    const fresh = rows()[0].cloneNode(true);
    for (const field of fresh.querySelectorAll("input")) {
      field.value = "";
      field.removeAttribute("value");
    }
    for (const field of fresh.querySelectorAll("select")) field.selectedIndex = 0;
    list.append(fresh);
    number();
    fieldOf(fresh).focus();
  };

  const remove = (row) => {
    if (rows().length === 1) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    number();
    fieldOf(next).focus();
  };

  const move = (row, step) => {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    number();
  };

  add.addEventListener("click", append);
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const row = button.closest("[data-row]");
    if ("remove" in button.dataset) remove(row);
    else {
      move(row, "up" in button.dataset ? -1 : 1);
      (button.disabled ? fieldOf(row) : button).focus();
    }
  });
  list.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    if (!row.querySelector("[data-up]")) return;
    event.preventDefault();
    const { target } = event;
    move(row, event.key === "ArrowUp" ? -1 : 1);
    target.focus();
  });
  number();
}

// ---- dates ----

const choice = form.querySelector("[data-range-choice]");
const dates = form.querySelector("[data-range-dates]");

// Where a bar above the form chooses the range, the form has no such fields.
if (choice) {
  const showDates = () => {
    dates.hidden = choice.value !== "";
  };
  choice.addEventListener("change", () => {
    showDates();
    if (!dates.hidden) dates.querySelector("input").focus();
  });
  showDates();
}

form.addEventListener("submit", () => {
  const isUnused = (field) => {
    if (!field.name || field.disabled) return false;
    if (dates?.hidden && dates.contains(field)) return true;
    const isUnusedThere = isUnusedCondition(field);
    if (isUnusedThere !== null) return isUnusedThere;
    // The fields of a row belong together: all of them are sent, or none.
    const row = field.closest("[data-row]");
    if (row) return row.querySelector("input").value.trim() === "";
    return field.value === "";
  };
  const unused = [...form.elements].filter(isUnused);
  for (const field of unused) field.disabled = true;
  // A page that the browser shows again from its memory has its fields back.
  setTimeout(() => unused.forEach((field) => (field.disabled = false)));
});
