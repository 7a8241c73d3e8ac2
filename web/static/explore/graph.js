// A range query's result as a graph: one line per series, a legend with its value. All graphs of
// the page share one cursor.

import { dataElement, element } from "../lib/dom.js";
import { axisTexts, timeText, valueText } from "../lib/format.js";
import { plotOptions, strokes, uPlot } from "../lib/plot.js";
import { t } from "../lib/texts.js";
import { onThemeChange } from "../lib/theme.js";
import { seriesText, sharedLine, splitLabels } from "./labels.js";

const HEIGHT = 300;
const MOST_LINES = 100;

// The samples of each series on the grid of times; a gap or an infinity is null.
const rowsOf = (result, { start_s, step_s, points }) =>
  result.map((each) => {
    const values = new Array(points).fill(null);
    for (const [time_s, text] of each.values) {
      const value = Number(text);
      values[Math.round((time_s - start_s) / step_s)] = Number.isFinite(value) ? value : null;
    }
    return values;
  });

// The legend of a graph.
//   isHidden(index): whether a line is hidden.
//   pick(index, event), focus(index): called on a click, and on hovering with null at its end.
const createLegend = (texts, titles, { isHidden, pick, focus }) => {
  const list = element("ul", "graph-legend");
  list.setAttribute("aria-label", t("Series"));
  const items = texts.map((text, index) => {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    button.title = titles[index];
    button.append(element("i"), dataElement("span", "", text));
    button.addEventListener("click", (event) => pick(index, event));
    button.addEventListener("pointerenter", () => focus(index));
    button.addEventListener("pointerleave", () => focus(null));
    item.append(button, element("b"));
    return item;
  });
  list.append(...items);
  return {
    list,
    showHidden: () => items.forEach((item, index) =>
      item.firstElementChild.setAttribute("aria-pressed", String(!isHidden(index)))),
    showColours: (lines) => items.forEach((item, index) => {
      item.querySelector("i").style.background = lines[index].stroke;
    }),
    showValues: (valueOf) => items.forEach((item, index) => {
      item.lastElementChild.textContent = valueText(valueOf(index));
    }),
    showNear: (near) => items.forEach((item, index) => item.toggleAttribute("data-near", index === near)),
  };
};

// Which lines are hidden. A click shows one series alone, the next click all again; with Ctrl it
// hides or shows that series.
const createSelection = (count) => {
  const hidden = new Set();
  const others = (index) => Array.from({ length: count }, (_, other) => other).filter((other) => other !== index);
  return {
    isHidden: (index) => hidden.has(index),
    pick: (index, isSingle) => {
      if (isSingle) {
        if (!hidden.delete(index)) hidden.add(index);
        return;
      }
      const isAlone = hidden.size === count - 1 && !hidden.has(index);
      hidden.clear();
      if (!isAlone) for (const other of others(index)) hidden.add(other);
    },
  };
};

const optionsOf = (canvas, times, rows, { isHidden, lines, zoom, hooks }) => {
  const base = plotOptions(canvas, {
    height: HEIGHT,
    sync: "explore",
    zoom,
    valueAxis: { size: 56, space: 36, values: (_plot, ticks) => axisTexts(ticks) },
  });
  const samples = rows.map((row) => row.filter((value) => value !== null).length);
  return {
    ...base,
    focus: { alpha: 0.25 },
    cursor: { ...base.cursor, focus: { prox: 24 } },
    scales: { x: { time: true, range: () => [times[0], Math.max(times.at(-1), times[0] + 1)] } },
    series: [{}, ...lines.map((line, index) => ({
      ...line,
      show: !isHidden(index),
      // A sample between two gaps is drawn as a point.
      points: { show: (_plot, _series, from, to) => to - from < 2 || samples[index] < 3, size: 4 },
    }))],
    hooks: { ...base.hooks, ...hooks },
  };
};

// Draws a result in `field`.
//   grid: the times of the query: {start_s, step_s, points}.
//   zoom(start_s, end_s): called when the reader has dragged across a range.
// Returns a function that removes the graph.
export const showGraph = (field, result, grid, zoom) => {
  if (!result.length) {
    field.replaceChildren(element("p", "faint nothing", t("No series match in this range.")));
    return () => {};
  }
  const drawn = result.slice(0, MOST_LINES);
  const { shared, differing } = splitLabels(drawn.map((each) => each.metric));
  const names = drawn.length > 1 ? differing : undefined;
  const times = Array.from({ length: grid.points }, (_, index) => grid.start_s + index * grid.step_s);
  const rows = rowsOf(drawn, grid);
  const { isHidden, pick } = createSelection(drawn.length);
  const canvas = element("div", "graph-field");
  const time = element("p", "graph-time faint");
  let plot = null;

  const legend = createLegend(
    drawn.map((each) => seriesText(each.metric, names)),
    drawn.map((each) => seriesText(each.metric)),
    {
      isHidden,
      pick: (index, event) => {
        pick(index, event.ctrlKey || event.metaKey);
        drawn.forEach((_, at) => plot.setSeries(at + 1, { show: !isHidden(at) }));
        legend.showHidden();
      },
      focus: (index) => plot.setSeries(index === null ? null : index + 1, { focus: true }),
    },
  );

  // The values under the cursor, or the newest ones.
  const showValues = (index) => {
    time.textContent = index === null ? t("Newest values") : timeText(new Date(times[index] * 1000));
    legend.showValues((line) => (index === null ? rows[line].findLast((value) => value !== null) : rows[line][index]));
  };

  const hooks = {
    setCursor: [({ cursor }) => showValues(cursor.left >= 0 && cursor.idx !== undefined ? cursor.idx : null)],
    setSeries: [(_plot, index) => legend.showNear(index === null ? null : index - 1)],
  };

  const build = () => {
    plot?.destroy();
    const lines = strokes(drawn.length);
    legend.showColours(lines);
    legend.showHidden();
    plot = new uPlot(optionsOf(canvas, times, rows, { isHidden, lines, zoom, hooks }), [times, ...rows], canvas);
    showValues(null);
  };

  const note = result.length > MOST_LINES
    ? element("p", "banner graph-many", t("%(most)s of %(count)s series are drawn. Narrow the query, or aggregate: topk(10, …), sum by (…) (…).", { most: MOST_LINES, count: result.length }))
    : null;
  const foot = element("div", "graph-foot");
  foot.append(...[sharedLine(shared, drawn.length), time].filter(Boolean));
  field.replaceChildren(...[note, canvas, foot, legend.list].filter(Boolean));
  build();

  const resized = new ResizeObserver(() => plot.setSize({ width: canvas.clientWidth, height: HEIGHT }));
  resized.observe(canvas);
  const stopListening = onThemeChange(build);
  return () => {
    resized.disconnect();
    stopListening();
    plot.destroy();
  };
};
