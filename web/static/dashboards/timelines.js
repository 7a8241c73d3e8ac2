// Heat map and state timeline: a row for each series, cells over time.

import { dataElement, element } from "../lib/dom.js";
import { tickTexts, timeText } from "../lib/format.js";
import { shownValue, styleOf, titleOf } from "./fields.js";
import { reduced } from "./queries.js";
import { fillColour, unitText } from "./units.js";

const MOST_TILES = 60;

const boundOf = (text) => (text === "+Inf" ? Infinity : Number(text));

const added = (a, b) => (a === null ? b : b === null ? a : a + b);

// Buckets with the same bound, of several hosts for example, are one row.
const summedByBound = (series) => {
  const rows = new Map();
  for (const { metric, values } of series) {
    const known = rows.get(metric.le);
    rows.set(metric.le, { metric: { le: metric.le }, values: known ? known.values.map((value, at) => added(value, values[at] ?? null)) : values });
  }
  return [...rows.values()].sort((a, b) => boundOf(a.metric.le) - boundOf(b.metric.le));
};

// Buckets of a classic histogram count all below their bound: take the difference.
export const bucketRows = (panel, results) => {
  const write = unitText(panel.unit, panel.decimals);
  const series = results.flatMap((result) => result.series);
  if (!series.every(({ metric }) => metric.le !== undefined)) return series;
  const ordered = summedByBound(series);
  return ordered.map(({ metric, values }, index) => ({
    name: metric.le === "+Inf" ? "∞" : write(Number(metric.le)),
    values: values.map((value, at) => (value === null ? null : Math.max(0, value - (ordered[index - 1]?.values[at] ?? 0)))),
  })).reverse();
};

const timeline = (rows, grid, cellsOf) => {
  const box = element("div", "dash-timeline");
  for (const row of rows) {
    const { name, values } = row;
    const label = dataElement("span", "", name);
    label.title = name;
    const track = element("div", "dash-track");
    track.append(...cellsOf(values, row));
    box.append(label, track);
  }
  const axis = element("div", "dash-axis");
  const ends = [grid.start_s, grid.start_s + ((grid.points - 1) * grid.step_s) / 2, grid.start_s + (grid.points - 1) * grid.step_s];
  axis.append(...tickTexts(ends, ends[1] - ends[0] || 1).map((text) => element("span", "", text)));
  box.append(element("span"), axis);
  return box;
};

const span = (from, to, points, title) => {
  const cell = element("i");
  cell.style.left = `${(from / points) * 100}%`;
  cell.style.width = `${((to - from) / points) * 100}%`;
  cell.title = title;
  return cell;
};

const timeAt = (grid, index) => timeText(new Date((grid.start_s + index * grid.step_s) * 1000));

export const drawHeatMap = (body, panel, { results }) => {
  const grid = results[0].grid;
  const rows = bucketRows(panel, results).slice(0, MOST_TILES);
  const most = Math.max(1e-12, ...rows.map(({ values }) => reduced(values, "max") ?? 0));
  body.replaceChildren(timeline(rows, grid, (values) => values.flatMap((value, at) => {
    if (!value || !Number.isFinite(value)) return [];
    const cell = span(at, at + 1, grid.points, `${timeAt(grid, at)}: ${Number(value.toPrecision(3))}`);
    cell.style.opacity = String(0.12 + 0.88 * Math.sqrt(value / most));
    return [cell];
  })));
  body.firstChild.classList.add("dash-heat");
};

export const drawStates = (body, panel, { results }, { scope }) => {
  const grid = results[0].grid;
  const rows = results.flatMap(({ query, series }) => series.map(({ name, metric, values }) => {
    const field = { name, ref: query.ref, type: "number", labels: metric };
    const style = styleOf(panel, field);
    return { name: titleOf(style, field, scope), style, values };
  })).filter(({ style }) => !style.hidden).slice(0, MOST_TILES);
  body.replaceChildren(timeline(rows, grid, (values, { style }) => {
    const cells = [];
    for (let from = 0, to = 0; from < values.length; from = to) {
      for (to = from + 1; to < values.length && values[to] === values[from];) to += 1;
      if (values[from] === null) continue;
      const { text, colour } = shownValue(style, values[from]);
      const cell = span(from, to, grid.points, `${timeAt(grid, from)}: ${text}`);
      if (to - from > grid.points / 12) cell.textContent = text;
      cell.style.background = colour ? fillColour(colour) : `var(--line-${(Math.abs(Math.round(values[from])) % 8) + 1})`;
      cells.push(cell);
    }
    return cells;
  }));
};
