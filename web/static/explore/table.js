// An instant query's result as a table. Labels that all series share stand above it, the others
// in columns that sort.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { seriesText, sharedLine, splitLabels } from "./labels.js";

const MOST_ROWS = 1000;
const MOST_COLUMNS = 12;
const MOST_SAMPLES = 200;

const numberOf = (text) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));

const compareCells = (a, b) => {
  if (typeof a === "number" && typeof b === "number") return Number.isNaN(a) - Number.isNaN(b) || a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
};

const scrolling = (table) => {
  const scroll = element("div", "scroll");
  scroll.append(table);
  return scroll;
};

const rowOf = (cells, value) => {
  const row = element("tr");
  row.append(...cells.map((cell) => dataElement("td", "", cell)), element("td", "number", value));
  return row;
};

// The head of a table; `sort(column, isDescending)` is called when the reader clicks a title.
const sortableHead = (titles, sort) => {
  const row = element("tr");
  const last = titles.length - 1;
  let sorted = null;
  let isDescending = false;
  titles.forEach((title, column) => {
    const cell = element("th", column === last ? "number" : "");
    cell.scope = "col";
    const button = element("button");
    button.append(title);
    button.type = "button";
    button.addEventListener("click", () => {
      // Values begin with the greatest, labels with the first in the alphabet.
      isDescending = sorted === column ? !isDescending : column === last;
      sorted = column;
      for (const other of row.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
      sort(column, isDescending);
    });
    cell.append(button);
    row.append(cell);
  });
  const head = element("thead");
  head.append(row);
  return head;
};

const vectorTable = (result) => {
  const { shared, differing } = splitLabels(result.map((each) => each.metric));
  const hasColumns = result.length > 1 && differing.length <= MOST_COLUMNS;
  const cellsOf = ({ metric }) => (hasColumns ? differing.map((name) => metric[name] ?? "") : [seriesText(metric)]);
  const rows = result.map((each) => {
    const [labels, value] = [cellsOf(each), each.value[1]];
    return { labels, value, cells: [...labels, numberOf(value)] };
  });
  const body = element("tbody");
  const fill = (ordered) =>
    body.replaceChildren(...ordered.slice(0, MOST_ROWS).map(({ labels, value }) => rowOf(labels, value)));
  const sort = (column, isDescending) => {
    const sign = isDescending ? -1 : 1;
    fill([...rows].sort((a, b) => sign * compareCells(a.cells[column], b.cells[column])));
  };
  const labelTitles = hasColumns ? differing.map((name) => (name === "__name__" ? t("metric") : element("bdi", "", name))) : [t("series")];
  const table = element("table", "grid result");
  table.append(sortableHead([...labelTitles, t("value")], sort), body);
  fill(rows);
  const note = rows.length > MOST_ROWS ? element("p", "faint", t("The first %(most)s of %(count)s rows are shown.", { most: MOST_ROWS, count: rows.length })) : null;
  return [hasColumns ? sharedLine(shared, rows.length) : null, scrolling(table), note].filter(Boolean);
};

// A range vector: the newest samples of each series.
const matrixTable = (result) => {
  const body = element("tbody");
  for (const each of result.slice(0, MOST_ROWS)) {
    const row = rowOf([seriesText(each.metric)], "");
    row.lastElementChild.append(...each.values.slice(-MOST_SAMPLES).map(([time_s, value]) => {
      const line = element("div", "", value);
      line.append(element("span", "faint", ` @ ${timeText(new Date(time_s * 1000))}`));
      return line;
    }));
    body.append(row);
  }
  const table = element("table", "grid result samples");
  table.append(body);
  return [scrolling(table)];
};

export const showTable = (field, { resultType, result }) => {
  if (resultType === "scalar" || resultType === "string") field.replaceChildren(dataElement("p", "single", result[1]));
  else if (!result.length) field.replaceChildren(element("p", "faint nothing", t("No series match.")));
  else field.replaceChildren(...(resultType === "matrix" ? matrixTable : vectorTable)(result));
};
