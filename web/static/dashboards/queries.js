// The queries of a panel, sent through the public API: a few at a time.

import { durationSeconds } from "../lib/format.js";
import { post } from "../explore/api.js";
import { seriesText } from "../explore/labels.js";
import { rateInterval, stepOf } from "./times.js";
import { builtIns, interpolate } from "./variables.js";

// The server evaluates four queries at a time.
const MOST_RUNNING = 4;
let running = 0;
const waiting = [];

const turn = async (work) => {
  if (running >= MOST_RUNNING) await new Promise((begin) => waiting.push(begin));
  running += 1;
  try {
    return await work();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
};

export const reduced = (values, how) => {
  const numbers = values.filter((value) => value !== null && Number.isFinite(value));
  if (how === "count") return numbers.length;
  if (!numbers.length) return null;
  if (how === "first") return numbers[0];
  if (how === "min") return numbers.reduce((a, b) => Math.min(a, b));
  if (how === "max") return numbers.reduce((a, b) => Math.max(a, b));
  const sum = numbers.reduce((a, b) => a + b);
  if (how === "sum") return sum;
  if (how === "mean") return sum / numbers.length;
  if (how === "diff") return numbers.at(-1) - numbers[0];
  // The growth of a counter: what it has lost at a restart does not count.
  if (how === "delta") return numbers.reduce((grown, value, at) => grown + (at ? (value >= numbers[at - 1] ? value - numbers[at - 1] : value) : 0), 0);
  if (how === "range") return numbers.reduce((a, b) => Math.max(a, b)) - numbers.reduce((a, b) => Math.min(a, b));
  return numbers.at(-1);
};

const nameOf = (query, metric, scope) => {
  if (!query.legend) return seriesText(metric);
  return interpolate(query.legend, scope).replace(/\{\{\s*([^}]+?)\s*\}\}/g, (_place, label) => metric[label] ?? "");
};

const leastStep = (query, scope) => {
  const text = interpolate(query.step, scope).replace(/^[<>=]+/, "");
  const length_s = durationSeconds(text);
  return length_s > 0 ? length_s : 0;
};

const gridded = (samples, { start_s, step_s, points }) => {
  const values = new Array(points).fill(null);
  for (const [time_s, text] of samples) values[Math.round((time_s - start_s) / step_s)] = Number(text);
  return values;
};

const vectorOf = ({ resultType, result }) => {
  if (resultType === "scalar" || resultType === "string") return [{ metric: {}, value: result }];
  return result;
};

// Asks the public API; a shared page asks for the panel's query by its letter instead.
const askedInPublic = ({ path, parameters, signal }) => post(path, parameters, signal);

const ran = async (query, panel, { scope, start_ms, end_ms, width, signal, ask }) => {
  const send = (path, parameters) => turn(() => (ask ?? askedInPublic)({ path, parameters, signal, panel, query, scope, step_s, start_ms, end_ms }));
  const least_s = leastStep(query, scope);
  const range_s = (end_ms - start_ms) / 1000;
  const step_s = stepOf(range_s, width, least_s);
  const names = new Map([...scope, ...builtIns({ start_ms, end_ms, step_s, rate_s: rateInterval(step_s, least_s) })]);
  const expression = interpolate(query.expr, names, "promql");
  const isInstant = query.instant || panel.kind === "table";
  if (isInstant && panel.kind !== "timeseries") {
    const { data } = await send("query", { query: expression, time: end_ms / 1000 });
    const series = vectorOf(data).map(({ metric, value }) => ({ metric, name: nameOf(query, metric, names), values: [Number(value?.[1])] }));
    return { query, expression, series, grid: { start_s: end_ms / 1000, step_s, points: 1 } };
  }
  // On multiples of the step, so that a refreshed graph keeps its points.
  const start_s = Math.ceil(start_ms / 1000 / step_s) * step_s;
  const points = Math.max(1, Math.floor((end_ms / 1000 - start_s) / step_s) + 1);
  const grid = { start_s, step_s, points };
  const { data } = await send("query_range", { query: expression, start: start_s, end: start_s + (points - 1) * step_s, step: step_s });
  const series = data.result.map(({ metric, values = [] }) => ({ metric, name: nameOf(query, metric, names), values: gridded(values, grid) }));
  return { query, expression, series, grid };
};

// Returns the results of the panel's queries, and the first problem of those that failed.
export const runPanel = async (panel, context) => {
  const shown = panel.queries.filter((query) => !query.hidden);
  const ended = await Promise.allSettled(shown.map((query) => ran(query, panel, context)));
  const failed = ended.find(({ status }) => status === "rejected");
  if (failed?.reason.name === "AbortError") throw failed.reason;
  return { results: ended.filter(({ status }) => status === "fulfilled").map(({ value }) => value), problem: failed?.reason.message ?? "" };
};
