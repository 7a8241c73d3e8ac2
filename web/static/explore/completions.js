// Completions of a query: words of PromQL, and metrics, labels and values that the server knows.

import { t } from "../lib/texts.js";
import { DURATIONS, MATCH_OPERATORS, WORDS } from "./promql.js";

const MOST_SHOWN = 60;
const MOST_NAMES = 5000;
const KEPT_MS = 60000;

// ---- what the server knows: each answer is kept for a minute ----

const answers = new Map();

const get = (path) => {
  if (!answers.has(path)) {
    const answer = fetch(path, { headers: { Accept: "application/json" } })
      .then(async (response) => (response.ok ? (await response.json()).data : []))
      .catch(() => []);
    answers.set(path, answer);
    setTimeout(() => answers.delete(path), KEPT_MS);
  }
  return answers.get(path);
};

// `selector` restricts an answer to the series that it matches, "" to none.
const parametersFor = (selector) => {
  const parameters = new URLSearchParams({ limit: String(MOST_NAMES) });
  if (selector) parameters.set("match[]", selector);
  return parameters;
};

const metricNames = () => get(`/api/v1/label/__name__/values?${parametersFor("")}`);
const metadata = () => get("/api/v1/metadata?limit_per_metric=1");
const labelNames = (selector) => get(`/api/v1/labels?${parametersFor(selector)}`);
const labelValues = (label, selector) =>
  get(`/api/v1/label/${encodeURIComponent(label)}/values?${parametersFor(selector)}`);

// ---- candidates: {name, tag, detail, insert} ----

const PLAIN_LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const PLAIN_METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

const wordCandidates = (...kinds) =>
  [...WORDS.values()].filter((word) => kinds.includes(word.kind)).map((word) => ({
    name: word.name,
    tag: t(word.kind),
    detail: `${word.signature}: ${t(word.text)}`,
    insert: word.kind === "keyword" ? `${word.name} ` : `${word.name}(`,
  }));

const metricCandidates = async () => {
  const [names, families] = await Promise.all([metricNames(), metadata()]);
  return names.filter((name) => PLAIN_METRIC.test(name)).map((name) => {
    // Metadata stands under the family's name, without the suffix of a sample's.
    const family = families[name]?.[0] ?? families[name.replace(/_(total|sum|count|bucket)$/, "")]?.[0];
    const tag = family?.type && family.type !== "unknown" ? family.type : t("metric");
    return { name, tag, detail: family?.help ?? "", insert: name };
  });
};

const candidatesFor = async (context) => {
  switch (context.kind) {
    case "label":
      return (await labelNames(context.others)).filter((name) => name !== "__name__")
        .map((name) => ({ name, tag: t("label"), insert: PLAIN_LABEL.test(name) ? name : JSON.stringify(name) }));
    case "value":
      return (await labelValues(context.label, context.others)).map((name) => ({ name, tag: t("value"), insert: JSON.stringify(name) }));
    case "matcher":
      return MATCH_OPERATORS.map((name) => ({ name, tag: t("operator"), insert: `${name}"`, again: true }));
    case "duration":
      return DURATIONS.map((name, order) => ({ name, order, tag: t("duration"), insert: name }));
    case "variable":
      return context.variables.map(({ name, detail }, order) => ({
        name, detail, order, tag: t("variable"), insert: context.brace ? `\${${name}}` : `$${name}`,
      }));
    case "after":
      return wordCandidates("keyword");
    default: {
      const metrics = await metricCandidates();
      const groupings = context.aggregation ? wordCandidates("keyword").filter(({ name }) => name === "by" || name === "without") : [];
      return [...groupings, ...wordCandidates("function", "aggregation"), ...metrics];
    }
  }
};

// ---- ranking ----

// Lower is better: the name begins with what is typed, one of its parts does, it contains it,
// it contains its letters in order.
const rank = (name, typed) => {
  const at = name.indexOf(typed);
  if (at === 0) return 0;
  if (at > 0) return name[at - 1] === "_" || name[at - 1] === ":" ? 1 : 2;
  const letters = new RegExp([...typed].map((each) => each.replace(/[^a-z0-9]/g, "\\$&")).join(".*"));
  return typed.length > 2 && letters.test(name) ? 3 : Infinity;
};

const compare = (a, b) =>
  a.rank - b.rank ||
  a.candidate.order - b.candidate.order ||
  a.candidate.name.length - b.candidate.name.length ||
  (a.candidate.name < b.candidate.name ? -1 : 1);

// The best completions at a place that `contextAt` has returned.
export const completionsFor = async (context) => {
  const typed = context.typed.toLowerCase();
  return (await candidatesFor(context))
    .map((candidate) => ({ candidate, rank: typed ? rank(candidate.name.toLowerCase(), typed) : 0 }))
    .filter((ranked) => ranked.rank < Infinity)
    .sort(compare)
    .slice(0, MOST_SHOWN)
    .map((ranked) => ranked.candidate);
};
