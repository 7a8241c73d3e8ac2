// A range query's result as a heat map: the buckets of a classic histogram over time.

import { element } from "../lib/dom.js";
import { drawHeatMap } from "../dashboards/timelines.js";
import { t } from "../lib/texts.js";
import { seriesText } from "./labels.js";

const PLAIN = { unit: "", decimals: null };

const gridded = (samples, { start_s, step_s, points }) => {
  const values = new Array(points).fill(null);
  for (const [time_s, text] of samples) values[Math.round((time_s - start_s) / step_s)] = Number(text);
  return values;
};

export const showHeatMap = (field, result, grid) => {
  if (!result.length) {
    field.replaceChildren(element("p", "faint nothing", t("No series match.")));
    return;
  }
  const series = result.map(({ metric, values = [] }) => ({ metric, name: seriesText(metric), values: gridded(values, grid) }));
  const box = element("div", "query-heat");
  const isHistogram = series.every(({ metric }) => metric.le !== undefined);
  drawHeatMap(box, PLAIN, { results: [{ series, grid }] });
  const note = isHistogram ? t("Each row is a bucket; the darker, the more observations.") : t("These series are no buckets of a histogram: each is a row.");
  field.replaceChildren(element("p", "faint", note), box);
};
