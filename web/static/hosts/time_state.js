// The time of a host's page: a range that follows the clock, or two fixed times; kept in the URL.

export const SHORTEST_ZOOM_MS = 10000;

const wholeNumber = (text) => (/^\d{1,15}$/.test(text ?? "") ? Number(text) : null);

// Reads the state of a URL's query; `ranges` are the known ranges, the first is the default.
export const readTimeState = (search, ranges, fallback) => {
  const query = new URLSearchParams(search);
  const [from, to] = [wholeNumber(query.get("from")), wholeNumber(query.get("to"))];
  const isFixed = from !== null && to !== null && to - from >= SHORTEST_ZOOM_MS;
  return {
    range: ranges.includes(query.get("range")) ? query.get("range") : fallback,
    fixed: isFixed ? { start_ms: from, end_ms: to } : null,
    compare: ["1d", "1w"].includes(query.get("compare")) ? query.get("compare") : "",
    moment_ms: wholeNumber(query.get("at")),
    window: query.get("window") ?? "",
  };
};

export const timeStateQuery = ({ range, fixed, compare, moment_ms, window }, fallback) => {
  const query = new URLSearchParams();
  if (range !== fallback) query.set("range", range);
  if (fixed) {
    query.set("from", fixed.start_ms);
    query.set("to", fixed.end_ms);
  }
  if (compare) query.set("compare", compare);
  if (moment_ms) query.set("at", moment_ms);
  if (moment_ms && window) query.set("window", window);
  return query.toString();
};
