// Grafana's transformations of tables. Options come from files: each is checked before its use.

import { patternOf } from "./fields.js";
import { rowCount, timeField } from "./frames.js";
import { reduced } from "./queries.js";

// Without a prototype: `constructor` is no calculation.
const CALCS = { __proto__: null, lastNotNull: "last", last: "last", first: "first", firstNotNull: "first", mean: "mean", min: "min", max: "max", sum: "sum", count: "count", range: "range", delta: "delta", diff: "diff" };
const TITLES = { __proto__: null, lastNotNull: "Last *", last: "Last", first: "First", firstNotNull: "First *", mean: "Mean", min: "Min", max: "Max", sum: "Total", count: "Count", range: "Range", delta: "Delta", diff: "Difference" };
const OPERATORS = {
  __proto__: null,
  "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b, "^": (a, b) => a ** b,
};

// Without a prototype: a field may be called `constructor`.
const objectOf = (value) => Object.assign(Object.create(null), value && typeof value === "object" && !Array.isArray(value) ? value : {});
const listOf = (value) => (Array.isArray(value) ? value : []);

const calculated = (values, calc) => {
  if (values.some((each) => typeof each === "string")) return values.filter((each) => each !== null).at(String(calc).startsWith("first") ? 0 : -1) ?? null;
  return reduced(values, CALCS[calc] ?? "last");
};

const typeOf = (values) => (values.some((each) => typeof each === "string") ? "string" : "number");

// The fields of several tables in one: equal names get a number, as in Grafana.
const numbered = (fields) => {
  const counts = new Map();
  for (const { name } of fields) counts.set(name, (counts.get(name) ?? 0) + 1);
  const seen = new Map();
  return fields.map((field) => {
    if (counts.get(field.name) < 2) return field;
    seen.set(field.name, (seen.get(field.name) ?? 0) + 1);
    return { ...field, name: `${field.name} ${seen.get(field.name)}` };
  });
};

const joined = (frames, byField, isInner) => {
  const with_ = frames.filter(({ fields }) => fields.some(({ name }) => name === byField));
  if (!with_.length) return frames;
  const keyOf = (frame) => frame.fields.find(({ name }) => name === byField);
  const counts = new Map();
  for (const frame of with_) for (const key of new Set(keyOf(frame).values)) counts.set(key, (counts.get(key) ?? 0) + 1);
  let keys = [...counts.keys()].filter((key) => !isInner || counts.get(key) === with_.length);
  if (keyOf(with_[0]).type === "time") keys = keys.sort((a, b) => a - b);
  const others = with_.flatMap((frame) => {
    const places = new Map(keyOf(frame).values.map((key, at) => [key, at]));
    return frame.fields.filter(({ name }) => name !== byField)
      .map((field) => ({ ...field, values: keys.map((key) => (places.has(key) ? field.values[places.get(key)] ?? null : null)) }));
  });
  return [{ ref: "", fields: [{ ...keyOf(with_[0]), values: keys }, ...numbered(others)] }];
};

const isOverTime = ({ fields }) => fields[0]?.type === "time" && fields.slice(1).every(({ type }) => type === "number");

// Series over time become one table before their rows are calculated with.
const columns = (frames) => (frames.length > 1 && frames.every(isOverTime) ? joined(frames, "Time", false) : frames);

const operand = (frame, given) => {
  const name = typeof given === "object" && given ? given.fixed ?? given.matcher?.options ?? "" : given;
  const field = frame.fields.find((each) => each.name === name);
  if (field) return (row) => field.values[row];
  return () => (name === "" || Number.isNaN(Number(name)) ? null : Number(name));
};

const combined = (operator, a, b) => {
  if (typeof a !== "number" || typeof b !== "number") return null;
  return (OPERATORS[operator] ?? OPERATORS["+"])(a, b);
};

const rowCalculation = (frame, { include, reducer = "sum" }) => {
  const names = listOf(include);
  const numbers = frame.fields.filter(({ type, name }) => type === "number" && (!names.length || names.includes(name)));
  const values = Array.from({ length: rowCount(frame) }, (_, row) => calculated(numbers.map((field) => field.values[row] ?? null), reducer));
  return { values, name: TITLES[reducer] ?? String(reducer) };
};

