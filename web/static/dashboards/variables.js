// The variables of a dashboard: where their values come from, and their places in texts.

import { durationSeconds, durationText } from "../lib/format.js";
import { JSON_HEADERS } from "../lib/texts.js";
import { post, QueryError } from "../explore/api.js";

export const ALL = "$__all";
const MOST_OPTIONS = 5000;

// ---- in texts ----

const PLACE = /\$(\w+)|\$\{(\w+)(?:\.[^:}]+)?(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;

const stringEscape = (value) => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
// Twice: for the regular expression, and for the string of PromQL around it.
const regexEscape = (value) => stringEscape(value.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&"));

const FORMATS = {
  raw: (values) => values.join(","),
  text: (values) => values.join(" + "),
  csv: (values) => values.join(","),
  pipe: (values) => values.join("|"),
  glob: (values) => (values.length > 1 ? `{${values.join(",")}}` : values.join("")),
  json: (values) => JSON.stringify(values),
  doublequote: (values) => values.map((value) => `"${value.replace(/"/g, '\\"')}"`).join(","),
  singlequote: (values) => values.map((value) => `'${value.replace(/'/g, "\\'")}'`).join(","),
  percentencode: (values) => encodeURIComponent(values.join(",")),
  regex: (values) => {
    const escaped = values.map(regexEscape);
    return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
  },
};

// The text with values in place of variables; a name that is none stays.
//   scope: Map from names to {values, isList, all}: `isList` for variables with many values, `all`
//     for the text that stands for all of them.
//   format: of places that name none: "promql" or a key of FORMATS.
export const interpolate = (text, scope, format = "text") =>
  text.replace(PLACE, (place, plain, braced, named, bracketed, bracketFormat) => {
    const found = scope.get(plain ?? braced ?? bracketed);
    if (!found) return place;
    const wanted = named ?? bracketFormat ?? format;
    if (found.all && wanted !== "text") return found.all;
    if (wanted === "promql") return found.isList ? FORMATS.regex(found.values) : stringEscape(found.values[0] ?? "");
    return (Object.hasOwn(FORMATS, wanted) ? FORMATS[wanted] : FORMATS.raw)(found.values);
  });

// The place in `text` of a place in its interpolated form: inside of a value, the variable's.
export const placeBefore = (text, scope, offset, format = "text") => {
  let grown = 0;
  for (const match of text.matchAll(PLACE)) {
    const { length } = interpolate(match[0], scope, format);
    if (offset < match.index + grown) break;
    if (offset < match.index + grown + length) return match.index;
    grown += length - match[0].length;
  }
  return offset - grown;
};

const constant = (value) => ({ values: [String(value)], isList: false, all: "" });

export const isBuiltIn = (name) => name.startsWith("__") || name === "timeFilter";

// What each query of Grafana may use beside the dashboard's own variables.
export const builtIns = ({ start_ms, end_ms, step_s, rate_s }) => {
  const range_s = Math.max(1, Math.round((end_ms - start_ms) / 1000));
  return Object.entries({
    __interval: durationText(step_s * 1000), __interval_ms: step_s * 1000, __rate_interval: durationText(rate_s * 1000),
    __rate_interval_ms: rate_s * 1000, __range: `${range_s}s`, __range_s: range_s, __range_ms: range_s * 1000,
    __from: start_ms, __to: end_ms, timeFilter: "", __timezone: "browser",
  }).map(([name, value]) => [name, constant(value)]);
};

// ---- values ----

const SORTS = {
  1: (a, b) => (a < b ? -1 : 1), 3: (a, b) => parseFloat(a.replace(/^\D+/, "")) - parseFloat(b.replace(/^\D+/, "")),
  5: (a, b) => a.toLowerCase().localeCompare(b.toLowerCase()), 7: (a, b) => a.localeCompare(b, undefined, { numeric: true }),
};

const sorted = (options, sort) => {
  const order = SORTS[sort % 2 ? sort : sort - 1];
  if (!order) return options;
  const found = [...options].sort((a, b) => order(a.text, b.text) || 0);
  return sort % 2 ? found : found.reverse();
};

// Only the values that match; a group cuts the value, groups "text" and "value" name both.
const filtered = (values, regex) => {
  if (!regex) return values.map((value) => ({ text: value, value }));
  const [, body, flags] = /^\/(.*)\/([a-z]*)$/s.exec(regex) ?? [null, `^(?:${regex})$`, ""];
  const pattern = new RegExp(body, flags.replace(/[gy]/g, ""));
  return values.flatMap((each) => {
    const match = pattern.exec(each);
    if (!match) return [];
    const value = match.groups?.value ?? match.groups?.text ?? match[1] ?? match[0];
    return [{ text: match.groups?.text ?? value, value }];
  });
};

const listOf = async (path, parameters, signal) => {
  const response = await fetch(`/api/v1/${path}?${new URLSearchParams(parameters)}`, { headers: JSON_HEADERS, signal });
  const answer = await response.json();
  if (answer.status !== "success") throw new QueryError(answer.error, answer.errorType);
  return answer.data;
};

const seriesText = ({ metric, value }) => {
  const { __name__: name = "", ...labels } = metric;
  const inner = Object.entries(labels).map(([label, each]) => `${label}="${each}"`).join(",");
  return `${name}${inner ? `{${inner}}` : ""} ${value[1]} ${value[0] * 1000}`;
};

// The values of Grafana's functions over a store of Prometheus.
const queried = async (query, { start_ms, end_ms, signal }) => {
  const times = [["start", start_ms / 1000], ["end", end_ms / 1000]];
  const [, name, inner] = /^\s*(\w+)\s*\((.*)\)\s*$/s.exec(query) ?? [];
  if (name === "label_values") {
    const [, selector, label] = /^(?:(.+),)?\s*([A-Za-z_]\w*)\s*$/s.exec(inner) ?? [];
    if (!label) throw new Error(`label_values(${inner}): name a label`);
    return listOf(`label/${encodeURIComponent(label)}/values`, [...times, ...(selector ? [["match[]", selector.trim()]] : [])], signal);
  }
  if (name === "label_names") return listOf("labels", inner.trim() ? [...times, ["match[]", inner]] : times, signal);
  if (name === "metrics") {
    const names = await listOf("label/__name__/values", times, signal);
    const pattern = new RegExp(inner || ".");
    return names.filter((each) => pattern.test(each));
  }
  const expression = name === "query_result" ? inner : query;
  if (!expression.trim()) return [];
  const { data } = await post("query", { query: expression, time: end_ms / 1000 }, signal);
  return Array.isArray(data.result) && data.resultType === "vector" ? data.result.map(seriesText) : [];
};

const listed = (text) =>
  text.split(/(?<!\\),/).map((each) => each.trim().replace(/\\,/g, ",")).filter(Boolean).map((each) => {
    const [, label, value] = /^(.+?)\s+:\s+(.+)$/.exec(each) ?? [null, each, each];
    return { text: label, value };
  });

const optionsOf = async (variable, scope, times) => {
  const { kind } = variable;
  if (kind === "custom") return listed(interpolate(variable.query, scope));
  if (kind === "interval") return listed(variable.query);
  if (kind === "query") {
    const values = await queried(interpolate(variable.query, scope, "promql"), times);
    const found = sorted(filtered(values, variable.regex), variable.sort);
    return [...new Map(found.map((each) => [each.value, each])).values()].slice(0, MOST_OPTIONS);
  }
  if (kind === "datasource") return [{ text: "Redshank", value: "redshank" }];
  return [{ text: variable.query, value: variable.query }];
};

const chosenOf = (variable, options, wanted) => {
  if (variable.kind === "textbox") return [wanted?.[0] ?? variable.current[0] ?? variable.query];
  if (variable.kind === "constant" || variable.kind === "datasource") return [options[0].value];
  const asked = wanted ?? variable.current;
  const known = new Set(options.map((each) => each.value));
  if (variable.include_all) known.add(ALL);
  let found = asked.map((each) => (each === "All" && !known.has("All") ? ALL : each));
  // A value of the address is used as it is: its series may come later.
  found = found.filter((each) => known.has(each) || (wanted && each !== ALL));
  if (!found.length) found = variable.include_all && (variable.multi || !options.length) ? [ALL] : options.slice(0, 1).map((each) => each.value);
  return variable.multi ? found : found.slice(0, 1);
};

const intervalOf = (variable, chosen, { start_ms, end_ms }) => {
  if (variable.kind !== "interval" || !String(chosen[0]).startsWith("$__auto")) return chosen;
  const wanted_s = (end_ms - start_ms) / 30000;
  const steps = listed(variable.query).map((each) => each.value);
  return [steps.find((each) => durationSeconds(each) >= wanted_s) ?? steps.at(-1) ?? "1m"];
};

// What stands for a variable's chosen values in texts.
const scoped = (variable, options, chosen) => {
  const isAll = chosen.includes(ALL);
  const values = isAll ? options.map((each) => each.value) : chosen;
  const isList = variable.multi || variable.include_all;
  // Without any value, all of nothing must not match everything.
  return { values, isList, all: isAll ? variable.all_value : "", isAll };
};

// The variables that a query names, and the format of each place, if it names one.
const placesIn = (query) => [...query.matchAll(PLACE)].map(([, plain, braced, named, bracketed, bracketFormat]) => ({
  name: plain ?? braced ?? bracketed, format: named ?? bracketFormat,
}));

// What stands for a variable in queries whatever options it has, null if that depends on them: one text for all
// values, or the values of the page's address.
const foregone = (variable, wanted) => {
  if (variable.kind !== "query") return null;
  const asked = wanted ?? variable.current;
  if (asked.includes(ALL)) return variable.include_all && variable.all_value && asked.length === 1 ? scoped(variable, [], [ALL]) : null;
  return wanted?.length && !wanted.includes("All") ? scoped(variable, [], variable.multi ? wanted : wanted.slice(0, 1)) : null;
};

// Returns the variables with their options and values. The options of one wait for the values of those before
// it that its query names.
//   wanted: Map from names to the values of the page's address.
export const resolve = async (variables, wanted, times) => {
  const scope = new Map(builtIns({ ...times, step_s: 60, rate_s: 60 }));
  const begun = [];

  const one = async (variable) => {
    const before = new Map(begun.map((each) => [each.variable.name, each]));
    const known = new Map(scope);
    for (const { name, format } of placesIn(variable.query)) {
      const other = before.get(name);
      if (!other) continue;
      const early = format === "text" ? null : foregone(other.variable, wanted.get(name));
      known.set(name, early ?? (await other.ended).values);
    }
    let options = [];
    let problem = "";
    try {
      options = times.options ? times.options[variable.name] ?? [] : await optionsOf(variable, known, times);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      problem = error.message;
    }
    const chosen = intervalOf(variable, chosenOf(variable, options.length || variable.kind === "query" ? options : [{ value: "" }], wanted.get(variable.name)), times);
    return { variable, options, chosen, problem, values: scoped(variable, options, chosen) };
  };

  for (const variable of variables) begun.push({ variable, ended: one(variable) });
  const found = await Promise.all(begun.map(({ ended }) => ended));
  for (const { variable, values } of found) scope.set(variable.name, values);
  return { found, scope };
};
