// The value of an alert over time, with its threshold and the moments at which it fired and ended.

import { element } from "../lib/dom.js";
import { axisTexts } from "../lib/format.js";
import { colour, plotOptions, translucent, uPlot } from "../lib/plot.js";
import { JSON_HEADERS, t } from "../lib/texts.js";
import { onThemeChange } from "../lib/theme.js";

const HEIGHT = 170;
const field = document.getElementById("value-chart");
const chart = JSON.parse(document.getElementById("value-chart-data").textContent);

const say = (text) => field.replaceChildren(element("p", "faint", text));

// Whether a series belongs to this alert: the alert has each of its labels.
const isOwn = ({ metric }) =>
  Object.entries(metric).every(([name, value]) => name === "__name__" || chart.labels[name] === value);

const read = async () => {
  const { query, start_s, end_s, step_s } = chart;
  const body = new URLSearchParams({ query, start: start_s, end: end_s, step: step_s });
  const answer = await fetch("/api/v1/query_range", { method: "POST", body, headers: JSON_HEADERS });
  const { status, data, error } = await answer.json();
  if (status !== "success") throw new Error(error);
  return data.result.filter(isOwn);
};

const dataOf = (series) => {
  const count = Math.floor((chart.end_s - chart.start_s) / chart.step_s) + 1;
  const times = Array.from({ length: count }, (_, index) => chart.start_s + index * chart.step_s);
  const rows = series.map(({ values }) => {
    const row = new Array(count).fill(null);
    for (const [time_s, text] of values) {
      const value = Number(text);
      row[Math.round((time_s - chart.start_s) / chart.step_s)] = Number.isFinite(value) ? value : null;
    }
    return row;
  });
  return [times, ...rows];
};

const stroke = (plot, style, from, to) => {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = style;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
  ctx.restore();
};

// The threshold across the chart, and a line at each moment.
const drawMarks = (plot) => {
  const { left, top, width, height } = plot.bbox;
  if (chart.threshold !== null) {
    const y = plot.valToPos(chart.threshold, "y", true);
    stroke(plot, colour("--critical"), [left, y], [left + width, y]);
  }
  for (const time_s of chart.marks_s) {
    const x = plot.valToPos(time_s, "x", true);
    if (x >= left && x <= left + width) stroke(plot, colour("--ink-faint"), [x, top], [x, top + height]);
  }
};

// With the threshold in sight, and some room above and below.
const valueRange = (_plot, low, high) => {
  const all = [low, high, chart.threshold].filter((value) => value !== null && value !== undefined);
  if (!all.length) return [0, 1];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = (most - least || Math.abs(most) || 1) * 0.1;
  return [least >= 0 && least - room < 0 ? 0 : least - room, most + room];
};

const optionsOf = (count) => {
  const base = plotOptions(field, {
    height: HEIGHT,
    sync: "alert",
    zoom: () => {},
    valueAxis: { size: 56, space: 36, values: (_plot, ticks) => axisTexts(ticks) },
  });
  const line = colour("--line-1");
  return {
    ...base,
    scales: { x: { time: true, range: () => [chart.start_s, chart.end_s] }, y: { range: valueRange } },
    series: [{}, ...Array.from({ length: count }, () => ({ stroke: line, width: 1.5, fill: count === 1 ? translucent(line, 0.1) : undefined }))],
    hooks: { ...base.hooks, draw: [drawMarks] },
  };
};

const show = (series) => {
  const data = dataOf(series);
  let plot = null;
  const draw = () => {
    plot?.destroy();
    field.replaceChildren();
    plot = new uPlot(optionsOf(series.length), data, field);
  };
  draw();
  onThemeChange(draw);
  new ResizeObserver(() => plot.setSize({ width: field.clientWidth, height: HEIGHT })).observe(field);
};

try {
  const series = await read();
  if (series.length) show(series);
  else say(t("No samples of this alert in this range."));
} catch (problem) {
  say(t("The values cannot be read: %(problem)s", { problem: problem.message }));
}
