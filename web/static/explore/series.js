// What the server knows about its series: names of metrics and labels, values of labels, metadata.
// The parts of a page share the answers. After a minute an answer is still used, while a newer one is loaded.

import { JSON_HEADERS } from "../lib/texts.js";

export const MOST_NAMES = 10000;
const MOST_ANSWERS = 100;
const FRESH_MS = 60000;
const RETRY_MS = 5000;
const TRUNCATED = "results truncated due to limit";

// By path: {due_ms, answer, failure, request, stop}. `answer` is the latest one, `failure` why there is none;
// `request` is the one under way, which `stop` aborts.
const kept = new Map();

const load = async (path, signal) => {
  const response = await fetch(path, { headers: JSON_HEADERS, signal });
  const { status, data, error, warnings = [] } = await response.json();
  if (status !== "success") throw new Error(error);
  return { data, isComplete: !warnings.includes(TRUNCATED) };
};

const ask = (path) => {
  const entry = kept.get(path) ?? { answer: null };
  entry.stop = new AbortController();
  entry.request = load(path, entry.stop.signal).then(
    (answer) => Object.assign(entry, { answer, failure: null, due_ms: Date.now() + FRESH_MS }),
    (failure) => Object.assign(entry, { failure, due_ms: Date.now() + RETRY_MS }),
  ).then(() => {
    entry.request = null;
  });
  // The oldest comes first, and is forgotten first.
  kept.delete(path);
  kept.set(path, entry);
  if (kept.size > MOST_ANSWERS) kept.delete(kept.keys().next().value);
  return entry;
};

// Returns {data, isComplete}; throws what the server reports.
const find = async (path) => {
  let entry = kept.get(path);
  if (!entry || (!entry.request && entry.due_ms < Date.now())) entry = ask(path);
  if (!entry.answer) await entry.request;
  if (!entry.answer) throw entry.failure;
  return entry.answer;
};

// ---- sources: `path(typed)` may restrict the answer to the names that contain `typed` ----

const pathOf = (path, selector = "") => {
  const parameters = new URLSearchParams({ limit: String(MOST_NAMES) });
  if (selector) parameters.set("match[]", selector);
  return `/api/v1/${path}?${parameters}`;
};

const containing = (label, typed) =>
  typed && `${label}=~${JSON.stringify(`(?i).*${typed.replace(/[^\p{L}\p{N}_]/gu, "\\$&")}.*`)}`;

const withMatcher = (selector, matcher) => {
  if (!matcher) return selector;
  if (!selector) return `{${matcher}}`;
  return `${selector.slice(0, -1)}${selector.endsWith("{}") ? "" : ","}${matcher}}`;
};

export const METRIC_NAMES = { path: (typed) => pathOf("label/__name__/values", withMatcher("", containing("__name__", typed))) };

export const METADATA = { path: () => "/api/v1/metadata?limit_per_metric=1" };

export const SERIES_COUNTS = { path: () => `/api/v1/status/tsdb?limit=${MOST_NAMES}` };

// `selector` restricts the answer to the series that it matches, "" to none.
export const labelNames = (selector) => ({ path: () => pathOf("labels", selector) });

export const labelValues = (label, selector) => ({
  path: (typed) => pathOf(`label/${encodeURIComponent(label)}/values`, withMatcher(selector, containing(label, typed))),
});

// The latest answer that has the names that contain `typed`; null without one. A complete answer has them all,
// also if it is one for less of the word; of truncated ones, that for most of the word has the most of them.
const latestFor = (source, typed) => {
  let found = null;
  for (let length = 0; length <= typed.length && !found?.isComplete; length += 1) {
    found = kept.get(source.path(typed.slice(0, length)))?.answer ?? found;
  }
  return found;
};

// Whether no request has to be awaited.
export const isAnswered = (source) => Boolean(kept.get(source.path(""))?.answer ?? kept.get(source.path(""))?.failure);

export const isComplete = (source, typed) => latestFor(source, typed)?.isComplete ?? true;

// The names of a source, or the families of the metadata; of names, those that contain `typed` and others.
export const answerOf = async (source, typed = "") => {
  const { data } = await find(source.path(""));
  return latestFor(source, typed)?.data ?? data;
};

// An answer of now, which is not kept: only one part of the page needs it.
export const latestOf = async (source) => (await load(source.path(""))).data;

// Asks for the names that contain `typed`.
export const narrow = (source, typed) => find(source.path(typed));

// Aborts the requests about the text that none of the sources needs.
export const abandonOthers = (sources, typed) => {
  const needed = new Set(sources.flatMap((source) => [source.path(""), source.path(typed)]));
  for (const [path, { answer, request, stop }] of kept) {
    if (!request || answer || !path.includes("match%5B%5D") || needed.has(path)) continue;
    kept.delete(path);
    stop.abort();
  }
};
