// Numbers, durations and times as text.

const pad = (number) => String(number).padStart(2, "0");

// ---- times, in the zone that the reader has chosen ----

const ROOT = document.documentElement.dataset;

// The name of the zone of all times on this page; "" for the browser's.
export const ZONE = ROOT.zone ?? "";

const LANGUAGE = ROOT.language || "en";

const PARTS = ZONE
  ? new Intl.DateTimeFormat("en-US", {
      timeZone: ZONE, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    })
  : null;

// What a clock and a calendar on the wall show at a moment.
export const wallClock = (at) => {
  if (!PARTS) {
    return {
      year: at.getFullYear(), month: at.getMonth() + 1, day: at.getDate(),
      hour: at.getHours(), minute: at.getMinutes(), second: at.getSeconds(),
    };
  }
  return Object.fromEntries(PARTS.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
};

const dateText = ({ year, month, day }) => `${year}-${pad(month)}-${pad(day)}`;

const minuteText = ({ hour, minute }) => `${pad(hour)}:${pad(minute)}`;

const clockText = (wall) => `${minuteText(wall)}:${pad(wall.second)}`;

// "14:05:33" today, "2026-11-22 14:05" on any other day.
export const timeText = (at, now = new Date()) => {
  const wall = wallClock(at);
  return dateText(wall) === dateText(wallClock(now)) ? clockText(wall) : `${dateText(wall)} ${minuteText(wall)}`;
};

// A whole time with its zone, for a title: "2026-11-22 14:05:33 GMT+1".
export const fullTimeText = (at) => {
  const wall = wallClock(at);
  const parts = new Intl.DateTimeFormat(LANGUAGE, { timeZone: ZONE || undefined, timeZoneName: "short" }).formatToParts(at);
  return `${dateText(wall)} ${clockText(wall)} ${parts.find(({ type }) => type === "timeZoneName").value}`;
};

// The value of an <input type="datetime-local">.
export const inputTime = (at) => {
  const wall = wallClock(at);
  return `${dateText(wall)}T${clockText(wall)}`;
};

// The moment of such a value; an hour that the clocks skip becomes the one after it.
export const inputMoment = (text) => {
  if (!PARTS) return new Date(text);
  const wanted_ms = Date.parse(`${text}Z`);
  const offset_ms = (at_ms) => {
    const { year, month, day, hour, minute, second } = wallClock(new Date(at_ms));
    return Date.UTC(year, month - 1, day, hour, minute, second) - at_ms;
  };
  const first_ms = wanted_ms - offset_ms(wanted_ms);
  return new Date(wanted_ms - offset_ms(first_ms));
};

// Formats days of a time zone as "2 Nov", in German "2. Nov.": the day comes first in each language.
export const dayFormat = (timeZone) =>
  new Intl.DateTimeFormat(LANGUAGE === "en" ? "en-GB" : LANGUAGE, { day: "numeric", month: "short", timeZone });

const dayText = dayFormat(ZONE || undefined);

// Labels of a time axis: dates where a day begins or where steps are days, else clock times.
export const tickTexts = (times_s, step_s) =>
  times_s.map((time_s, index) => {
    const at = new Date(time_s * 1000);
    const wall = wallClock(at);
    const date = dayText.format(at);
    if (step_s >= 86400) return date;
    const isNewDay = index > 0 && wallClock(new Date(times_s[index - 1] * 1000)).day !== wall.day;
    if (isNewDay) return date;
    return step_s < 60 ? clockText(wall) : minuteText(wall);
  });

// ---- durations ----

const DURATION_UNITS = [["w", 604800000], ["d", 86400000], ["h", 3600000], ["m", 60000], ["s", 1000], ["ms", 1]];
const UNIT_SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };

// A duration as PromQL writes it: "1h30m".
export const durationText = (length_ms) => {
  let rest = Math.abs(length_ms);
  const parts = DURATION_UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? `${count}${unit}` : "";
  });
  return (length_ms < 0 ? "-" : "") + (parts.join("") || "0s");
};

// Seconds of "90", "1h30m" or "1d"; NaN for any other text.
export const durationSeconds = (text) => {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return NaN;
  return [...text.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, count, unit]) => sum + count * UNIT_SECONDS[unit], 0);
};

// How long something took: "12 ms", "1.32 s".
export const elapsedText = (length_s) =>
  length_s < 1 ? `${Math.max(1, Math.round(length_s * 1000))} ms` : `${shown(length_s.toFixed(2))} s`;

// ---- numbers ----

export const UNKNOWN = "–";

const COMMA = new Intl.NumberFormat(LANGUAGE).format(0.5).includes(",");

// A number that is shown as text, with the reader's decimal sign.
export const shown = (text) => (COMMA ? text.replace(".", ",") : text);

