// A table panel: columns that sort, with styles of their own, mapped values and links.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { shownValue, styleOf, titleOf } from "./fields.js";
import { framesOf, mergedByLabels, rowCount } from "./frames.js";
import { linkTo } from "./links.js";
import { reduced } from "./queries.js";
import { transformed, sortedBy } from "./transformations.js";
import { fillColour, textColour } from "./units.js";

const MOST_ROWS = 500;

const cellText = (field, style, value, range) => {
  if (value === null || value === undefined) return shownValue(style, null);
  if (field.type === "time") return { text: timeText(new Date(value * 1000)), colour: null };
  return shownValue(style, value, range);
};

const gaugeOf = ({ min, max }, value, [low, high], colour) => {
  const [from, to] = [min ?? Math.min(0, low), max ?? high];
  const bar = element("i", "dash-cell-gauge");
  const fill = element("i");
  fill.style.width = `${value === null || to <= from ? 0 : Math.min(1, Math.max(0, (value - from) / (to - from))) * 100}%`;
  fill.style.background = colour ? fillColour(colour) : "var(--bar)";
  bar.append(fill);
  return bar;
};

const rangeOf = ({ values, type }) => {
  const numbers = type === "number" ? values.filter((value) => value !== null && Number.isFinite(value)) : [];
  return [numbers.reduce((a, b) => Math.min(a, b), Infinity), numbers.reduce((a, b) => Math.max(a, b), -Infinity)];
};

const cellOf = ({ field, style, range }, row, cells, context) => {
  const value = field.values[row] ?? null;
  const { text, colour } = cellText(field, style, value, range);
  const cell = element("td", field.type === "number" ? "number" : "");
  if (style.align) cell.style.textAlign = style.align;
  const [link] = style.links ?? [];
  cell.append(link && value !== null ? linkTo({ ...link, title: text || link.title }, context, field, { value, text, row: cells }) : element("bdi", "", text));
  if (style.cell === "text" || field.type === "time") return cell;
  if (style.cell === "gauge") cell.prepend(gaugeOf(style, value, range, colour));
  if (colour && style.cell === "color-background") {
    cell.className = "number is-filled";
    cell.style.setProperty("--fill", fillColour(colour));
  } else if (colour) {
    cell.style.color = textColour(colour);
  }
  return cell;
};

const shownFrame = (panel, results) => {
  const hasTables = panel.transformations.length > 0;
  if (!hasTables) return mergedByLabels(results, (values) => reduced(values, panel.reduce));
  const frames = transformed(framesOf(results), panel.transformations).filter(({ fields }) => fields.length);
  return frames[0] ?? { ref: "", fields: [] };
};

const headOf = (columns, frame, sort, redraw) => {
  const row = element("tr");
  for (const { field, title, style } of columns) {
    const cell = element("th", field.type === "number" ? "number" : "");
    cell.scope = "col";
    if (style.column_px) cell.style.width = `${style.column_px}px`;
    const button = dataElement("button", "", title);
    button.type = "button";
    const isSorted = sort?.name === field.name;
    if (isSorted) cell.setAttribute("aria-sort", sort.isDescending ? "descending" : "ascending");
    button.addEventListener("click", () => redraw({ name: field.name, isDescending: isSorted ? !sort.isDescending : field.type === "number" }));
    cell.append(button);
    row.append(cell);
  }
  return row;
};

export const drawTable = (body, panel, { results }, context) => {
  const frame = shownFrame(panel, results);
  const styled = (source) => source.fields.map((field) => {
    const style = styleOf(panel, field);
    return { field, style, title: titleOf(style, field, context.scope), range: rangeOf(field) };
  }).filter(({ style }) => !style.hidden);
  const redraw = (sort) => {
    const focused = document.activeElement?.closest?.(".dash-scroll th")?.cellIndex ?? null;
    const isFocused = body.contains(document.activeElement);
    const shown = sort ? sortedBy(frame, sort.name, sort.isDescending) : frame;
    const columns = styled(shown);
    const table = element("table", "grid");
    table.createTHead().append(headOf(columns, shown, sort, redraw));
    const content = table.createTBody();
    const count = rowCount(shown);
    for (let row = 0; row < Math.min(count, MOST_ROWS); row += 1) {
      const cells = Object.fromEntries(shown.fields.map(({ name, values }) => [name, values[row] ?? ""]));
      content.insertRow().append(...columns.map((column) => cellOf(column, row, cells, context)));
    }
    const scroll = element("div", "dash-scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", panel.title || t("Table"));
    scroll.append(table);
    body.replaceChildren(scroll);
    if (count > MOST_ROWS) body.append(element("p", "faint dash-note", t("%(most)s of %(count)s rows are shown.", { most: MOST_ROWS, count })));
    if (isFocused && focused !== null) table.tHead.rows[0].cells[focused]?.querySelector("button").focus();
  };
  redraw(null);
};
