// Groups of conditions in a form: rows and groups are added and removed, and each row shows the
// fields that its operator needs. A form has an editor for the report, and one for each event that
// has conditions of its own.

import { t } from "../lib/texts.js";

const MOST_CONDITIONS = 30;
const WITHOUT_VALUE = ["is_set", "is_not_set"];
const NUMERIC = ["greater", "less", "at_least", "at_most", "event_at_least", "event_at_most"];
const TIMES = ["before", "after"];

const editorOf = (element) => element.closest("[data-conditions]");
// The fields of an event's editor have its prefix; the group of the report's have none.
const isOfEvent = (editor) => editor.dataset.conditions !== "";
const groupsOf = (editor) => [...editor.querySelectorAll("[data-group]")];
const rowsOf = (parent) => [...parent.querySelectorAll("[data-condition]")];
const part = (row, name) => row.querySelector(`[data-part=${name}]`);
const isUsed = (row) => part(row, "where").value.trim() !== "";

// Whether a field of an editor says nothing; null for a field elsewhere.
export const isUnusedCondition = (field) => {
  const editor = editorOf(field);
  if (!editor) return null;
  const group = field.closest("[data-group]");
  const used = groupsOf(editor).filter((each) => rowsOf(each).some(isUsed));
  if ("join" in field.dataset) return used.length < 2 || field.value === "all";
  if ("match" in field.dataset) return !used.includes(group) || field.value.endsWith(".all");
  const row = field.closest("[data-condition]");
  if (!row) return false;
  if (!isUsed(row)) return true;
  // The fields of a row are columns: a column is sent as a whole, or not at all.
  if (field.dataset.part === "in") return !isOfEvent(editor) && used.length < 2 && group === groupsOf(editor)[0];
  if (field.dataset.part === "within") {
    return [...field.form.querySelectorAll(`[name=${field.name}]`)].every((each) => each.value.trim() === "");
  }
  return false;
};

const showFields = (row) => {
  const operator = row.querySelector("[data-operator]").value;
  const value = part(row, "value");
  const within = row.querySelector("[data-within]");
  value.hidden = WITHOUT_VALUE.includes(operator);
  value.inputMode = NUMERIC.includes(operator) ? "decimal" : "text";
  value.placeholder = TIMES.includes(operator) ? "2026-01-31T12:00" : t("value");
  if (!within) return;
  within.hidden = !operator.startsWith("event_");
  if (within.hidden) within.querySelector("input").value = "";
};

const numberGroup = (group, number) => {
  for (const option of group.querySelector("[data-match]").options) {
    option.value = `${number}.${option.value.split(".")[1]}`;
  }
  for (const row of rowsOf(group)) part(row, "in").value = number;
};

const show = (editor) => {
  const all = groupsOf(editor);
  all.forEach((group, index) => {
    const rows = rowsOf(group);
    group.querySelector("[data-match]").hidden = rows.length < 2;
    if (!isOfEvent(editor)) {
      group.querySelector("[data-legend]").textContent = t("Group %(number)s", { number: index + 1 });
      numberGroup(group, index + 1);
    }
    for (const row of rows) {
      row.querySelector("[data-remove-condition]").disabled = all.length === 1 && rows.length === 1;
      showFields(row);
    }
  });
  const join = editor.querySelector("[data-join]");
  if (join) join.hidden = all.length < 2;
  const isFull = rowsOf(editor).length >= MOST_CONDITIONS;
  for (const button of editor.querySelectorAll("[data-add-condition], [data-add-group]")) button.disabled = isFull;
  const count = editor.parentElement.querySelector("[data-count]");
  if (count) {
    const segment = editor.querySelector("[data-segment]");
    count.textContent = rowsOf(editor).filter(isUsed).length + (segment?.value ? 1 : 0);
    count.hidden = count.textContent === "0";
  }
};

// Number the conditions of an event by the event's place, and name them by it.
export const numberConditions = (editor, number, legend) => {
  const [group] = groupsOf(editor);
  group.querySelector("[data-legend]").textContent = legend;
  numberGroup(group, number);
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

const emptyGroup = (group) => {
  const [first, ...others] = rowsOf(group);
  for (const row of others) row.remove();
  first.replaceWith(empty(first));
  group.querySelector("[data-match]").selectedIndex = 0;
};

// Removes all conditions but one empty row, which an unused form shows.
export const emptyConditions = (editor) => {
  emptyGroup(groupsOf(editor)[0]);
  show(editor);
};

const addCondition = (group) => {
  const last = rowsOf(group).at(-1);
  const fresh = empty(last);
  last.after(fresh);
  part(fresh, "in").value = part(last, "in").value;
  show(editorOf(group));
  part(fresh, "where").focus();
};

const addGroup = (editor) => {
  const last = groupsOf(editor).at(-1);
  const fresh = last.cloneNode(true);
  emptyGroup(fresh);
  last.after(fresh);
  show(editor);
  part(rowsOf(fresh)[0], "where").focus();
};

const remove = (row) => {
  const editor = editorOf(row);
  const all = rowsOf(editor);
  const next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1];
  const group = row.closest("[data-group]");
  row.remove();
  if (rowsOf(group).length === 0) group.remove();
  show(editor);
  part(next, "where").focus();
};

// On the document: an event's editor may be added later.
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-conditions] button");
  if (!button) return;
  if ("addGroup" in button.dataset) addGroup(editorOf(button));
  else if ("addCondition" in button.dataset) addCondition(button.closest("[data-group]"));
  else remove(button.closest("[data-condition]"));
});
document.addEventListener("change", ({ target }) => {
  const editor = editorOf(target);
  if (editor) show(editor);
});

for (const editor of document.querySelectorAll("[data-conditions]")) {
  for (const button of editor.querySelectorAll("button[hidden]")) button.hidden = false;
  show(editor);
}
