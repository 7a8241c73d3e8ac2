// Draws a panel's results; each kind has a function that fills the panel's body.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { framesOf } from "./frames.js";
import { drawGraph } from "./graph.js";
import { drawBars, drawGauge, drawPie, drawStat } from "./numbers.js";
import { drawTable } from "./table.js";
import { drawHeatMap, drawStates } from "./timelines.js";
import { transformed } from "./transformations.js";

const DRAWN = {
  timeseries: drawGraph, stat: drawStat, gauge: drawGauge, bargauge: drawBars, piechart: drawPie, table: drawTable,
  heatmap: drawHeatMap, "state-timeline": drawStates,
};

// Draws results; returns a function that removes what needs removing.
//   context: {scope, times, chosen, zoom, annotations}.
export const drawPanel = (body, panel, results, context) => {
  const some = results.filter(({ series }) => series.length);
  if (!some.length) {
    body.replaceChildren(element("p", "faint dash-empty", t("No data")));
    return () => {};
  }
  const frames = transformed(framesOf(some), panel.transformations);
  return DRAWN[panel.kind](body, panel, { results: some, frames }, context) ?? (() => {});
};
