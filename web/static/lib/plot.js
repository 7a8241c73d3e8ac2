// What all graphs have in common: colours, axes, a shared cursor, dragging to zoom.

import { tickTexts, ZONE } from "./format.js";
import { onThemeChange } from "./theme.js";

// uPlot is a classic script: it is a global.
export const { uPlot } = globalThis;

const COLOURS = 8;
const LEAST_SELECTION_PX = 8;

// A canvas knows no custom properties: the browser computes the colour on a hidden element.
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);

// Until the theme changes: to compute a colour, the browser first brings the styles of the whole page up to
// date, and each chart needs dozens of colours.
const computed = new Map();
const forget = () => computed.clear();
// Before the charts listen, so that they are drawn in the new colours.
onThemeChange(forget);

// The colour that CSS makes of a text, as rgb(…).
export const colourOf = (text) => {
  if (!computed.has(text)) {
    probe.style.color = text;
    computed.set(text, getComputedStyle(probe).color);
  }
  return computed.get(text);
};

// The colour of one of the page's tokens.
export const colour = (property) => colourOf(`var(${property})`);

const FONT = getComputedStyle(document.body).fontFamily;

export const palette = () => Array.from({ length: COLOURS }, (_, index) => colour(`--line-${index + 1}`));

export const translucent = (rgb, alpha) => rgb.replace(/^rgba?\((\d+, \d+, \d+).*\)$/, `rgba($1, ${alpha})`);

// The colour and dash of each of `count` lines: more than eight repeat the colours, dashed.
export const strokes = (count) => {
  const colours = palette();
  return Array.from({ length: count }, (_, index) => {
    const round = Math.floor(index / COLOURS);
    return { stroke: colours[index % COLOURS], width: 1.25, dash: round ? [6, 2 + round] : undefined };
  });
};

// Steps of a time axis, in seconds. uPlot's own jump from 1 to 5 minutes, which leaves a narrow
// graph of ten minutes with a single label.
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 20, 30],
  ...[1, 2, 5, 10, 15, 20, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * 3600),
  ...[1, 2, 3, 5, 7, 10, 15, 30, 60, 90, 180, 365, 730].map((days) => days * 86400),
];

// uPlot's options for a graph over time in `field`.
//   sync: graphs with the same key share their cursor.
//   valueAxis: the options of the y axis.
//   zoom: called with the start and end, in seconds, of the range that the reader has dragged across.
export const plotOptions = (field, { height, sync, valueAxis, zoom }) => {
  const line = { stroke: colour("--chart-grid"), width: 1 };
  const axis = { stroke: colour("--ink-faint"), font: `11px ${FONT}`, gap: 3 };
  const zoomToSelection = (plot) => {
    const { left, width } = plot.select;
    if (width < LEAST_SELECTION_PX) return;
    const [start_s, end_s] = [left, left + width].map((x) => plot.posToVal(x, "x"));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    zoom(start_s, end_s);
  };
  return {
    // Where a day begins, on the axis.
    ...(ZONE ? { tzDate: (time_s) => uPlot.tzDate(new Date(time_s * 1000), ZONE) } : {}),
    width: field.clientWidth || 300,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: sync, setSeries: false },
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false },
    },
    axes: [
      {
        ...axis, grid: { show: false }, ticks: { ...line, size: 4 }, size: 24, space: 70, incrs: TIME_STEPS,
        values: (_plot, times_s, _axis, _space, step_s) => tickTexts(times_s, step_s),
      },
      { ...axis, grid: line, ticks: { show: false }, gap: 6, ...valueAxis },
    ],
    hooks: { setSelect: [zoomToSelection] },
  };
};
