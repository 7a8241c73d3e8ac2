// Draws a panel's results; each kind has a function here that fills the panel's body.

import { element } from "../lib/dom.js";
import { tickTexts, timeText } from "../lib/format.js";
import { drawGraph } from "./graph.js";
import { reduced } from "./queries.js";
import { fillColour, textColour, thresholdColour, unitText } from "./units.js";

const MOST_TILES = 60;
const MOST_ROWS = 500;
const SVG = "http://www.w3.org/2000/svg";

const numbersOf = (panel, results) =>
  results.flatMap(({ series }) => series.map(({ name, values }) => ({ name, value: reduced(values, panel.reduce) }))).slice(0, MOST_TILES);

const svg = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// ---- one number for each series ----

const tiles = (body, className, panel, results, fill) => {
  const list = element("ul", className);
  const numbers = numbersOf(panel, results);
  const write = unitText(panel.unit, panel.decimals);
  for (const { name, value } of numbers) {
    const item = element("li");
    const colour = thresholdColour(panel, value);
    fill(item, { name: numbers.length > 1 || className === "dash-bars" ? name : "", value, text: write(value), colour, numbers });
    list.append(item);
  }
  body.replaceChildren(list);
};

const drawStat = (body, panel, results) =>
  tiles(body, "dash-stats", panel, results, (item, { name, text, colour }) => {
    const number = element("b", "", text);
    if (colour) number.style.color = textColour(colour);
    item.append(number, ...(name ? [element("span", "faint", name)] : []));
  });

const shareOf = (panel, value, numbers) => {
  const low = panel.min ?? 0;
  const largest = Math.max(...numbers.map((each) => each.value ?? 0));
  const high = panel.max ?? (panel.unit === "percentunit" ? 1 : panel.unit === "percent" ? 100 : largest);
  return value === null || high <= low ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low)));
};

const ARC = "M 10 60 A 50 50 0 0 1 110 60";

const drawGauge = (body, panel, results) =>
  tiles(body, "dash-gauges", panel, results, (item, { name, value, text, colour, numbers }) => {
    const share = shareOf(panel, value, numbers) * 100;
    const picture = svg("svg", { viewBox: "0 0 120 68", "aria-hidden": "true" });
    const arc = svg("path", { d: ARC, pathLength: 100, class: "dash-arc-value", "stroke-dasharray": `${share} 200` });
    arc.style.stroke = colour ? fillColour(colour) : "var(--bar)";
    picture.append(svg("path", { d: ARC, class: "dash-arc" }), ...(share > 0 ? [arc] : []));
    const number = element("b", "", text);
    if (colour) number.style.color = textColour(colour);
    item.append(picture, number, ...(name ? [element("span", "faint", name)] : []));
  });

const drawBars = (body, panel, results) =>
  tiles(body, "dash-bars", panel, results, (item, { name, value, text, colour, numbers }) => {
    const bar = element("i");
    const fill = element("i");
    fill.style.width = `${shareOf(panel, value, numbers) * 100}%`;
    fill.style.background = colour ? fillColour(colour) : "var(--bar)";
    bar.append(fill);
    const label = element("span", "", name);
    label.title = name;
    item.append(label, bar, element("b", "", text));
  });

// ---- table: one row for each set of labels, one column for each query ----

