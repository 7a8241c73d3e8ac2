// Times as Grafana writes them: "now-6h", "now/d", or Unix milliseconds.

const UNIT_MS = { s: 1000, m: 60000, h: 3600000, d: 86400000, w: 604800000, M: 2592000000, y: 31536000000 };
const RELATIVE = /^now(?:([-+])(\d+)([smhdwMy]))?(?:\/([smhdwMy]))?$/;

const startOf = (time_ms, unit) => {
  const at = new Date(time_ms);
  if (unit === "y") at.setMonth(0, 1);
  if (unit === "M") at.setDate(1);
  if (unit === "w") at.setDate(at.getDate() - ((at.getDay() + 6) % 7));
  if ("dwMy".includes(unit)) at.setHours(0, 0, 0, 0);
  else at.setTime(Math.floor(time_ms / UNIT_MS[unit]) * UNIT_MS[unit]);
  return at;
};

const endOf = (time_ms, unit) => {
  const at = startOf(time_ms, unit);
  if (unit === "y") at.setFullYear(at.getFullYear() + 1);
  else if (unit === "M") at.setMonth(at.getMonth() + 1);
  else if (unit === "w") at.setDate(at.getDate() + 7);
  else if (unit === "d") at.setDate(at.getDate() + 1);
  else at.setTime(at.getTime() + UNIT_MS[unit]);
  return at;
};

// Milliseconds, NaN for no time. `isEnd`: "now/d" is then the end of the day.
export const timeOf = (text, isEnd = false, now_ms = Date.now()) => {
  if (/^\d{9,15}$/.test(text)) return Number(text);
  const found = RELATIVE.exec(text);
  if (!found) return Date.parse(text);
  const [, sign, count, unit, whole] = found;
  const shifted = now_ms + (sign ? (sign === "-" ? -1 : 1) * count * UNIT_MS[unit] : 0);
  if (!whole) return shifted;
  return (isEnd ? endOf(shifted, whole) : startOf(shifted, whole)).getTime();
};

const STEPS_S = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800, 2592000];
const SCRAPE_S = 15;
const MOST_POINTS = 11000;

// The next step of a graph that is `width` pixels wide, one point for each two pixels; in seconds.
export const stepOf = (range_s, width, least_s = 0) => {
  const wanted = Math.max(range_s / Math.max(50, width / 2), least_s, range_s / (MOST_POINTS - 1));
  return STEPS_S.find((each) => each >= wanted) ?? Math.ceil(wanted);
};

// Grafana's `$__rate_interval`: a window with four samples at least, in seconds.
export const rateInterval = (step_s, least_s) => Math.max(step_s + (least_s || SCRAPE_S), 4 * (least_s || SCRAPE_S));
