// One chart of a host: lines or stacked areas, a legend that hides lines, values under the cursor.

import { annotationMarks, textsBetween } from "../lib/annotation_marks.js";
import { chartTip } from "../lib/chart_tip.js";
import { element } from "../lib/dom.js";
import { durationText, tickLabels, timeText, UNITS, UNKNOWN } from "../lib/format.js";
import { colour, plotOptions, strokes, translucent, uPlot } from "../lib/plot.js";
import { t, tn } from "../lib/texts.js";
import { busyLines, comparedRows, drawnRows } from "./chart_data.js";
import { momentMark } from "./moment_mark.js";

const HEIGHT = 168;

// The name of a line: a text, or the value of a label before a text, such as "eth0 in".
const lineText = (name) => {
  const [label, text] = name.split(/ (.*)/, 2);
  return text && t(name) === name ? `${label} ${t(text)}` : t(name);
};

// Steps between the ticks of an axis in KiB, MiB, …: powers of two.
const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

// The same for bytes per second: whole numbers.
const WHOLE_STEPS = Array.from({ length: 18 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

const stepsOf = (unit) => {
  if (unit === "bytes") return BINARY_STEPS;
  return unit === "bytes_per_s" ? WHOLE_STEPS : undefined;
};

const valueRange = (chart) => (_plot, low, high) => {
  if (chart.unit === "celsius") return [Math.min(20, low - 5), Math.max(60, high + 5)];
  if (chart.full) return [0, 1];
  if (chart.key === "cpu") return [Math.min(0, low * 1.1), Math.min(1, Math.max(0.1, high * 1.1))];
  const top = Math.max(high * 1.1, 0);
  const bottom = Math.min(0, low * 1.1);
  return [bottom, top > bottom ? top : bottom + 1];
};

// A chart in the page.
//   view: what all charts of the page share: `times()` and `start()` of the samples in seconds, `annotations()`,
//   `moment()`, the {time_ms, window_ms} that was picked, or null; `compare()`, what is compared, such as "1d";
//   `zoom(start_s, end_s)`, `reset()`, `pick(time_s)`, and `explore(queries)`, a link to the Explore page.
export const createChart = (chart, hidden, view) => {
  const unit = UNITS[chart.unit];
  const isMirrored = chart.lines.some((line) => line.mirrored);
  const isHidden = (line) => hidden.has(line.name);
  const figure = element("figure", "chart");
  const caption = element("figcaption");
  const field = element("div", "chart-field");
  const name = t(chart.title);
  const title = element("a", "", name);
  title.title = t("Open in Explore");
  title.href = view.explore(chart.queries);
  const heading = element("h4");
  heading.append(title);
  caption.append(heading);
  if (chart.window_ms) caption.append(element("span", "faint", t("%(window)s average", { window: durationText(chart.window_ms) })));
  if (chart.left_out) caption.append(element("span", "faint", tn("%(count)s more line is left out", "%(count)s more lines are left out", chart.left_out)));
  figure.append(caption, field);
  field.tabIndex = 0;
  field.setAttribute("role", "group");
  field.setAttribute("aria-label", t("%(name)s: arrow keys read it, Enter shows what changed, Shift and arrow keys with Enter zoom", { name }));
  let lines = busyLines(chart.lines);
  let plot = null;

  const compared = () => comparedRows(lines, { stacked: chart.stacked, isHidden });

  const data = () => [
    view.times(),
    ...drawnRows(lines, { stacked: chart.stacked, isHidden }),
    ...compared().map(({ row }) => row),
  ];

  const series = () => {
    const alpha = chart.stacked ? 0.42 : lines.length === 1 ? 0.14 : 0;
    return strokes(lines.length).map((stroke, index) => ({
      ...stroke,
      label: lineText(lines[index].name),
      show: !isHidden(lines[index]),
      fill: alpha ? translucent(stroke.stroke, alpha) : undefined,
      points: { show: false },
    }));
  };

  const comparedSeries = () => {
    const colours = strokes(lines.length);
    const faint = colour("--ink-faint");
    return compared().map(({ index, name }) => ({
      stroke: index === null ? faint : colours[index].stroke,
      width: 1, dash: [3, 3], label: t("%(name)s, earlier", { name: lineText(name) }), points: { show: false },
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
      .map((line, at) => ({ line, name: lineText(line.name), colour: colours[at].stroke, value: line.values[index] }))
      .filter(({ line }) => !isHidden(line))
      .map((row) => ({ ...row, text: row.value === null ? UNKNOWN : unit.text(row.value) }));
    const now = chart.stacked ? rows.reverse() : rows;
    const earlier = compared().map(({ index: at, name, row }) => ({
      name: view.compare() === "1w" ? t("%(name)s a week before", { name: lineText(name) }) : t("%(name)s a day before", { name: lineText(name) }),
      colour: at === null ? colour("--ink-faint") : colours[at].stroke,
      text: row[index] === null ? UNKNOWN : unit.text(Math.abs(row[index])),
    }));
    return [...now, ...earlier];
  };

  // The time, and what happened in the step that begins there.
  const tipTitle = (index) => {
    const times = view.times();
    const [time_ms, step_ms] = [times[index] * 1000, (times[1] - times[0]) * 1000];
    const happened = textsBetween(view.annotations(), time_ms, time_ms + step_ms);
    return [timeText(new Date(time_ms)), ...happened].join(" · ");
  };

  // ---- keys: the cursor's place, and where a part to zoom into begins ----

  let place = null;
  let begin = null;

  const showCursor = () => {
    const { width, height } = plot.over.getBoundingClientRect();
    const left = plot.valToPos(view.times()[place], "x");
    plot.setCursor({ left, top: height / 2 });
    if (begin === null) plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    else {
      const from = plot.valToPos(view.times()[begin], "x");
      plot.setSelect({ left: Math.min(from, left), width: Math.min(width, Math.abs(left - from)), top: 0, height }, false);
    }
  };

  const move = (steps, selects) => {
    const times = view.times();
    const first = Math.max(0, times.findIndex((time_s) => time_s >= view.start()));
    place ??= times.length - 1;
    if (selects) begin ??= place;
    else begin = null;
    place = Math.max(first, Math.min(times.length - 1, place + steps));
    showCursor();
  };

  const confirm = () => {
    const times = view.times();
    if (begin !== null && begin !== place) view.zoom(...[times[begin], times[place]].sort((a, b) => a - b));
    else if (place !== null) view.pick(times[place]);
  };

  const keys = {
    ArrowLeft: (event) => move(event.ctrlKey ? -10 : -1, event.shiftKey),
    ArrowRight: (event) => move(event.ctrlKey ? 10 : 1, event.shiftKey),
    Home: (event) => move(-Infinity, event.shiftKey),
    End: (event) => move(Infinity, event.shiftKey),
    Enter: confirm,
    Escape: () => {
      if (begin === null) view.reset();
      begin = null;
      if (place !== null) showCursor();
    },
  };
  field.addEventListener("keydown", (event) => {
    if (!plot || event.target !== field || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key](event);
  });

  const options = () => {
    const base = plotOptions(field, {
      height: HEIGHT,
      sync: "host",
      zoom: view.zoom,
      valueAxis: {
        // At 26 px a chart with lines on both sides of zero has a tick on each of them.
        size: 62, space: 26,
        incrs: stepsOf(chart.unit),
        values: (_plot, ticks) => tickLabels(isMirrored ? ticks.map(Math.abs) : ticks, unit),
      },
    });
    const drawn = series();
    return {
      ...base,
      pxAlign: 1,
      cursor: {
        ...base.cursor,
        sync: { ...base.cursor.sync, scales: ["x", null] },
        bind: { dblclick: () => () => { view.reset(); return null; } },
      },
      scales: {
        x: { time: true, range: (_plot, low, high) => [Math.max(low, view.start()), high] },
        y: { range: valueRange(chart) },
      },
      series: [{}, ...drawn, ...comparedSeries()],
      bands: chart.stacked ? bands(drawn) : undefined,
      plugins: [
        annotationMarks(view.annotations, ({ kind }) => (kind === "alert" ? colour("--critical") : base.axes[0].stroke)),
        momentMark(view.moment, view.pick, () => colour("--focus")),
        chartTip(rowsAt, tipTitle),
      ],
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
      const text = lineText(line.name);
      // A name without a translation is the value of a label.
      button.append(key, text === line.name ? element("bdi", "", text) : text);
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
    redraw: () => plot?.redraw(false),
    resize: () => plot?.setSize({ width: field.clientWidth, height: HEIGHT }),
    destroy: () => plot?.destroy(),
  };
};