const binaryCalculation = (frame, { left, right, operator = "+" }) => {
  const [a, b] = [operand(frame, left), operand(frame, right)];
  const values = Array.from({ length: rowCount(frame) }, (_, row) => combined(operator, a(row), b(row)));
  return { values, name: `${left?.matcher?.options ?? left} ${operator} ${right?.matcher?.options ?? right}` };
};

const calculateField = (frames, { mode, alias, binary, reduce, replaceFields }) =>
  columns(frames).map((frame) => {
    const found = mode === "binary" ? binaryCalculation(frame, objectOf(binary)) : rowCalculation(frame, objectOf(reduce));
    const field = { name: String(alias || found.name), type: "number", values: found.values, labels: {}, ref: frame.ref };
    const kept = replaceFields ? frame.fields.filter(({ type }) => type === "time") : frame.fields;
    return { ...frame, fields: [...kept, field] };
  });

const organize = (frames, { excludeByName, includeByName, indexByName, renameByName }) => {
  const [excluded, included, order, names] = [excludeByName, includeByName, indexByName, renameByName].map(objectOf);
  const isIncluded = ({ name }) => !excluded[name] && (!Object.keys(included).length || included[name]);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.filter(isIncluded)
      .map((field, at) => ({ field, at: order[field.name] ?? frame.fields.length + at })).sort((a, b) => a.at - b.at)
      .map(({ field }) => ({ ...field, name: String(names[field.name] || field.name) })),
  }));
};

const rowsBy = (frame, keys) => {
  const groups = new Map();
  for (let row = 0; row < rowCount(frame); row += 1) {
    const key = JSON.stringify(keys.map(({ values }) => values[row] ?? null));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups.values()];
};

const groupBy = (frames, { fields }) => {
  const wanted = objectOf(fields);
  return frames.flatMap((frame) => {
    const keys = frame.fields.filter(({ name }) => wanted[name]?.operation === "groupby");
    if (!keys.length) return [];
    const groups = rowsBy(frame, keys);
    const cut = (field) => ({ ...field, values: groups.map(([row]) => field.values[row] ?? null) });
    const sums = frame.fields.filter(({ name }) => wanted[name]?.operation === "aggregate").flatMap((field) =>
      listOf(wanted[field.name].aggregations).map((calc) => {
        const values = groups.map((rows) => calculated(rows.map((row) => field.values[row] ?? null), calc));
        return { ...field, name: `${field.name} (${calc})`, values, type: field.type === "time" ? "time" : typeOf(values) };
      }));
    return [{ ...frame, fields: [...keys.map(cut), ...sums] }];
  });
};

// All tables as one; rows that agree in the fields that both have become one row.
const merge = (frames) => {
  if (frames.length < 2) return frames;
  const names = [...new Set(frames.flatMap(({ fields }) => fields.map(({ name }) => name)))];
  const shared = names.filter((name) => frames.every(({ fields }) => fields.some((field) => field.name === name)));
  const rows = new Map();
  frames.forEach((frame, index) => {
    for (let row = 0; row < rowCount(frame); row += 1) {
      const cells = Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[row] ?? null]));
      const key = JSON.stringify(shared.length ? shared.map((name) => cells[name]) : [index, row]);
      rows.set(key, { ...rows.get(key), ...cells });
    }
  });
  const first = (name) => frames.flatMap(({ fields }) => fields).find((field) => field.name === name);
  return [{ ref: "", fields: names.map((name) => ({ ...first(name), values: [...rows.values()].map((cells) => cells[name] ?? null) })) }];
};

const compared = (a, b) => {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
};

const reordered = (frame, rows) => ({ ...frame, fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row] ?? null) })) });

export const sortedBy = (frame, name, isDescending) => {
  const field = frame.fields.find((each) => each.name === name);
  if (!field) return frame;
  const rows = [...field.values.keys()].sort((a, b) => (isDescending ? -1 : 1) * compared(field.values[a], field.values[b]));
  return reordered(frame, rows);
};

