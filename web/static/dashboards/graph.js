// A time series panel: lines over time with a legend below; all of a page share one cursor.

import { chartTip } from "../lib/chart_tip.js";
import { element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { plotOptions, strokes, translucent, uPlot } from "../lib/plot.js";
import { onThemeChange } from "../lib/theme.js";
import { unitText } from "./units.js";

const MOST_LINES = 100;
const MOST_IN_TIP = 12;
const LEAST_HEIGHT = 60;

// Steps of an axis in bytes: powers of two, and halves between them.
const BINARY_STEPS = Array.from({ length: 70 }, (_, power) => 2 ** power);
const IN_BINARY = new Set(["bytes", "kbytes", "mbytes", "binBps", "bits", "binbps"]);

const finite = (value) => (value !== null && Number.isFinite(value) ? value : null);

// All results on the grid of the first: queries may have steps of their own.
const joined = (results) => {
  const grid = results.reduce((a, b) => (b.grid.step_s < a.grid.step_s ? b : a)).grid;
  const times = Array.from({ length: grid.points }, (_, index) => grid.start_s + index * grid.step_s);
  const lines = results.flatMap(({ series, grid: own }) =>
    series.map(({ name, values }) => ({
      name,
      values: own === grid || (own.step_s === grid.step_s && own.start_s === grid.start_s && own.points === grid.points)
        ? values.map(finite)
        : times.map((time_s) => {
          const at = (time_s - own.start_s) / own.step_s;
          return Math.abs(at - Math.round(at)) * own.step_s < grid.step_s / 2 ? finite(values[Math.round(at)] ?? null) : null;
        }),
    })));
  return { times, lines };
};

const stackedRows = (rows) => {
  const sums = new Array(rows[0]?.length ?? 0).fill(0);
  return rows.map((row) => row.map((value, index) => (value === null ? null : (sums[index] += value))));
};

const rangeOf = ({ min, max }) => (_plot, low, high) => {
  const [bottom, top] = low === null ? [0, 1] : uPlot.rangeNum(low, high, 0.1, true);
  const range = [min ?? bottom, max ?? top];
  return range[0] < range[1] ? range : [range[0] - 1, range[0] + 1];
};

const legendOf = (lines, toggle) => {
  const list = element("ul", "dash-legend");
  list.setAttribute("aria-label", "Series");
  const keys = lines.map(({ name }, index) => {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-pressed", "true");
    button.append(element("i"), element("span", "", name));
    button.addEventListener("click", () => button.setAttribute("aria-pressed", String(toggle(index))));
    item.append(button);
    list.append(item);
    return button.firstChild;
  });
  return { list, paint: (styles) => keys.forEach((key, index) => { key.style.background = styles[index].stroke; }) };
};

//   zoom(start_s, end_s): called when the reader has dragged across a range.
// Returns a function that removes the graph.
export const drawGraph = (body, panel, results, { zoom }) => {
  const { times, lines: all } = joined(results);
  const lines = all.slice(0, MOST_LINES);
  const text = unitText(panel.unit, panel.decimals);
  const rows = lines.map(({ values }) => values);
  const drawn = panel.stacked ? stackedRows(rows) : rows;
  const canvas = element("div", "dash-canvas");
  const shown = lines.map(() => true);
  let plot = null;

  const legend = legendOf(lines, (index) => {
    shown[index] = !shown[index];
    plot.setSeries(index + 1, { show: shown[index] });
    return shown[index];
  });
  const note = all.length > MOST_LINES ? element("p", "faint dash-note", `${MOST_LINES} of ${all.length} series are drawn.`) : null;
  body.replaceChildren(...[canvas, panel.legend ? legend.list : null, note].filter(Boolean));

  const height = () => Math.max(LEAST_HEIGHT, canvas.clientHeight);

  const build = () => {
    plot?.destroy();
    const styles = strokes(lines.length);
    legend.paint(styles);
    const tip = chartTip(
      (index) => lines.map(({ name }, line) => ({ name, colour: styles[line].stroke, value: rows[line][index] }))
        .filter(({ value }, line) => shown[line] && value !== null)
        .sort((a, b) => b.value - a.value).slice(0, MOST_IN_TIP)
        .map((row) => ({ ...row, text: text(row.value) })),
      (index) => timeText(new Date(times[index] * 1000)),
    );
    const base = plotOptions(canvas, {
      height: height(), sync: "dashboard", zoom,
      valueAxis: {
        size: 64, space: 32, values: (_plot, ticks) => ticks.map(text),
        ...(IN_BINARY.has(panel.unit) ? { incrs: BINARY_STEPS } : {}),
      },
    });
    const options = {
      ...base,
      scales: { x: { time: true, range: () => [times[0], Math.max(times.at(-1), times[0] + 1)] }, y: { range: rangeOf(panel) } },
      series: [{}, ...styles.map((style, index) => ({
        ...style, show: shown[index], spanGaps: false,
        fill: panel.stacked ? translucent(style.stroke, 0.35) : undefined,
        points: { show: (_plot, _series, from, to) => to - from < 2, size: 4 },
      }))],
      // Each line of a stack covers the area down to the line below it.
      bands: panel.stacked ? styles.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
      plugins: [tip],
    };
    plot = new uPlot(options, [times, ...drawn], canvas);
  };
  build();

  const resized = new ResizeObserver(() => plot.setSize({ width: canvas.clientWidth, height: height() }));
  resized.observe(canvas);
  const stopListening = onThemeChange(build);
  return () => {
    resized.disconnect();
    stopListening();
    plot.destroy();
  };
};
