// A time series panel: lines over time with a legend; all of a page share one cursor.

import { annotationMarks, textsBetween } from "../lib/annotation_marks.js";
import { chartTip } from "../lib/chart_tip.js";
import { element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { colourOf, plotOptions, strokes, translucent, uPlot } from "../lib/plot.js";
import { t } from "../lib/texts.js";
import { onThemeChange } from "../lib/theme.js";
import { shownValue, styleOf, titleOf } from "./fields.js";
import { legendOf } from "./legend.js";
import { linkTo } from "./links.js";
import { fillColour, unitText } from "./units.js";

const MOST_LINES = 100;
const MOST_IN_TIP = 12;
const LEAST_HEIGHT = 60;
const STACK_FILL = 35;

// Steps of an axis in bytes: powers of two, and halves between them.
const BINARY_STEPS = Array.from({ length: 70 }, (_, power) => 2 ** power);
const IN_BINARY = new Set(["bytes", "kbytes", "mbytes", "binBps", "bits", "binbps"]);

const finite = (value) => (typeof value === "number" && Number.isFinite(value) ? value : null);

const isSameGrid = (a, b) => a.step_s === b.step_s && a.start_s === b.start_s && a.points === b.points;

// All results on the grid of the finest one: queries may have steps of their own.
const linesOfResults = (results) => {
  const grid = results.reduce((a, b) => (b.grid.step_s < a.grid.step_s ? b : a)).grid;
  const times = Array.from({ length: grid.points }, (_, index) => grid.start_s + index * grid.step_s);
  const onGrid = (values, own) => times.map((time_s) => {
    const at = (time_s - own.start_s) / own.step_s;
    return Math.abs(at - Math.round(at)) * own.step_s < grid.step_s / 2 ? finite(values[Math.round(at)] ?? null) : null;
  });
  const lines = results.flatMap(({ query, series, grid: own }) => series.map(({ name, metric, values }) => ({
    field: { name, ref: query.ref, type: "number", labels: metric },
    values: isSameGrid(own, grid) ? values.map(finite) : onGrid(values, own),
  })));
  return { times, lines };
};

// Transformed tables: each column of numbers is a line over the times of its table.
const linesOfFrames = (frames) => {
  const timed = frames.filter(({ fields }) => fields.some(({ type }) => type === "time"));
  const times = [...new Set(timed.flatMap(({ fields }) => fields.find(({ type }) => type === "time").values))].sort((a, b) => a - b);
  const lines = timed.flatMap(({ fields }) => {
    const places = new Map(fields.find(({ type }) => type === "time").values.map((time_s, at) => [time_s, at]));
    return fields.filter(({ type }) => type === "number").map((field) => ({ field, values: times.map((time_s) => finite(field.values[places.get(time_s)] ?? null)) }));
  });
  return { times: times.length ? times : [0], lines };
};

// Fields of one group and one sign stand on each other.
const stackOf = (style) => `${style.right ? "right" : "left"} ${style.stack_group ?? "A"} ${style.negative ? "-" : "+"} `;

// What is drawn: negated values below zero, and stacks: each line on those of its sign below it.
const drawnRows = (lines) => {
  const totals = new Map();
  const sumOf = (style, at, value) => {
    const key = `${stackOf(style)}${at}`;
    totals.set(key, (totals.get(key) ?? 0) + value);
    return totals.get(key);
  };
  const isPart = ({ style }, stack) => style.stacking === "percent" && stackOf(style) === stack;
  const wholes = new Map(lines.filter(({ style }) => style.stacking === "percent").map(({ style }) => {
    const stack = stackOf(style);
    const parts = lines.filter((line) => isPart(line, stack));
    return [stack, lines[0].values.map((_, at) => parts.reduce((sum, { values }) => sum + (values[at] ?? 0), 0))];
  }));
  return lines.map(({ style, values }) => values.map((value, at) => {
    if (value === null) return null;
    const signed = style.negative ? -value : value;
    if (style.stacking === "percent") {
      const whole = wholes.get(stackOf(style))[at];
      return whole ? sumOf(style, at, signed / whole) : 0;
    }
    return style.stacking === "normal" ? sumOf(style, at, signed) : signed;
  }));
};

// Each line of a stack covers the area down to the line below it.
const bandsOf = (lines) => {
  const last = new Map();
  return lines.flatMap(({ style }, index) => {
    if (!style.stacking || style.stacking === "none") return [];
    const stack = stackOf(style);
    const below = last.get(stack);
    last.set(stack, index + 1);
    return below ? [{ series: [index + 1, below], dir: style.negative ? 1 : -1 }] : [];
  });
};

const rangeOf = (styles) => {
  const pick = (name, choose) => {
    const found = styles.map((style) => style[name]).filter((value) => value !== null && value !== undefined);
    return found.length ? found.reduce((a, b) => choose(a, b)) : null;
  };
  const [min, max, softMin, softMax] = [pick("min", Math.min), pick("max", Math.max), pick("soft_min", Math.min), pick("soft_max", Math.max)];
  const isBelow = styles.some(({ negative }) => negative);
  return (_plot, low, high) => {
    const [bottom, top] = low === null ? [0, 1] : uPlot.rangeNum(Math.min(low, softMin ?? low), Math.max(high, softMax ?? high), 0.1, true);
    const range = [isBelow ? bottom : min ?? bottom, max ?? top];
    return range[0] < range[1] ? range : [range[0] - 1, range[0] + 1];
  };
};

const PATHS = {
  "step-after": () => uPlot.paths.stepped({ align: 1 }), "step-before": () => uPlot.paths.stepped({ align: -1 }), smooth: () => uPlot.paths.spline(),
};

const pathOf = ({ draw, curve }) => {
  if (draw === "bars") return { paths: uPlot.paths.bars({ size: [0.6, 40] }) };
  if (draw === "points") return { paths: () => null };
  return PATHS[curve] ? { paths: PATHS[curve]() } : {};
};

const seriesOf = ({ style, colour, scale }, base, isShown) => {
  const isStacked = style.stacking && style.stacking !== "none";
  const fill = style.fill ?? (isStacked ? STACK_FILL : style.draw === "bars" ? 60 : 0);
  return {
    ...base, stroke: colour, scale, show: isShown, spanGaps: Boolean(style.span_gaps), width: style.draw === "points" ? 0 : style.width ?? base.width,
    dash: style.dashed ? [6, 4] : style.color ? undefined : base.dash, ...pathOf(style),
    fill: fill ? translucent(colour, Math.max(isStacked ? 0.2 : 0, fill / 100)) : undefined,
    points: style.draw === "points" ? { show: true, size: 5, fill: colour } : { show: (_plot, _series, from, to) => to - from < 2, size: 4 },
  };
};

// As wide as the longest label; the plot asks again after it has laid out the axes.
const axisWidth = (plot, values, axis, cycle) => {
  if (cycle > 1) return plot.axes[axis]._size;
  const longest = (values ?? []).reduce((most, text) => Math.max(most, text.length), 0);
  return Math.min(120, Math.max(36, Math.ceil(longest * 6.3) + 12));
};

const axisOf = (style, base, side) => {
  const text = unitText(style.unit, style.decimals);
  return {
    ...base, side, scale: side === 1 ? "right" : "y", size: axisWidth, space: 32, values: (_plot, ticks) => ticks.map(text),
    ...(IN_BINARY.has(style.unit) ? { incrs: BINARY_STEPS } : {}),
    ...(style.axis_label ? { label: style.axis_label, labelSize: 16, labelGap: 0, labelFont: base.font } : {}),
    ...(side === 1 ? { grid: { show: false } } : {}),
  };
};

const scaleOf = (styles) => ({ range: rangeOf(styles), ...(styles[0]?.log_base ? { distr: 3, log: styles[0].log_base, range: undefined } : {}) });

const styledLines = (panel, { results, frames }, scope) => {
  const { times, lines } = panel.transformations.length ? linesOfFrames(frames) : linesOfResults(results);
  const styled = lines.map(({ field, values }) => {
    const style = styleOf(panel, field);
    if (panel.stacked && !style.stacking) style.stacking = "normal";
    return { field, values, style, name: titleOf(style, field, scope), scale: style.right ? "right" : "y" };
  });
  return { times, lines: styled };
};

const colouredLines = (lines, bases) => lines.map((line, index) => {
  const { colour } = line.style.color ? shownValue({ ...line.style, mappings: [] }, line.values.find((value) => value !== null) ?? 0) : { colour: null };
  return { ...line, colour: colour && line.style.color !== "text" ? colourOf(fillColour(colour)) : bases[index].stroke };
});

const optionsOf = (canvas, { panel, lines, times, shown, bases, tip, marks, height, zoom }) => {
  const left = lines.filter(({ scale }) => scale === "y");
  const right = lines.filter(({ scale }) => scale === "right");
  const base = plotOptions(canvas, { height, sync: "dashboard", zoom, valueAxis: {} });
  const first = (group) => group[0]?.style ?? styleOf(panel, { name: "", ref: "", labels: {} });
  return {
    ...base,
    axes: [base.axes[0], axisOf(first(left.length ? left : lines), base.axes[1], 3), ...(right.length ? [axisOf(first(right), base.axes[1], 1)] : [])],
    scales: {
      x: { time: true, range: () => [times[0], Math.max(times.at(-1), times[0] + 1)] }, y: scaleOf(left.map(({ style }) => style)),
      ...(right.length ? { right: scaleOf(right.map(({ style }) => style)) } : {}),
    },
    series: [{}, ...lines.map((line, index) => seriesOf(line, bases[index], shown[index]))],
    bands: bandsOf(lines),
    plugins: [tip, marks],
  };
};

const tipOf = (lines, shown, times, context) => {
  const step_ms = times.length > 1 ? (times[1] - times[0]) * 1000 : 60000;
  return chartTip(
    (index) => {
      const texts = textsBetween(context.annotations ?? [], times[index] * 1000, times[index] * 1000 + step_ms);
      const rows = lines.map(({ name, colour, style, values }, line) => ({ name, colour, style, value: values[index], isShown: shown[line] }))
        .filter(({ value, isShown }) => isShown && value !== null).sort((a, b) => b.value - a.value).slice(0, MOST_IN_TIP)
        .map((row) => ({ ...row, text: shownValue(row.style, row.value).text }));
      return [...rows, ...texts.map((text) => ({ name: text, colour: "transparent", text: "" }))];
    },
    (index) => timeText(new Date(times[index] * 1000)),
  );
};

const dataLinks = (lines, context) => {
  const links = lines.slice(0, MOST_IN_TIP).flatMap(({ field, style, values }) => (style.links ?? []).map((link) => linkTo(link, context, field, { value: values.at(-1), text: "" })));
  if (!links.length) return null;
  const seen = new Set();
  const list = element("p", "dash-links");
  list.append(...links.filter((link) => !seen.has(link.href ?? link.textContent) && seen.add(link.href ?? link.textContent)).slice(0, 5));
  return list;
};

// Returns a function that removes the graph.
//   context.zoom(start_s, end_s): called when the reader has dragged across a range.
export const drawGraph = (body, panel, data, context) => {
  const { times, lines: all } = styledLines(panel, data, context.scope);
  const lines = all.slice(0, MOST_LINES);
  const canvas = element("div", "dash-canvas");
  const shown = lines.map(({ style }) => !style.hidden);
  const rows = drawnRows(lines);
  let plot = null;
  const legend = legendOf(panel, lines, shown, (index) => {
    shown[index] = !shown[index];
    plot.setSeries(index + 1, { show: shown[index] });
    return shown[index];
  });
  const note = all.length > MOST_LINES ? element("p", "faint dash-note", t("%(most)s of %(count)s series are drawn.", { most: MOST_LINES, count: all.length })) : null;
  const box = element("div", panel.legend && panel.legend_place === "right" ? "dash-graph has-legend-right" : "dash-graph");
  box.append(...[canvas, panel.legend ? legend.list : null].filter(Boolean));
  body.replaceChildren(...[box, note, dataLinks(lines, context)].filter(Boolean));

  const height = () => Math.max(LEAST_HEIGHT, canvas.clientHeight);

  const build = () => {
    plot?.destroy();
    const bases = strokes(lines.length);
    const coloured = colouredLines(lines, bases);
    legend.paint(coloured);
    const marks = annotationMarks(() => context.annotations ?? [], () => colourOf("var(--ink-faint)"));
    const tip = tipOf(coloured, shown, times, context);
    plot = new uPlot(optionsOf(canvas, { panel, lines: coloured, times, shown, bases, tip, marks, height: height(), zoom: context.zoom }), [times, ...rows], canvas);
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
