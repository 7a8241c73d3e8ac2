// Tables between queries and panels: {ref, fields}, a field being {name, type, values, labels, ref}.
// Times are in seconds. The names of fields are those of Grafana, which transformations refer to.

const TIME = "Time";

export const timeField = (values) => ({ name: TIME, type: "time", values, labels: {}, ref: "" });

const timesOf = ({ start_s, step_s, points }) => Array.from({ length: points }, (_, index) => start_s + index * step_s);

// One table of a query: a column for each label, and a row for each sample.
const tableFrame = ({ query, series, grid }, isAlone) => {
  const labels = [...new Set(series.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const times = timesOf(grid);
  const rows = series.flatMap(({ metric, values }) => values.flatMap((value, at) => (value === null ? [] : [{ metric, value, time_s: times[at] }])));
  const column = (name) => ({ name, type: "string", values: rows.map(({ metric }) => metric[name] ?? ""), labels: {}, ref: query.ref });
  const value = { name: isAlone ? "Value" : `Value #${query.ref}`, type: "number", values: rows.map((row) => row.value), labels: {}, ref: query.ref };
  return { ref: query.ref, fields: [timeField(rows.map(({ time_s }) => time_s)), ...labels.map(column), value] };
};

const seriesFrames = ({ query, series, grid }) => {
  const times = timesOf(grid);
  return series.map(({ name, metric, values }) => ({
    ref: query.ref, fields: [timeField(times), { name, type: "number", values: [...values], labels: metric, ref: query.ref }],
  }));
};

export const framesOf = (results) =>
  results.flatMap((result) => (result.query.table ? [tableFrame(result, results.length === 1)] : seriesFrames(result)));

export const rowCount = ({ fields }) => Math.max(0, ...fields.map(({ values }) => values.length));

// One row for each set of labels and a column for each query: how a panel without transformations shows tables.
export const mergedByLabels = (results, reduce) => {
  const rows = new Map();
  const labels = new Set();
  const columns = results.flatMap(({ query, series }, index) => {
    const name = query.legend && !query.legend.includes("{{") ? query.legend : results.length > 1 ? `Value #${query.ref}` : "Value";
    for (const { metric, values } of series) {
      const { __name__: _name, ...own } = metric;
      const key = JSON.stringify(Object.entries(own).sort());
      for (const label of Object.keys(own)) labels.add(label);
      if (!rows.has(key)) rows.set(key, { own, values: [] });
      rows.get(key).values[index] = reduce(values);
    }
    return [{ name, index, ref: query.ref }];
  });
  const all = [...rows.values()];
  return {
    ref: "", fields: [
      ...[...labels].sort().map((name) => ({ name, type: "string", values: all.map(({ own }) => own[name] ?? ""), labels: {}, ref: "" })),
      ...columns.map(({ name, index, ref }) => ({ name, type: "number", values: all.map(({ values }) => values[index] ?? null), labels: {}, ref })),
    ],
  };
};
