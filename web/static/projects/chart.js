// Charts of a project's reports: one point per bucket of the project's own dates, so that the
// axis has the server's labels and no times of the browser. A bucket that is not over is dashed.
//
// The data is JSON in the page: {labels, edges, complete, lines: [{name, values, dashed}], marks}; `edges` are the times
// between the buckets and at their ends, `marks` the annotations; a chart without times has neither.

import { annotationMarks, textsBetween } from "../lib/annotation_marks.js";
import { chartTip } from "../lib/chart_tip.js";
import { element } from "../lib/dom.js";
import { axisTexts, dayFormat, UNKNOWN } from "../lib/format.js";
import { plotOptions, strokes, translucent, uPlot } from "../lib/plot.js";
import { t } from "../lib/texts.js";
import { onThemeChange } from "../lib/theme.js";

const HEIGHT = 240;

// Steps between the ticks of an axis that counts.
const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

// Labels are dates of the project's zone, without one.
const DAY = dayFormat("UTC");

// Returns a day as "23 Nov", and an hour as "14:00"; the first hour of a day has the day.
const shortLabel = (label) => {
  const [date, clock] = label.split("T");
  return clock && !clock.startsWith("00:00") ? clock.slice(0, 5) : DAY.format(new Date(date));
};

const longLabel = (label) => label.slice(0, 16).replace("T", " ");

const valueText = (value) =>
  value === null || value === undefined ? UNKNOWN : value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });

const createChart = (figure) => {
  const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const field = figure.querySelector(".bucket-field");
  const { edges = [], marks = [] } = data;
  const hidden = new Set();
  const places = data.labels.map((_, index) => index);
  const firstOpen = data.complete.indexOf(false);
  let plot = null;

  // A line of the period before has the colour of its line.
  const colours = () => {
    const all = strokes(data.lines.length);
    return data.lines.map(({ colour }, index) => all[colour ?? index]);
  };

  // Each line is drawn twice: whole buckets, and dashed from the last whole one on.
  const rows = () =>
    data.lines.flatMap(({ values }) => {
      if (firstOpen < 0) return [values, values.map(() => null)];
      return [
        values.map((value, index) => (index < firstOpen ? value : null)),
        values.map((value, index) => (index >= firstOpen - 1 ? value : null)),
      ];
    });

  const series = () => {
    const isAlone = data.lines.length === 1;
    return colours().flatMap((stroke, index) => {
      const { name, dashed } = data.lines[index];
      const common = { ...stroke, width: 1.75, label: name, show: !hidden.has(index) };
      const fill = isAlone || index === 0 && data.lines.length === 2 ? translucent(stroke.stroke, 0.1) : undefined;
      const points = { show: data.labels.length <= 31, size: 5, fill: stroke.stroke };
      return [
        { ...common, fill, points, dash: dashed ? [3, 4] : stroke.dash },
        { ...common, points, dash: [5, 4] },
      ];
    });
  };

  const rowsAt = (index) => {
    const drawn = colours();
    return data.lines
      .map(({ name, values }, at) => ({ at, name, colour: drawn[at].stroke, text: valueText(values[index]) }))
      .filter(({ at }) => !hidden.has(at));
  };

  const titleAt = (index) => {
    const happened = textsBetween(marks, edges[index], edges[index + 1]);
    const label = longLabel(data.labels[index]) + (data.complete[index] ? "" : ` (${t("not over")})`);
    return [label, ...happened].join(" · ");
  };

  // A mark stands at the bucket in which it happened.
  const bucketOf = (time_ms) => edges.findLastIndex((edge) => edge <= time_ms);

  const options = () => {
    const isCount = data.lines.every(({ values }) => values.every((value) => value === null || Number.isInteger(value)));
    const valueAxis = { size: 54, incrs: isCount ? WHOLE_STEPS : undefined, values: (_plot, ticks) => axisTexts(ticks) };
    const base = plotOptions(field, { height: HEIGHT, sync: figure.dataset.chart, zoom: () => {}, valueAxis });
    const [time, value] = base.axes;
    return {
      ...base,
      cursor: { ...base.cursor, drag: { x: false, y: false } },
      axes: [
        { ...time, incrs: [1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 100, 200, 500, 1000], values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) && data.labels[tick] !== undefined ? shortLabel(data.labels[tick]) : "")) },
        value,
      ],
      scales: {
        x: { time: false, range: (_plot, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
        y: { range: (_plot, low, high) => [Math.min(0, low * 1.1), high > 0 ? high * 1.1 : 1] },
      },
      series: [{}, ...series()],
      plugins: [annotationMarks(() => marks, () => base.axes[0].stroke, bucketOf), chartTip(rowsAt, titleAt)],
    };
  };

  const legend = () => {
    const list = element("ul", "bucket-legend");
    const drawn = colours();
    data.lines.forEach(({ name, dashed }, index) => {
      const button = element("button");
      const key = element("i");
      key.style.color = drawn[index].stroke;
      if (dashed) key.className = "dashed";
      button.type = "button";
      button.setAttribute("aria-pressed", String(!hidden.has(index)));
      button.append(key, element("span", "", name));
      button.addEventListener("click", () => {
        if (!hidden.delete(index)) hidden.add(index);
        build();
        figure.querySelectorAll(".bucket-legend button")[index].focus();
      });
      const item = element("li");
      item.append(button);
      list.append(item);
    });
    return list;
  };

  const build = () => {
    plot?.destroy();
    figure.querySelector(".bucket-legend")?.remove();
    figure.querySelector("figcaption").append(legend());
    plot = new uPlot(options(), [places, ...rows()], field);
  };

  build();
  onThemeChange(build);
  new ResizeObserver(() => plot.setSize({ width: field.clientWidth, height: HEIGHT })).observe(field);
};

document.querySelectorAll("[data-chart]").forEach(createChart);
