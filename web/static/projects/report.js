// The form of a report: rows are added, removed and moved; dates appear when they are chosen;
// empty fields stay out of the address.

import { t } from "../lib/texts.js";
import { emptyConditions, isUnusedCondition, numberConditions } from "./conditions.js";
import { renumberExclusions } from "./exclusion_steps.js";

const form = document.querySelector("[data-ask]");

// ---- rows: events of trends, steps of a funnel ----

const NAMES = {
  step: (index) => ({
    event: t("Step %(index)s", { index }),
    conditions: t("Conditions of step %(index)s", { index }),
    segment: t("Segment of step %(index)s", { index }),
  }),
  exclude: (index) => ({
    event: t("Exclusion %(index)s", { index }),
    conditions: t("Conditions of exclusion %(index)s", { index }),
    segment: t("Segment of exclusion %(index)s", { index }),
    after: t("Exclusion %(index)s: after step", { index }),
    before: t("Exclusion %(index)s: before step", { index }),
  }),
};
const fieldOf = (row) => row.querySelector("input");
const conditionsOf = (row) => row.querySelector("[data-conditions]");
const anyOf = (row) => row.querySelector("[data-any]");
const isUsedRow = (row) => fieldOf(row).value.trim() !== "" || Boolean(anyOf(row)?.checked);

// Shows whether a row takes any event: it has no name then.
const showAny = (row) => {
  const field = fieldOf(row);
  const isAny = Boolean(anyOf(row)?.checked);
  field.readOnly = isAny;
  if (isAny) field.value = "";
  field.placeholder = isAny ? t("any event") : t("event");
};

// Numbers the fields of a row by its place, and names them by it.
const numberRow = (row, number, names) => {
  fieldOf(row).setAttribute("aria-label", names.event);
  anyOf(row).value = number;
  row.querySelector("[data-segment]")?.setAttribute("aria-label", names.segment);
  for (const field of row.querySelectorAll("[data-place]")) field.setAttribute("aria-label", names[field.dataset.place]);
  numberConditions(conditionsOf(row), number, names.conditions);
};

for (const list of form.querySelectorAll("[data-rows]")) {
  const add = form.querySelector(`[data-add=${list.dataset.rows}]`);
  const rows = () => [...list.querySelectorAll("[data-row]")];
  // Exclusions name steps by their numbers.
  const followSteps = (oldRows, newRows) => {
    if (list.dataset.rows === "step") renumberExclusions(form, oldRows, newRows);
  };

  const number = () => {
    const all = rows();
    all.forEach((row, index) => {
      const mark = row.querySelector("[data-number]");
      if (mark) mark.textContent = index + 1;
      const names = NAMES[list.dataset.rows]?.(index + 1);
      if (names) numberRow(row, index + 1, names);
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
      field.checked = false;
    }
    for (const field of fresh.querySelectorAll("select")) field.selectedIndex = 0;
    for (const part of fresh.querySelectorAll("details")) part.open = false;
    list.append(fresh);
    if (anyOf(fresh)) showAny(fresh);
    if (conditionsOf(fresh)) emptyConditions(conditionsOf(fresh));
    number();
    fieldOf(fresh).focus();
  };

  const remove = (row) => {
    if (rows().length === 1) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const oldRows = rows();
    row.remove();
    number();
    followSteps(oldRows, rows());
    fieldOf(next).focus();
  };

  const move = (row, step) => {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    const oldRows = rows();
    if (step < 0) other.before(row);
    else other.after(row);
    number();
    followSteps(oldRows, rows());
  };

  add.addEventListener("click", append);
  list.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-up], [data-down], [data-remove]");
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
  // A row without an event is not sent, so that conditions and exclusions go by the numbers of those that are.
  form.addEventListener("submit", () => {
    if (!NAMES[list.dataset.rows]) return;
    const used = rows().filter(isUsedRow);
    used.forEach((row, index) => numberRow(row, index + 1, NAMES[list.dataset.rows](index + 1)));
    const places = [...form.querySelectorAll("[data-place]")];
    const values = places.map((field) => field.value);
    followSteps(rows(), used);
    // A page that the browser shows again from its memory has its empty rows, and their numbers, too.
    setTimeout(() => places.forEach((field, index) => (field.value = values[index])));
  });
  list.addEventListener("change", ({ target }) => {
    if ("any" in target.dataset) showAny(target.closest("[data-row]"));
  });
  for (const row of rows()) if (anyOf(row)) showAny(row);
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
    // The fields of a row belong together: all of them are sent, or none.
    const row = field.closest("[data-row]");
    if (row && !isUsedRow(row)) return true;
    // A column is sent as a whole, or not at all.
    if ("column" in field.dataset) return [...form.querySelectorAll(`[name=${field.name}]`)].every((each) => each.value.trim() === "" || !isUsedRow(each.closest("[data-row]")));
    const isUnusedThere = isUnusedCondition(field);
    if (isUnusedThere !== null) return isUnusedThere;
    if (row) return false;
    return field.value === "";
  };
  const unused = [...form.elements].filter(isUnused);
  for (const field of unused) field.disabled = true;
  // A page that the browser shows again from its memory has its fields back.
  setTimeout(() => unused.forEach((field) => (field.disabled = false)));
});
