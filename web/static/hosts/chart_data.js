// The samples of a host's charts, as `/api/hosts/{host}/charts` returns them.
//
// An answer is {start_ms, end_ms, step_ms, annotations, charts: [{key, title, unit, stacked, window_ms, queries, lines}]};
// a line is {name, mirrored, values, before} with one value, or null, per step; `before` has those of
// a day or a week earlier, null if nothing is compared.

const SHORTEST_RANGE_MS = 300000;

const stepsBetween = (start_ms, end_ms, step_ms) => Math.round((end_ms - start_ms) / step_ms);

// The times of all samples, in seconds.
export const timesOf = ({ start_ms, end_ms, step_ms }) =>
  Array.from({ length: stepsBetween(start_ms, end_ms, step_ms) + 1 }, (_, index) => (start_ms + index * step_ms) / 1000);

// Lines that are not zero throughout: a CPU mode that is never entered or a network card
// without a cable is left out until it changes. All lines if all are zero.
export const busyLines = (lines) => {
  const busy = lines.filter((line) => line.values.some((value) => value));
  return busy.length ? busy : lines;
};

// Where the samples begin, in seconds: a host added ten minutes ago does not fill an hour.
export const firstSampleTime = ({ charts, start_ms, end_ms, step_ms }) => {
  const firsts = charts.flatMap((chart) => chart.lines.map((line) => line.values.findIndex((value) => value !== null)));
  const first = Math.min(...firsts.filter((index) => index >= 0));
  const begin_ms = Number.isFinite(first) ? start_ms + first * step_ms : start_ms;
  return Math.max(start_ms, Math.min(begin_ms, end_ms - SHORTEST_RANGE_MS)) / 1000;
};

// The rows that uPlot draws: stacked lines are sums, mirrored lines negative.
export const drawnRows = (lines, { stacked, isHidden }) => {
  const sums = [];
  return lines.map((line) => {
    if (line.mirrored) return line.values.map((value) => (value === null ? null : -value));
    if (!stacked) return line.values;
    if (isHidden(line)) return line.values.map(() => null);
    return line.values.map((value, index) => {
      if (value === null) return null;
      sums[index] = (sums[index] ?? 0) + value;
      return sums[index];
    });
  });
};

// The dashed lines of what is compared: one for each line, of a stack its height.
export const comparedRows = (lines, { stacked, isHidden }) => {
  const shown = lines.map((line, index) => ({ line, index })).filter(({ line }) => line.before && !isHidden(line));
  if (!stacked) {
    return shown.map(({ line, index }) => ({
      index, name: line.name,
      row: line.mirrored ? line.before.map((value) => (value === null ? null : -value)) : line.before,
    }));
  }
  const stack = shown.filter(({ line }) => !line.mirrored);
  if (!stack.length) return [];
  const row = stack[0].line.before.map((_, at) => {
    const known = stack.map(({ line }) => line.before[at]).filter((value) => value !== null);
    return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  });
  return [{ index: null, name: "all", row }];
};

const hasSameLines = (old, fresh) =>
  old.length === fresh.length &&
  old.every((chart, at) => {
    const lines = fresh[at].lines;
    return chart.key === fresh[at].key && chart.lines.length === lines.length &&
      chart.lines.every((line, index) => line.name === lines[index].name);
  });

// Appends the newest samples to `old` in place and drops as many of the oldest. Returns false,
// and changes nothing, if the two answers do not fit together.
export const appendSamples = (old, fresh) => {
  const { step_ms } = old;
  const keep = stepsBetween(old.start_ms, fresh.start_ms, step_ms);
  const total = stepsBetween(old.start_ms, old.end_ms, step_ms) + 1;
  const moved = keep + stepsBetween(fresh.start_ms, fresh.end_ms, step_ms) + 1 - total;
  if (step_ms !== fresh.step_ms || keep < 0 || keep > total || !hasSameLines(old.charts, fresh.charts)) return false;
  old.charts.forEach((chart, at) => chart.lines.forEach((line, index) => {
    const newer = fresh.charts[at].lines[index];
    line.values = line.values.slice(moved, keep).concat(newer.values);
    if (line.before && newer.before) line.before = line.before.slice(moved, keep).concat(newer.before);
  }));
  old.start_ms += moved * step_ms;
  old.end_ms = fresh.end_ms;
  old.annotations = fresh.annotations;
  return true;
};
