// The dialog of a panel: its fields, and a preview of the panel as they describe it.

import { element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { sectionsOf } from "./layout.js";
import { addQuery } from "./query_fields.js";

const KINDS = {
  timeseries: t("time series"),
  stat: t("single numbers"),
  gauge: t("gauges"),
  bargauge: t("bars"),
  table: t("table"),
  heatmap: t("heat map"),
  "state-timeline": t("timeline of states"),
  piechart: t("pie chart"),
  text: t("text in Markdown"),
  alertlist: t("open alerts"),
  dashlist: t("list of dashboards"),
  events: t("list of events"),
};
const BLANK_QUERY = { expr: "", legend: "", step: "", instant: false, hidden: false, table: false };

const dialog = document.getElementById("panel-editor");
const form = dialog.querySelector("form");
const list = dialog.querySelector(".dash-query-list");
const problem = dialog.querySelector("footer .problem");

// ---- fields ----

// Thresholds as the dialog shows them: "green, 80 orange, 90 red".
const thresholdsText = (thresholds) => thresholds.map(({ value, color }) => (value === null ? color : `${value} ${color}`)).join(", ");
// A comma between parentheses is part of a colour such as rgb(0, 128, 0).
const thresholdsOf = (text) => text.split(/,(?![^(]*\))/).map((each) => each.trim()).filter(Boolean).map((each) => {
  const [, value, color] = /^(?:(-?[\d.]+(?:e-?\d+)?)\s+)?(\w+\(.*\)|\S+)$/i.exec(each) ?? [];
  if (!color) throw new Error(t("Thresholds: write a number and a colour, such as “80 orange”, not “%(text)s”.", { text: each }));
  return { value: value === undefined ? null : Number(value), color };
});

const numberOf = (text) => (text.trim() === "" ? null : Number(text));

const fill = (panel, scopeNow) => {
  const { elements } = form;
  elements.title.value = panel.title;
  elements.kind.replaceChildren(...[...new Set([panel.kind, ...Object.keys(KINDS)])].map((kind) => new Option(KINDS[kind] ?? kind, kind)));
  elements.kind.value = panel.kind;
  elements.unit.value = panel.unit;
  elements.decimals.value = panel.decimals ?? "";
  elements.min.value = panel.min ?? "";
  elements.max.value = panel.max ?? "";
  elements.reduce.value = panel.reduce;
  elements.repeat.value = panel.repeat;
  elements.thresholds.value = thresholdsText(panel.thresholds);
  elements.stacked.checked = panel.stacked;
  elements.legend.checked = panel.legend;
  elements.text.value = panel.text;
  list.replaceChildren();
  for (const query of panel.queries) addQuery(list, query, scopeNow);
};

// What the fields say; an error names the field that cannot be read.
const read = () => {
  const { elements } = form;
  return {
    title: elements.title.value, kind: elements.kind.value, unit: elements.unit.value, decimals: numberOf(elements.decimals.value),
    min: numberOf(elements.min.value), max: numberOf(elements.max.value), reduce: elements.reduce.value, repeat: elements.repeat.value.trim().replace(/^\$/, ""),
    thresholds: thresholdsOf(elements.thresholds.value), stacked: elements.stacked.checked, legend: elements.legend.checked, text: elements.text.value,
    queries: [...list.children].map((item) => item.read()).filter(({ expr }) => expr.trim()),
  };
};

// Returns what the fields say; null, with the error shown, if one of them cannot be read.
const readOrComplain = () => {
  problem.textContent = "";
  try {
    return read();
  } catch (error) {
    problem.textContent = error.message;
    return null;
  }
};

// ---- preview ----

// Draws what the fields say as the dashboard draws a panel; of a repeated panel, the first.
const createPreview = (panel, row, { cardOf, draw, zoom, scopeNow }) => {
  const box = dialog.querySelector(".dash-preview");
  const place = box.querySelector(".dash-preview-place");
  const note = box.querySelector("[role=status]");
  let stop = new AbortController();
  let shown = null;
  let drawn = ""; // the fields that the preview shows
  place.replaceChildren(element("p", "faint dash-empty", t("Try, or Ctrl Enter in a field, draws the panel here.")));
  note.textContent = "";

  const say = (text, isHidden) => {
    note.textContent = text;
    // Hidden where the panel shows the same text.
    note.classList.toggle("sr-only", isHidden);
  };

  const clear = () => {
    stop.abort();
    shown?.remove();
    shown = null;
  };

  const show = async (fields) => {
    clear();
    stop = new AbortController();
    const { signal } = stop;
    const edited = { ...structuredClone(panel), ...fields };
    const [section] = sectionsOf([...(row ? [row] : []), edited], scopeNow());
    shown = cardOf({ ...section.panels[0], place: {} });
    shown.zoom = (start_s, end_s) => {
      zoom(start_s, end_s);
      show(fields);
    };
    place.replaceChildren(shown.card);
    drawn = JSON.stringify(fields);
    await draw(shown, signal);
    if (signal.aborted) return;
    const isDrawn = shown.card.dataset.state === "drawn";
    say(isDrawn ? t("Drawn at %(time)s.", { time: timeText(new Date()) }) : shown.body.textContent, !isDrawn);
  };

  const tell = () => {
    if (!shown) return;
    let fields = "";
    try {
      fields = JSON.stringify(read());
    } catch {
      // A field is invalid, so that the preview shows something else.
    }
    if (fields !== drawn) say(t("The fields have changed since the preview was drawn."), false);
  };

  return {
    clear: () => {
      clear();
      place.replaceChildren();
    },
    show,
    tell,
    scrollTo: () => box.scrollIntoView({ block: "nearest" }),
  };
};

// ---- the dialog ----

// Opens the dialog; `apply` is called once `panel` has been changed.
//   row: the row that the panel belongs to, or null.
//   drawing: {cardOf, draw, zoom, scopeNow} of the page.
export const openPanel = (panel, { row, drawing, apply }) => {
  const { scopeNow } = drawing;
  const isRow = panel.kind === "row";
  const preview = createPreview(panel, row, drawing);
  problem.textContent = "";
  fill(panel, scopeNow);
  dialog.querySelector("h2").textContent = isRow ? t("Row") : t("Panel");
  for (const each of form.querySelectorAll("[data-of=panel]")) each.hidden = isRow;
  const add = () => addQuery(list, { ref: String.fromCharCode(65 + (list.children.length % 26)), ...BLANK_QUERY }, scopeNow);
  if (!panel.queries.length && panel.kind !== "text" && !isRow) add();

  const tryFields = () => {
    const fields = readOrComplain();
    if (!fields) return;
    preview.show(fields);
    preview.scrollTo();
  };

  dialog.querySelector("[data-action=add-query]").onclick = add;
  dialog.querySelector("[data-action=try]").onclick = tryFields;
  dialog.querySelector("[data-action=cancel]").onclick = () => dialog.close();
  dialog.onclose = preview.clear;
  form.oninput = preview.tell;
  form.onclick = preview.tell;
  form.onkeydown = (event) => {
    if (isRow || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    tryFields();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const fields = readOrComplain();
    if (!fields) return;
    Object.assign(panel, fields);
    dialog.close();
    apply();
  };
  dialog.showModal();
  const fields = panel.queries.length || panel.text ? readOrComplain() : null;
  if (fields) preview.show(fields);
};
