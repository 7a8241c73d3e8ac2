// The metrics explorer: names with type, help and number of series; labels and values of one metric.

import { dataElement, element } from "../lib/dom.js";
import { t, tn } from "../lib/texts.js";
import { answerOf, labelNames, labelValues, latestOf, METADATA, METRIC_NAMES, MOST_NAMES, SERIES_COUNTS } from "./series.js";

const MOST_SHOWN = 40;
const MOST_LABELS = 30;
const MOST_VALUES = 8;
const SUFFIX = /_(total|sum|count|bucket)$/;

const isPlain = (name) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
const selectorOf = (name) => (isPlain(name) ? name : `{${JSON.stringify(name)}}`);

// A first query of a metric, by its type.
export const firstQuery = (name, type) => {
  const selector = selectorOf(name);
  if (name.endsWith("_bucket")) return `histogram_quantile(0.95, sum by (le) (rate(${selector}[5m])))`;
  if (type === "counter" || /_(total|sum|count)$/.test(name)) return `rate(${selector}[5m])`;
  if (type === "histogram" || type === "gaugehistogram") return `histogram_quantile(0.95, sum(rate(${selector}[5m])))`;
  return selector;
};

const loadMetrics = async () => {
  const [names, families, status] = await Promise.all([
    answerOf(METRIC_NAMES), answerOf(METADATA), latestOf(SERIES_COUNTS).catch(() => null),
  ]);
  const counts = new Map((status?.seriesCountByMetricName ?? []).map(({ name, value }) => [name, value]));
  return names.map((name) => {
    const family = families[name]?.[0] ?? families[name.replace(SUFFIX, "")]?.[0];
    return { name, type: family?.type ?? "", help: family?.help ?? "", unit: family?.unit ?? "", series: counts.get(name) ?? null };
  });
};

const rank = ({ name, help }, words) => {
  if (!words.every((word) => name.toLowerCase().includes(word) || help.toLowerCase().includes(word))) return Infinity;
  return words.every((word) => name.toLowerCase().includes(word)) ? (words[0] && name.startsWith(words[0]) ? 0 : 1) : 2;
};

const labelsOf = async (name) => {
  const selector = selectorOf(name);
  const labels = (await latestOf(labelNames(selector))).filter((label) => label !== "__name__").slice(0, MOST_LABELS);
  return Promise.all(labels.map(async (label) => ({ label, values: await latestOf(labelValues(label, selector)) })));
};

const showLabels = async (box, name, use) => {
  box.replaceChildren(element("p", "faint", t("Loading…")));
  try {
    const found = await labelsOf(name);
    const list = element("dl", "metric-labels");
    for (const { label, values } of found.sort((a, b) => b.values.length - a.values.length)) {
      const shown = element("dd");
      for (const value of values.slice(0, MOST_VALUES)) {
        const button = dataElement("button", "metric-value", value);
        button.type = "button";
        button.title = t('Query %(name)s with %(label)s="%(value)s"', { name, label, value });
        button.addEventListener("click", () => use(`${selectorOf(name).replace(/\}$/, ", ").replace(/^([^{]*)$/, "$1{")}${label}=${JSON.stringify(value)}}`, "graph"));
        shown.append(button);
      }
      if (values.length > MOST_VALUES) shown.append(element("span", "faint", t("and %(count)s more", { count: values.length - MOST_VALUES })));
      const term = dataElement("dt", "", label);
      term.append(element("span", "faint", ` ${tn("%(count)s value", "%(count)s values", values.length)}`));
      list.append(term, shown);
    }
    box.replaceChildren(found.length ? list : element("p", "faint", t("No labels.")));
  } catch (error) {
    box.replaceChildren(element("p", "problem", error.message));
  }
};

const action = (text, name, act) => {
  const button = element("button", "link", text);
  button.type = "button";
  button.setAttribute("aria-label", name);
  button.addEventListener("click", act);
  return button;
};

const itemOf = ({ name, type, help, unit, series }, use) => {
  const item = element("li");
  const box = element("details");
  const summary = element("summary");
  const title = element("code", "metric-name", name);
  const facts = [type, unit, series === null ? "" : tn("%(count)s series", "%(count)s series", series)].filter(Boolean).join(" · ");
  summary.append(title, element("span", "faint metric-facts", facts), ...(help ? [dataElement("span", "metric-help", help)] : []));
  const bar = element("p", "metric-actions");
  bar.append(action(t("Query"), t("Query %(name)s", { name }), () => use(firstQuery(name, type), "graph")));
  if (name.endsWith("_bucket")) bar.append(action(t("Heat map"), t("Heat map of %(name)s", { name }), () => use(`sum by (le) (rate(${selectorOf(name)}[5m]))`, "heatmap")));
  bar.append(action(t("Count series"), t("Count the series of %(name)s", { name }), () => use(`count(${selectorOf(name)})`, "table")));
  const labels = element("div");
  box.addEventListener("toggle", () => box.open && !labels.hasChildNodes() && showLabels(labels, name, use));
  box.append(summary, bar, labels);
  item.append(box);
  return item;
};

//   use(query, view): called to run a query.
export const createMetricsExplorer = (section, use) => {
  const [search, list, note] = ["input", "ul", "[role=status]"].map((selector) => section.querySelector(selector));
  let metrics = null;

  const show = () => {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = metrics.map((metric) => ({ metric, at: rank(metric, words) })).filter(({ at }) => at < Infinity)
      .sort((a, b) => a.at - b.at || (a.metric.name < b.metric.name ? -1 : 1));
    list.replaceChildren(...found.slice(0, MOST_SHOWN).map(({ metric }) => itemOf(metric, use)));
    const counted = tn("%(count)s metric", "%(count)s metrics", found.length);
    if (found.length <= MOST_SHOWN) note.textContent = counted;
    else if (metrics.length < MOST_NAMES) note.textContent = t("%(shown)s of %(counted)s; type to find more.", { shown: MOST_SHOWN, counted });
    else note.textContent = t("%(shown)s of at least %(counted)s; type to find more.", { shown: MOST_SHOWN, counted });
  };

  search.addEventListener("input", () => metrics && show());
  return {
    load: async () => {
      if (metrics) return;
      try {
        metrics = await loadMetrics();
        show();
      } catch (error) {
        note.textContent = t("The metrics could not be read: %(error)s", { error: error.message });
      }
    },
  };
};
