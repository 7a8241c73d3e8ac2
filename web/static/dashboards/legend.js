// The legend of a graph: a list of its series, or a table with a column for each reduction.

import { dataElement, element } from "../lib/dom.js";
import { t, tp } from "../lib/texts.js";
import { shownValue } from "./fields.js";
import { reduced } from "./queries.js";

const TITLES = { last: t("Last"), first: t("First"), mean: t("Mean"), min: t("Min"), max: t("Max"), sum: t("Total"), count: t("Count"), range: tp("of values", "Range"), delta: t("Delta"), diff: t("Difference") };

const keyOf = ({ name }, index, shown, toggle) => {
  const button = element("button");
  button.type = "button";
  button.title = name;
  button.setAttribute("aria-pressed", String(shown[index]));
  button.append(element("i"), dataElement("span", "", name));
  button.addEventListener("click", () => button.setAttribute("aria-pressed", String(toggle(index))));
  return button;
};

const listOf = (entries) => {
  const list = element("ul", "dash-legend");
  list.setAttribute("aria-label", t("Series"));
  list.append(...entries.map(({ button }) => {
    const item = element("li");
    item.append(button);
    return item;
  }));
  return list;
};

const tableOf = (panel, entries) => {
  const table = element("table", "dash-legend-table");
  const head = table.createTHead().insertRow();
  const names = [t("Series"), ...panel.legend_values.map((each) => TITLES[each])];
  head.append(...names.map((name, index) => Object.assign(element("th", index ? "number" : "", name), { scope: "col" })));
  const body = table.createTBody();
  for (const { button, line } of entries) {
    const row = body.insertRow();
    const title = element("th");
    title.scope = "row";
    title.append(button);
    row.append(title, ...panel.legend_values.map((how) => element("td", "number", shownValue(line.style, reduced(line.values, how)).text)));
  }
  const scroll = element("div", "dash-legend is-table");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", t("Series"));
  scroll.append(table);
  return scroll;
};

// Returns {list, paint(lines)}; `paint` gives the keys the colours of the lines.
export const legendOf = (panel, lines, shown, toggle) => {
  const entries = lines.map((line, index) => ({ line, index, button: keyOf(line, index, shown, toggle) }));
  const listed = entries.filter(({ line }) => !line.style.unlisted);
  return {
    list: panel.legend_values.length ? tableOf(panel, listed) : listOf(listed),
    paint: (coloured) => entries.forEach(({ button, index }) => { button.firstChild.style.background = coloured[index].colour; }),
  };
};
