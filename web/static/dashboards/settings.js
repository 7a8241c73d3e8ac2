// The settings of a dashboard while it is edited: title, tags, times, variables and links.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";

const KINDS = [["query", t("values of a query")], ["custom", t("a list of values")], ["interval", t("intervals")], ["textbox", t("a text")], ["constant", t("a constant")]];
const dialog = document.getElementById("dashboard-settings");

const fieldIn = (item, label, control) => {
  const wrap = element("label", "", label);
  wrap.append(control);
  item.append(wrap);
  return control;
};

const input = (value, further = {}) => Object.assign(element("input"), { value, autocomplete: "off", ...further });

const checkIn = (item, label, isChecked) => {
  const wrap = element("label", "check");
  const box = element("input");
  box.type = "checkbox";
  box.checked = isChecked;
  wrap.append(box, ` ${label}`);
  item.append(wrap);
  return box;
};

const removeButton = (item, name) => {
  const button = element("button", "link danger-link", name);
  button.type = "button";
  button.addEventListener("click", () => item.remove());
  return button;
};

const BLANK_VARIABLE = { name: "", kind: "query", label: "", query: "", regex: "", multi: false, include_all: false, all_value: "", current: [], sort: 1, hidden: false };
const BLANK_LINK = { title: "", url: "", tags: [], keep_time: false, keep_variables: false, new_tab: false };

const variableItem = (variable) => {
  const item = element("li");
  const name = fieldIn(item, t("Name"), input(variable.name, { pattern: "[A-Za-z0-9_]+", required: true }));
  const kind = element("select");
  for (const [value, text] of [...KINDS, ...(KINDS.some(([each]) => each === variable.kind) ? [] : [[variable.kind, variable.kind]])]) kind.add(new Option(text, value));
  kind.value = variable.kind;
  fieldIn(item, t("Kind"), kind);
  const label = fieldIn(item, t("Label"), input(variable.label));
  const query = fieldIn(item, t("Query or values, such as label_values(up, job) or a, b, c"), input(variable.query, { spellcheck: false }));
  const regex = fieldIn(item, t("Only values that match (regular expression)"), input(variable.regex, { spellcheck: false }));
  const multi = checkIn(item, t("Several values"), variable.multi);
  const all = checkIn(item, t("All"), variable.include_all);
  item.append(removeButton(item, t("Remove this variable")));
  item.read = () => ({ ...variable, name: name.value, kind: kind.value, label: label.value, query: query.value, regex: regex.value, multi: multi.checked, include_all: all.checked });
  return item;
};

const linkItem = (link) => {
  const item = element("li");
  const title = fieldIn(item, t("Title"), input(link.title));
  const url = fieldIn(item, t("Address, such as /dashboards/node?var-host=$host"), input(link.url, { spellcheck: false }));
  const tags = fieldIn(item, t("Or all dashboards with these tags, separated by commas"), input(link.tags.join(", ")));
  const time = checkIn(item, t("With the times"), link.keep_time);
  const variables = checkIn(item, t("With the variables"), link.keep_variables);
  item.append(removeButton(item, t("Remove this link")));
  item.read = () => ({ ...link, title: title.value, url: url.value, tags: tagsOf(tags.value), keep_time: time.checked, keep_variables: variables.checked });
  return item;
};

const tagsOf = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

// Opens the dialog; `apply` is called once `dashboard` has been changed.
export const openSettings = (dashboard, apply) => {
  const form = dialog.querySelector("form");
  const { elements } = form;
  const [variables, links] = ["variables", "links"].map((name) => dialog.querySelector(`[data-list=${name}]`));
  elements.title.value = dashboard.title;
  elements.description.value = dashboard.description;
  elements.tags.value = dashboard.tags.join(", ");
  elements.start.value = dashboard.start;
  elements.end.value = dashboard.end;
  elements.refresh.value = dashboard.refresh;
  variables.replaceChildren(...dashboard.variables.map(variableItem));
  links.replaceChildren(...dashboard.links.map(linkItem));
  dialog.querySelector("[data-action=add-variable]").onclick = () => variables.append(variableItem(BLANK_VARIABLE));
  dialog.querySelector("[data-action=add-link]").onclick = () => links.append(linkItem(BLANK_LINK));
  dialog.querySelector("[data-action=cancel]").onclick = () => dialog.close();
  form.onsubmit = (event) => {
    event.preventDefault();
    Object.assign(dashboard, {
      title: elements.title.value, description: elements.description.value, tags: tagsOf(elements.tags.value), start: elements.start.value.trim(),
      end: elements.end.value.trim(), refresh: elements.refresh.value.trim(),
      variables: [...variables.children].map((item) => item.read()), links: [...links.children].map((item) => item.read()),
    });
    dialog.close();
    apply();
  };
  dialog.showModal();
};