const drawTable = (body, panel, results) => {
  const write = unitText(panel.unit, panel.decimals);
  const rows = new Map();
  const labels = new Set();
  results.forEach(({ series }, column) => series.forEach(({ metric, values }) => {
    const { __name__: _name, ...own } = metric;
    const key = JSON.stringify(Object.entries(own).sort());
    for (const label of Object.keys(own)) labels.add(label);
    if (!rows.has(key)) rows.set(key, { own, values: [] });
    rows.get(key).values[column] = reduced(values, panel.reduce);
  }));
  const table = element("table", "grid");
  const head = table.createTHead().insertRow();
  const names = [...labels].sort();
  const columns = results.map(({ query }) => query.legend || (results.length > 1 ? `Value ${query.ref}` : "Value"));
  for (const name of names) head.append(Object.assign(element("th", "", name), { scope: "col" }));
  for (const name of columns) head.append(Object.assign(element("th", "number", name), { scope: "col" }));
  const content = table.createTBody();
  for (const { own, values } of [...rows.values()].slice(0, MOST_ROWS)) {
    const row = content.insertRow();
    for (const name of names) row.append(element("td", "", own[name] ?? ""));
    columns.forEach((_, column) => {
      const cell = element("td", "number", write(values[column] ?? null));
      const colour = thresholdColour(panel, values[column] ?? null);
      if (colour) cell.style.color = textColour(colour);
      row.append(cell);
    });
  }
  const scroll = element("div", "dash-scroll");
  scroll.tabIndex = 0;
  scroll.append(table);
  body.replaceChildren(scroll);
  if (rows.size > MOST_ROWS) body.append(element("p", "faint dash-note", `${MOST_ROWS} of ${rows.size} rows are shown.`));
};

// ---- heat map and state timeline: a row for each series, cells over time ----

const boundOf = (text) => (text === "+Inf" ? Infinity : Number(text));

// Buckets of a classic histogram count all below their bound: take the difference.
const bucketRows = (panel, results) => {
  const write = unitText(panel.unit, panel.decimals);
  const series = results.flatMap((result) => result.series);
  if (!series.every(({ metric }) => metric.le !== undefined)) return series;
  const ordered = [...series].sort((a, b) => boundOf(a.metric.le) - boundOf(b.metric.le));
  return ordered.map(({ metric, values }, index) => ({
    name: metric.le === "+Inf" ? "∞" : write(Number(metric.le)),
    values: values.map((value, at) => (value === null ? null : Math.max(0, value - (ordered[index - 1]?.values[at] ?? 0)))),
  })).reverse();
};

const timeline = (rows, grid, cellsOf) => {
  const box = element("div", "dash-timeline");
  for (const { name, values } of rows) {
    const label = element("span", "", name);
    label.title = name;
    const track = element("div", "dash-track");
    track.append(...cellsOf(values));
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

const drawHeatMap = (body, panel, results) => {
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

const drawStates = (body, panel, results) => {
  const grid = results[0].grid;
  const write = unitText(panel.unit, panel.decimals);
  const rows = results.flatMap(({ series }) => series).slice(0, MOST_TILES);
  body.replaceChildren(timeline(rows, grid, (values) => {
    const cells = [];
    for (let from = 0, to = 0; from < values.length; from = to) {
      for (to = from + 1; to < values.length && values[to] === values[from];) to += 1;
      if (values[from] === null) continue;
      const cell = span(from, to, grid.points, `${timeAt(grid, from)}: ${write(values[from])}`);
      const colour = thresholdColour(panel, values[from]);
      cell.style.background = colour ? fillColour(colour) : `var(--line-${(Math.abs(Math.round(values[from])) % 8) + 1})`;
      cells.push(cell);
    }
    return cells;
  }));
};

// ---- panels without results ----

export const drawText = (body, text) => body.replaceChildren(element("div", "dash-text", text));

export const drawQueries = (body, panel) => {
  const list = element("div", "dash-queries");
  list.append(element("p", "faint", `Redshank does not draw this kind of panel${panel.original ? ` (${panel.original})` : ""}.`));
  for (const { expr } of panel.queries) list.append(element("code", "", expr));
  body.replaceChildren(list);
};

const DRAWN = {
  timeseries: drawGraph, stat: drawStat, gauge: drawGauge, bargauge: drawBars, table: drawTable,
  heatmap: drawHeatMap, "state-timeline": drawStates,
};

// Draws results; returns a function that removes what needs removing.
export const drawPanel = (body, panel, results, context) => {
  const some = results.filter(({ series }) => series.length);
  if (!some.length) {
    body.replaceChildren(element("p", "faint dash-empty", "No data"));
    return () => {};
  }
  return DRAWN[panel.kind](body, panel, some, context) ?? (() => {});
};
