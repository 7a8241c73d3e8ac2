// Groups of conditions in a form: rows and groups are added and removed, and each row shows the
// fields that its operator needs.

import { t } from "../lib/texts.js";

const editor = document.querySelector("[data-conditions]");
const MOST_CONDITIONS = 30;
const WITHOUT_VALUE = ["is_set", "is_not_set"];
const NUMERIC = ["greater", "less", "at_least", "at_most", "event_at_least", "event_at_most"];
const TIMES = ["before", "after"];

const groups = () => [...editor.querySelectorAll("[data-group]")];
const rowsOf = (parent) => [...parent.querySelectorAll("[data-condition]")];
const nameOf = (row) => row.querySelector("[name=where]");
const isUsed = (row) => nameOf(row).value.trim() !== "";

// Whether a field of the editor says nothing; null for a field elsewhere.
export const isUnusedCondition = (field) => {
  if (!editor?.contains(field)) return null;
  const group = field.closest("[data-group]");
  const used = groups().filter((each) => rowsOf(each).some(isUsed));
  if (field.name === "join") return used.length < 2 || field.value === "all";
  if (field.name === "match") return !used.includes(group) || field.value.endsWith(".all");
  const row = field.closest("[data-condition]");
  if (!row) return false;
  if (!isUsed(row)) return true;
  // The fields of a row are columns: a column is sent as a whole, or not at all.
  if (field.name === "in") return used.length < 2 && group === groups()[0];
  if (field.name === "within") {
    return [...editor.querySelectorAll("[name=within]")].every((each) => each.value.trim() === "");
  }
  return false;
};

const showFields = (row) => {
  const operator = row.querySelector("[data-operator]").value;
  const value = row.querySelector("[name=value]");
  const within = row.querySelector("[data-within]");
  value.hidden = WITHOUT_VALUE.includes(operator);
  value.inputMode = NUMERIC.includes(operator) ? "decimal" : "text";
  value.placeholder = TIMES.includes(operator) ? "2026-01-31T12:00" : t("value");
  if (!within) return;
  within.hidden = !operator.startsWith("event_");
  if (within.hidden) within.querySelector("input").value = "";
};

const show = () => {
  const all = groups();
  all.forEach((group, index) => {
    const number = index + 1;
    const rows = rowsOf(group);
    const match = group.querySelector("[data-match]");
    group.querySelector("[data-legend]").textContent = t("Group %(number)s", { number });
    match.hidden = rows.length < 2;
    [...match.options].forEach((option) => {
      option.value = `${number}.${option.value.split(".")[1]}`;
    });
    for (const row of rows) {
      row.querySelector("[name=in]").value = number;
      row.querySelector("[data-remove-condition]").disabled = all.length === 1 && rows.length === 1;
      showFields(row);
    }
  });
  editor.querySelector("[data-join]").hidden = all.length < 2;
  const isFull = rowsOf(editor).length >= MOST_CONDITIONS;
  for (const button of editor.querySelectorAll("[data-add-condition], [data-add-group]")) button.disabled = isFull;
};

const empty = (row) => {
  const fresh = row.cloneNode(true);
  for (const field of fresh.querySelectorAll("input")) {
    field.value = "";
    field.removeAttribute("value");
  }
  fresh.querySelector("select").selectedIndex = 0;
  return fresh;
};

const addCondition = (group) => {
  const last = rowsOf(group).at(-1);
  const fresh = empty(last);
  last.after(fresh);
  show();
  nameOf(fresh).focus();
};

const addGroup = () => {
  const last = groups().at(-1);
  const fresh = last.cloneNode(true);
  const [first, ...others] = rowsOf(fresh);
  for (const row of others) row.remove();
  const row = empty(first);
  first.replaceWith(row);
  fresh.querySelector("[data-match]").selectedIndex = 0;
  last.after(fresh);
  show();
  nameOf(row).focus();
};

const remove = (row) => {
  const all = rowsOf(editor);
  const next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1];
  const group = row.closest("[data-group]");
  row.remove();
  if (rowsOf(group).length === 0) group.remove();
  show();
  nameOf(next).focus();
};

if (editor) {
  for (const button of editor.querySelectorAll("button[hidden]")) button.hidden = false;
  editor.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if ("addGroup" in button.dataset) addGroup();
    else if ("addCondition" in button.dataset) addCondition(button.closest("[data-group]"));
    else remove(button.closest("[data-condition]"));
  });
  editor.addEventListener("change", show);
  show();
}
