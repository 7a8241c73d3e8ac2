// The labels of a result's series: which they share and which differ.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";

// `shared`: [name, value] pairs that all series have; `differing`: the names of the other labels,
// the metric's first.
export const splitLabels = (metrics) => {
  const names = [...new Set(metrics.flatMap((metric) => Object.keys(metric)))];
  const shared = names.filter((name) => metrics.every((metric) => metric[name] === metrics[0][name]));
  const differing = names.filter((name) => !shared.includes(name)).sort((a, b) => (b === "__name__") - (a === "__name__") || (a < b ? -1 : 1));
  return { shared: shared.map((name) => [name, metrics[0][name]]), differing };
};

// A series as PromQL writes it, with all labels or those in `names`.
export const seriesText = (metric, names = Object.keys(metric)) => {
  const kept = names.filter((name) => name !== "__name__" && metric[name] !== undefined);
  const inner = kept.map((name) => `${name}=${JSON.stringify(metric[name])}`).join(", ");
  const name = names.includes("__name__") ? metric.__name__ ?? "" : "";
  return inner ? `${name}{${inner}}` : name || "{}";
};

// A line with the shared labels; null for one series, or if they share none.
export const sharedLine = (shared, count) => {
  if (count < 2 || !shared.length) return null;
  const line = element("p", "shared labels");
  line.append(element("span", "faint", t("All: ")));
  for (const [name, value] of shared) line.append(element("code", "", name === "__name__" ? value : `${name}=${value}`), " ");
  return line;
};