const threeDigits = (value) => {
  const size = Math.abs(value);
  if (size >= 99.95 || size === 0) return value.toFixed(0);
  return shown(size >= 9.995 ? value.toFixed(1) : value.toFixed(2).replace(/\.?0+$/, ""));
};

const scaled = (value, base, prefixes, suffix) => {
  let power = 0;
  while (Math.abs(value) >= base - 0.5 && power < prefixes.length - 1) {
    value /= base;
    power += 1;
  }
  return `${power === 0 ? value.toFixed(0) : threeDigits(value)} ${prefixes[power]}${suffix}`;
};

const secondsText = (value) => {
  const size = Math.abs(value);
  if (size >= 1 || size === 0) return `${threeDigits(value)} s`;
  return size >= 0.001 ? `${threeDigits(value * 1000)} ms` : `${threeDigits(value * 1e6)} µs`;
};

const DECIMAL = ["", "k", "M", "G", "T"];

const decimalScales = (unit) => DECIMAL.map((prefix, power) => [1000 ** power, ` ${prefix}${unit}`]);

// The units of the server's charts; `base` is the one that the steps of an axis are powers of, and `scales`
// are the sizes and names of the units that its ticks may have, smallest first.
export const UNITS = {
  ratio: { text: (value) => `${threeDigits(value * 100)} %`, base: 10, scales: [[0.01, " %"]] },
  number: { text: threeDigits, base: 10, scales: [[1, ""], [1e6, " M"], [1e9, " G"]] },
  bytes: {
    text: (value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], ""), base: 2,
    scales: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].map((name, power) => [1024 ** power, ` ${name}`]),
  },
  bytes_per_s: { text: (value) => scaled(value, 1000, DECIMAL, "B/s"), base: 10, scales: decimalScales("B/s") },
  per_s: {
    text: (value) => `${Math.abs(value) >= 1000 ? scaled(value, 1000, ["", "k", "M", "G"], "") : threeDigits(value)}/s`, base: 10,
    scales: [[1, "/s"], [1e3, " k/s"], [1e6, " M/s"], [1e9, " G/s"]],
  },
  seconds: { text: (value) => secondsText(value), base: 10, scales: [[1e-6, " µs"], [1e-3, " ms"], [1, " s"]] },
  hertz: { text: (value) => scaled(value, 1000, ["", "k", "M", "G"], "Hz"), base: 10, scales: decimalScales("Hz") },
  watts: { text: (value) => `${threeDigits(value)} W`, base: 10, scales: [[1, " W"]] },
  rpm: { text: (value) => `${value.toFixed(0)} rpm`, base: 10, scales: [[1, " rpm"]] },
  celsius: { text: (value) => `${threeDigits(value)} °C`, base: 10, scales: [[1, " °C"]] },
};

const MOST_DECIMALS = 6;

// The labels of an axis: all in the same unit and with as many decimals as the steps need.
//   scales: [size, name, from], smallest first; `from` is the least highest tick in this unit, by default its size.
export const tickLabels = (ticks, { scales }) => {
  const most = Math.max(...ticks.map(Math.abs));
  const [size, name] = scales.findLast(([each, , from = each]) => from <= most) ?? scales[0];
  const parts = ticks.map((tick) => tick / size);
  const isExact = (decimals) => parts.every((part) => Math.abs(part - Number(part.toFixed(decimals))) < 1e-9 * Math.max(1, most / size));
  let decimals = 0;
  while (decimals < MOST_DECIMALS && !isExact(decimals)) decimals += 1;
  const [, zero] = scales.find(([each]) => each === 1) ?? [1, name];
  return parts.map((part) => (part === 0 ? `0${zero}` : `${shown(part.toFixed(decimals))}${name}`));
};

// A sample's value with seven digits.
export const valueText = (value) => {
  if (value === null || value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  if (size && (size < 1e-4 || size >= 1e15)) return value.toExponential(3);
  return Number(value.toPrecision(7)).toString();
};

const PREFIXES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

// A value that fits on an axis: four digits and a prefix.
export const axisText = (value) => {
  const size = Math.abs(value);
  if (size >= 1e18 || (size && size < 1e-4)) return value.toExponential(1);
  const [scale, prefix] = PREFIXES.find(([each]) => size >= each) ?? [1, ""];
  return `${shown(String(Number((value / scale).toPrecision(4))))}${prefix}`;
};

// 2500 rather than 2.5k, and 25k.
const PLAIN = { scales: [[1, ""], [1e3, "k", 1e4], ...PREFIXES.toReversed().slice(1)] };

// The labels of an axis without a unit.
export const axisTexts = (ticks) => {
  const most = Math.max(...ticks.map(Math.abs));
  return most >= 1e18 || (most > 0 && most < 1e-4) ? ticks.map(axisText) : tickLabels(ticks, PLAIN);
};
