// Completions of a query: words of PromQL, and metrics, labels and values that the server knows.

import { t } from "../lib/texts.js";
import { DURATIONS, MATCH_OPERATORS, WORDS } from "./promql.js";
import { abandonOthers, answerOf, isAnswered, isComplete, labelNames, labelValues, METADATA, METRIC_NAMES, narrow } from "./series.js";

const MOST_SHOWN = 60;

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

// Without an answer there is nothing to offer.
const known = (source, typed) => answerOf(source, typed).catch(() => []);

const metricCandidates = async (typed) => {
  const [names, families] = await Promise.all([known(METRIC_NAMES, typed), known(METADATA)]);
  return names.filter((name) => PLAIN_METRIC.test(name)).map((name) => {
    // Metadata stands under the family's name, without the suffix of a sample's.
    const family = families[name]?.[0] ?? families[name.replace(/_(total|sum|count|bucket)$/, "")]?.[0];
    const tag = family?.type && family.type !== "unknown" ? family.type : t("metric");
    return { name, tag, detail: family?.help ?? "", insert: name };
  });
};

// What the server is asked for at a place.
const sourcesOf = (context) => {
  switch (context?.kind) {
    case "label":
      return [labelNames(context.others)];
    case "value":
      return [labelValues(context.label, context.others)];
    case "expression":
      return [METRIC_NAMES, METADATA];
    default:
      return [];
  }
};

const candidatesFor = async (context, typed) => {
  const [source] = sourcesOf(context);
  switch (context.kind) {
    case "label":
      return (await known(source, typed)).filter((name) => name !== "__name__")
        .map((name) => ({ name, tag: t("label"), insert: PLAIN_LABEL.test(name) ? name : JSON.stringify(name) }));
    case "value":
      return (await known(source, typed)).map((name) => ({ name, tag: t("value"), insert: JSON.stringify(name) }));
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
      const metrics = await metricCandidates(typed);
      const groupings = context.aggregation ? wordCandidates("keyword").filter(({ name }) => name === "by" || name === "without") : [];
      return [...groupings, ...wordCandidates("function", "aggregation"), ...metrics];
    }
  }
};

// ---- ranking ----

// Lower is better: the name begins with what is typed, one of its parts does, it contains it,
// it contains its letters in order.
const ranking = (typed) => {
  const letters = typed.length > 2 ? new RegExp([...typed].map((each) => each.replace(/[^a-z0-9]/g, "\\$&")).join(".*")) : null;
  return (name) => {
    const at = name.indexOf(typed);
    if (at === 0) return 0;
    if (at > 0) return name[at - 1] === "_" || name[at - 1] === ":" ? 1 : 2;
    return letters?.test(name) ? 3 : Infinity;
  };
};

const compare = (a, b) =>
  a.rank - b.rank ||
  a.candidate.order - b.candidate.order ||
  a.candidate.name.length - b.candidate.name.length ||
  (a.candidate.name < b.candidate.name ? -1 : 1);

const typedAt = (context) => context.typed.toLowerCase();

// The best completions at a place that `contextAt` has returned.
export const completionsFor = async (context) => {
  const typed = typedAt(context);
  const rank = ranking(typed);
  return (await candidatesFor(context, typed))
    .map((candidate) => ({ candidate, rank: rank(candidate.name.toLowerCase()) }))
    .filter((ranked) => ranked.rank < Infinity)
    .sort(compare)
    .slice(0, MOST_SHOWN)
    .map((ranked) => ranked.candidate);
};

// Aborts the requests that only an earlier place needed. Returns whether completions at this place, null for
// none, are known without a request.
export const turnTo = (context) => {
  const sources = sourcesOf(context);
  abandonOthers(sources, context ? typedAt(context) : "");
  return sources.every(isAnswered);
};

const truncatedAt = (context) => (context.typed ? sourcesOf(context).filter((source) => !isComplete(source, typedAt(context))) : []);

// Whether the server may know more names that fit than it has returned.
export const isTruncatedAt = (context) => truncatedAt(context).length > 0;

// Asks the server for the names that fit what is typed.
export const narrowAt = (context) => Promise.allSettled(truncatedAt(context).map((source) => narrow(source, typedAt(context))));

// Loads what most queries begin with.
export const prepareCompletions = () => {
  known(METRIC_NAMES);
  known(METADATA);
};
