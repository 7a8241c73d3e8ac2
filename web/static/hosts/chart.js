// One chart of a host: lines or stacked areas, a legend that hides lines, values under the cursor.

import { annotationMarks, textsBetween } from "../lib/annotation_marks.js";
import { chartTip } from "../lib/chart_tip.js";
import { element } from "../lib/dom.js";
import { durationText, timeText, UNITS, UNKNOWN } from "../lib/format.js";
import { plotOptions, strokes, translucent, uPlot } from "../lib/plot.js";
import { busyLines, drawnRows } from "./chart_data.js";

const HEIGHT = 168;

// Steps between the ticks of an axis in KiB, MiB, …: powers of two.
const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

// The same for bytes per second: whole numbers, because the labels have no decimals.
const WHOLE_STEPS = Array.from({ length: 18 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

const stepsOf = (unit) => {
  if (unit === "bytes") return BINARY_STEPS;
  return unit === "bytes_per_s" ? WHOLE_STEPS : undefined;
};

const valueRange = (chart) => (_plot, low, high) => {
  if (chart.unit === "celsius") return [Math.min(20, low - 5), Math.max(60, high + 5)];
  if (chart.unit === "ratio" && chart.key !== "cpu") return [0, 1];
  if (chart.key === "cpu") return [Math.min(0, low * 1.1), Math.min(1, Math.max(0.1, high * 1.1))];
  const top = Math.max(high * 1.1, 0);
  const bottom = Math.min(0, low * 1.1);
  return [bottom, top > bottom ? top : bottom + 1];
};

// A chart in the page.
//   view: what all charts of the page share: `times()` and `start()` of the samples in seconds, `annotations()`,
//   `zoom(start_s, end_s)`, `reset()`, and `explore(queries)`, a link to the Explore page.
export const createChart = (chart, hidden, view) => {
  const unit = UNITS[chart.unit];
  const isHidden = (line) => hidden.has(line.name);
  const figure = element("figure", "chart");
  const caption = element("figcaption");
  const field = element("div", "chart-field");
  const title = element("a", "", chart.title);
  title.title = "Open in Explore";
  title.href = view.explore(chart.queries);
  const heading = element("h3");
  heading.append(title);
  caption.append(heading);
  if (chart.window_ms) caption.append(element("span", "faint", `${durationText(chart.window_ms)} average`));
  figure.append(caption, field);
  let lines = busyLines(chart.lines);
  let plot = null;

  const data = () => [view.times(), ...drawnRows(lines, { stacked: chart.stacked, isHidden })];

  const series = () => {
    const alpha = chart.stacked ? 0.42 : lines.length === 1 ? 0.14 : 0;
    return strokes(lines.length).map((stroke, index) => ({
      ...stroke,
      label: lines[index].name,
      show: !isHidden(lines[index]),
      fill: alpha ? translucent(stroke.stroke, alpha) : undefined,
      points: { show: false },
    }));
  };

  // Each stacked line is filled down to the line below it, a mirrored one up to the axis.
  const bands = (drawn) => {
    const visible = drawn.map((_, index) => index).filter((index) => drawn[index].show && !lines[index].mirrored);
    return visible.slice(1).map((index, below) => ({ series: [index + 1, visible[below] + 1], fill: drawn[index].fill }));
  };

  const rowsAt = (index) => {
    const colours = strokes(lines.length);
    const rows = lines
      .map((line, at) => ({ line, name: line.name, colour: colours[at].stroke, value: line.values[index] }))
      .filter(({ line }) => !isHidden(line))
      .map((row) => ({ ...row, text: row.value === null ? UNKNOWN : unit.text(row.value) }));
    return chart.stacked ? rows.reverse() : rows;
  };

  // The time, and what happened in the step that begins there.
  const tipTitle = (index) => {
    const times = view.times();
    const [time_ms, step_ms] = [times[index] * 1000, (times[1] - times[0]) * 1000];
    const happened = textsBetween(view.annotations(), time_ms, time_ms + step_ms);
    return [timeText(new Date(time_ms)), ...happened].join(" · ");
  };

  const options = () => {
    const base = plotOptions(field, {
      height: HEIGHT,
      sync: "host",
      zoom: view.zoom,
      valueAxis: {
        size: 62, space: 32,
        incrs: stepsOf(chart.unit),
        values: (_plot, ticks) => ticks.map((value) => unit.text(Math.abs(value)).replace(/\.0+(?= |$)/, "")),
      },
    });
    const drawn = series();
    return {
      ...base,
      pxAlign: 1,
      cursor: { ...base.cursor, bind: { dblclick: () => () => { view.reset(); return null; } } },
      scales: {
        x: { time: true, range: (_plot, low, high) => [Math.max(low, view.start()), high] },
        y: { range: valueRange(chart) },
      },
      series: [{}, ...drawn],
      bands: chart.stacked ? bands(drawn) : undefined,
      plugins: [annotationMarks(view.annotations, () => base.axes[0].stroke), chartTip(rowsAt, tipTitle)],
    };
  };

  const legend = () => {
    const list = element("ul", "chart-legend");
    const colours = strokes(lines.length);
    lines.forEach((line, index) => {
      const item = element("li");
      const button = element("button");
      const key = element("i");
      key.style.background = colours[index].stroke;
      button.type = "button";
      button.setAttribute("aria-pressed", String(!isHidden(line)));
      button.append(key, line.name);
      button.addEventListener("click", () => {
        if (!hidden.delete(line.name)) hidden.add(line.name);
        build();
      });
      item.append(button);
      list.append(item);
    });
    return list;
  };

  const build = () => {
    plot?.destroy();
    caption.querySelector("ul")?.remove();
    caption.append(legend());
    plot = new uPlot(options(), data(), field);
  };

  return {
    figure,
    build,
    // Draws samples that were appended to the chart's lines.
    update: () => {
      const busy = busyLines(chart.lines);
      const isSame = busy.length === lines.length && busy.every((line, at) => line === lines[at]);
      lines = busy;
      if (isSame) plot.setData(data());
      else build();
    },
    resize: () => plot?.setSize({ width: field.clientWidth, height: HEIGHT }),
    destroy: () => plot?.destroy(),
  };
};
