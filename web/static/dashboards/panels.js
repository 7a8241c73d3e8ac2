// How each kind of panel is drawn. Graphs are part of the page; the other kinds are loaded with the
// first panel that needs them.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { framesOf } from "./frames.js";
import { drawGraph } from "./graph.js";

const numbers = () => import("./numbers.js");
const timelines = () => import("./timelines.js");

const DRAWN = {
  timeseries: () => drawGraph,
  stat: async () => (await numbers()).drawStat,
  gauge: async () => (await numbers()).drawGauge,
  bargauge: async () => (await numbers()).drawBars,
  piechart: async () => (await numbers()).drawPie,
  table: async () => (await import("./table.js")).drawTable,
  heatmap: async () => (await timelines()).drawHeatMap,
  "state-timeline": async () => (await timelines()).drawStates,
};

// Kinds without queries: `contents.js` fills them.
export const HAS_NO_QUERIES = new Set(["text", "alertlist", "dashlist", "events", "unsupported"]);

// Begins to load what panels are drawn with; what fails is tried again when a panel is drawn.
export const loadKinds = (panels) => {
  for (const panel of panels) if (panel.kind !== "row") loadDrawing(panel).catch(() => {});
};

// Loads what a panel is drawn with. Of a kind without queries, returns the function (body, panel,
// context) that fills it; of another one, the function (body, panel, results, context) that draws
// results and returns a function that removes what needs removing.
//   context: {scope, times, chosen, zoom, annotations}.
export const loadDrawing = async (panel) => {
  if (HAS_NO_QUERIES.has(panel.kind)) return (await import("./contents.js")).drawContents;
  const [draw, transformed] = await Promise.all([
    DRAWN[panel.kind](), panel.transformations.length ? import("./transformations.js").then((module) => module.transformed) : (frames) => frames,
  ]);
  return (body, _panel, results, context) => {
    const some = results.filter(({ series }) => series.length);
    if (!some.length) {
      body.replaceChildren(element("p", "faint dash-empty", t("No data")));
      return () => {};
    }
    const frames = transformed(framesOf(some), panel.transformations);
    return draw(body, panel, { results: some, frames }, context) ?? (() => {});
  };
};
