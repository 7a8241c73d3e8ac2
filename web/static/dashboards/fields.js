// How a field (a series, or a column of a table) is shown: its style, its title, its values as text.

import { interpolate } from "./variables.js";
import { continuousColour, thresholdColour, unitText } from "./units.js";

const OWN = ["unit", "decimals", "min", "max", "thresholds", "percent"];

const given = (style) => Object.fromEntries(Object.entries(style ?? {}).filter(([, value]) => value !== null));

// A pattern as Grafana writes it: "/part/i", or a text that must match as a whole.
export const patternOf = (text) => {
  const [, body, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? [null, `^(?:${text})$`, ""];
  try {
    return new RegExp(body, flags.replace(/[gy]/g, ""));
  } catch {
    return /(?!)/;
  }
};

const isNamed = (names, name) => {
  const isExclusion = names[0] === "!";
  return names.includes(name, isExclusion ? 1 : 0) !== isExclusion;
};

const MATCHES = {
  name: (match, { name }) => name === match,
  names: (match, { name }) => isNamed(match.split("\n"), name),
  regex: (match, { name }) => patternOf(match).test(name),
  query: (match, { ref }) => ref === match,
  type: (match, { type = "number" }) => type === match,
};

//   field: {name, ref, type, labels}.
export const styleOf = (panel, field) => {
  const base = Object.fromEntries(OWN.map((name) => [name, panel[name]]));
  const found = panel.overrides.filter(({ kind, match }) => MATCHES[kind]?.(match, field));
  return Object.assign(base, given(panel.style), ...found.map(({ style }) => given(style)));
};

export const titleOf = (style, field, scope) =>
  style.name ? interpolate(fieldText(style.name, field), scope) : field.name;

// ---- texts about a field: ${__field.labels.instance}, ${__value.raw}, ${__data.fields.pod} ----

const PLACES = /\$\{__(field|series|value|data)\.([^}:]+)(?::\w+)?\}|\$\{__cell\}/g;

const cellOf = (row, path) => {
  const name = path.replace(/^fields\.?/, "").replace(/^\["?|"?\]$/g, "");
  return row?.[name] ?? (/^\d+$/.test(name) ? Object.values(row ?? {})[name] : undefined) ?? "";
};

const placeOf = (kind, path, field, { value, text, time_ms, row }) => {
  if (kind === "data") return cellOf(row, path);
  if (kind === "value") return { raw: value, numeric: value, text, time: time_ms }[path] ?? "";
  if (path === "name" || path === "displayName") return field.name;
  if (path.startsWith("labels")) return field.labels?.[path.replace(/^labels\.?/, "").replace(/^\["?|"?\]$/g, "")] ?? "";
  return "";
};

//   moment: {value, text, time_ms, row} of the value that is shown, where there is one.
//   write: applied to each part that is put in.
export const fieldText = (text, field, moment = {}, write = String) =>
  text.replace(PLACES, (_place, kind, path) => write(kind ? placeOf(kind, path, field, moment) : moment.text ?? ""));

// ---- values ----

const MATCHED = {
  value: ({ match }, value) => String(value) === match || (value !== null && value !== "" && match !== "" && Number(value) === Number(match)),
  range: ({ low, high }, value) => typeof value === "number" && (low === null || value >= low) && (high === null || value <= high),
  regex: ({ match }, value) => value !== null && patternOf(match).test(String(value)),
  special: ({ match }, value) => ({
    null: value === null, nan: Number.isNaN(value), "null+nan": value === null || Number.isNaN(value),
    true: value === true, false: value === false, empty: value === "",
  })[match] ?? false,
};

export const mappingOf = ({ mappings = [] }, value) => mappings.find((each) => MATCHED[each.kind](each, value ?? null)) ?? null;

// Returns {text, colour} of a value; `colour` is a name of Grafana's, null for none.
//   range: [least, greatest] of what is shown, for a colour between them.
export const shownValue = (style, value, range = null) => {
  const mapping = mappingOf(style, value);
  const plain = () => (typeof value === "string" ? value : unitText(style.unit, style.decimals)(value));
  const text = mapping?.text || plain();
  if (mapping?.color) return { text, colour: mapping.color };
  if (typeof value !== "number") return { text, colour: style.color && !style.color.startsWith("continuous-") ? style.color : null };
  if (style.color?.startsWith("continuous-")) return { text, colour: continuousColour(style, value, range) };
  return { text, colour: style.color ?? thresholdColour(style, value) };
};