const sortBy = (frames, { sort }) => {
  const { field, desc } = objectOf(listOf(sort)[0]);
  return frames.map((frame) => sortedBy(frame, field, desc));
};

const isIn = ({ names, pattern }, name) => listOf(names).includes(name) || (Boolean(pattern) && patternOf(String(pattern)).test(name));

const filterFieldsByName = (frames, { include, exclude }) =>
  frames.map((frame) => ({
    ...frame,
    fields: frame.fields.filter(({ name, type }) => (type === "time" || !include || isIn(objectOf(include), name)) && !isIn(objectOf(exclude), name)),
  })).filter(({ fields }) => fields.some(({ type }) => type !== "time"));

const filterByRefId = (frames, { include, exclude }) =>
  frames.filter(({ ref }) => (!include || patternOf(String(include)).test(ref)) && !(exclude && patternOf(String(exclude)).test(ref)));

const reduce = (frames, { mode, reducers, includeTimeField, labelsToFields: hasLabels }) => {
  const calcs = listOf(reducers).length ? reducers : ["max"];
  if (mode === "reduceFields") {
    return frames.map((frame) => ({
      ...frame, fields: frame.fields.filter(({ type }) => type === "number" || (includeTimeField && type === "time"))
        .map((field) => ({ ...field, values: [calculated(field.values, calcs[0])] })),
    }));
  }
  const numbers = frames.flatMap(({ fields }) => fields.filter(({ type }) => type === "number"));
  const labels = hasLabels ? [...new Set(numbers.flatMap((field) => Object.keys(field.labels)))] : [];
  const column = (name, type, values) => ({ name, type, values, labels: {}, ref: "" });
  return [{
    ref: "", fields: [
      column("Field", "string", numbers.map(({ name }) => name)),
      ...labels.map((name) => column(name, "string", numbers.map((field) => field.labels[name] ?? ""))),
      ...calcs.map((calc) => column(TITLES[calc] ?? String(calc), "number", numbers.map(({ values }) => calculated(values, calc)))),
    ],
  }];
};

const renameByRegex = (frames, { regex, renamePattern }) =>
  frames.map((frame) => ({
    ...frame, fields: frame.fields.map((field) => (field.type === "time" ? field : { ...field, name: field.name.replace(patternOf(String(regex ?? "")), String(renamePattern ?? "")) })),
  }));

const labelsToFields = (frames) =>
  merge(frames.map((frame) => {
    const size = rowCount(frame);
    const labels = Object.entries(Object.assign({}, ...frame.fields.map((field) => field.labels)));
    const made = labels.map(([name, value]) => ({ name, type: "string", values: new Array(size).fill(value), labels: {}, ref: frame.ref }));
    const times = frame.fields.filter(({ type }) => type === "time");
    return { ...frame, fields: [...times, ...made, ...frame.fields.filter(({ type }) => type !== "time").map((field) => ({ ...field, labels: {} }))] };
  }));

const seriesToRows = (frames) => {
  const rows = frames.filter(isOverTime).flatMap(({ fields: [times, ...others] }) =>
    others.flatMap(({ name, values }) => values.flatMap((value, at) => (value === null ? [] : [[times.values[at], name, value]]))));
  const made = (name, type, at) => ({ name, type, values: rows.map((row) => row[at]), labels: {}, ref: "" });
  return [{ ref: "", fields: [timeField(rows.map(([time_s]) => time_s)), made("Metric", "string", 1), made("Value", "number", 2)] }];
};

const limit = (frames, { limitField }) => {
  const most = Number(limitField) >= 1 ? Math.floor(Number(limitField)) : 10;
  return frames.map((frame) => reordered(frame, [...Array(Math.min(rowCount(frame), most)).keys()]));
};

const STEPS = {
  calculateField, organize, groupBy, merge, sortBy, filterFieldsByName, filterByRefId, reduce, renameByRegex, labelsToFields, seriesToRows, limit,
  joinByField: (frames, { byField, mode }) => joined(frames, byField ?? "Time", mode === "inner"),
};

export const transformed = (frames, transformations) =>
  transformations.reduce((found, { kind, options }) => STEPS[kind](found, objectOf(options)), frames);
