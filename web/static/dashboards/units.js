// The units of Grafana as text: an id such as "bytes" or "percentunit" and the number's digits.

import { axisText, shown, valueText } from "../lib/format.js";
import { t, tp } from "../lib/texts.js";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"];
const SMALL = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
const LONG = [[31557600, t("years")], [604800, t("weeks")], [86400, t("days")], [3600, t("hours")], [60, "min"]];

const digits = (value, decimals) => {
  if (decimals !== null && decimals !== undefined) return shown(value.toFixed(decimals));
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return value.toFixed(0);
  return shown(Number(value.toPrecision(3)).toString());
};

const scaled = (base, prefixes, suffix) => (value, decimals) => {
  let power = 0;
  while (Math.abs(value) >= base && power < prefixes.length - 1) {
    value /= base;
    power += 1;
  }
  return `${digits(value, decimals)} ${prefixes[power]}${suffix}`.trimEnd();
};

const seconds = (value, decimals) => {
  const size = Math.abs(value);
  if (size >= 60) {
    const [scale, unit] = LONG.find(([each]) => size >= each);
    return `${digits(value / scale, decimals)} ${unit}`;
  }
  if (size === 0) return "0 s";
  const [scale, unit] = SMALL.find(([each]) => size >= each) ?? SMALL.at(-1);
  return `${digits(value / scale, decimals)} ${unit}`;
};

const times = (factor) => (value, decimals) => seconds(value * factor, decimals);

const short = (value, decimals) =>
  decimals === null || decimals === undefined ? axisText(Number(value.toPrecision(4))) : scaled(1000, DECIMAL, "")(value, decimals);

const counted = (suffix) => (value, decimals) => `${short(value, decimals)} ${suffix}`;

const choice = (yes, no) => (value) => (value ? yes : no);

const moment = (value) => new Date(value).toISOString().replace("T", " ").slice(0, 19);

const UNITS = {
  "": short,
  short,
  none: (value, decimals) => (decimals === null || decimals === undefined ? valueText(value) : shown(value.toFixed(decimals))),
  percent: (value, decimals) => `${digits(value, decimals)} %`,
  percentunit: (value, decimals) => `${digits(value * 100, decimals)} %`,
  bytes: scaled(1024, BINARY, "B"), kbytes: (value, decimals) => scaled(1024, BINARY, "B")(value * 1024, decimals),
  mbytes: (value, decimals) => scaled(1024, BINARY, "B")(value * 1048576, decimals),
  decbytes: scaled(1000, DECIMAL, "B"), bits: scaled(1024, BINARY, "b"), decbits: scaled(1000, DECIMAL, "b"),
  Bps: scaled(1000, DECIMAL, "B/s"), binBps: scaled(1024, BINARY, "B/s"),
  bps: scaled(1000, DECIMAL, "b/s"), binbps: scaled(1024, BINARY, "b/s"),
  s: seconds, seconds, ms: times(1e-3), µs: times(1e-6), us: times(1e-6), ns: times(1e-9),
  m: times(60), h: times(3600), d: times(86400), dtdurations: seconds, dtdurationms: times(1e-3),
  hertz: scaled(1000, DECIMAL, "Hz"), celsius: (value, decimals) => `${digits(value, decimals)} °C`,
  volt: scaled(1000, DECIMAL, "V"), watt: scaled(1000, DECIMAL, "W"), amp: scaled(1000, DECIMAL, "A"), rotrpm: counted("rpm"),
  ops: counted("ops/s"), reqps: counted("req/s"), rps: counted("reads/s"), wps: counted("writes/s"), iops: counted("io/s"),
  pps: counted("p/s"), eps: counted("events/s"), cps: counted("/s"), opm: counted("ops/min"), cpm: counted("/min"),
  bool: choice("true", "false"), bool_yes_no: choice(t("Yes"), t("No")), bool_on_off: choice(tp("switch", "On"), tp("switch", "Off")),
  currencyUSD: (value, decimals) => `$${digits(value, decimals ?? 2)}`,
  dateTimeAsIso: moment, dateTimeFromNow: moment, dateTimeAsIsoNoDateIfToday: moment,
};

// Returns a function from a number to text; an id that is not known is a suffix, as in Grafana.
export const unitText = (unit, decimals = null) => {
  const custom = /^(suffix|prefix):(.*)$/.exec(unit);
  let write = Object.hasOwn(UNITS, unit) ? UNITS[unit] : counted(unit);
  if (custom) write = (value, places) => (custom[1] === "prefix" ? `${custom[2]}${short(value, places)}` : `${short(value, places)} ${custom[2]}`);
  return (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
    return write(value, decimals);
  };
};

// ---- colours: those of Grafana as ours, which have enough contrast in both themes ----

const FILLS = [["green", "--up"], ["red", "--critical-fill"], ["orange", "--warning-fill"], ["yellow", "--line-7"], ["blue", "--line-1"], ["purple", "--line-4"]];
const TEXTS = { "--critical-fill": "--critical", "--warning-fill": "--warning" };

const token = (name) => FILLS.find(([part]) => name.includes(part))?.[1];

export const fillColour = (name) => {
  const known = token(name);
  if (known) return `var(${known})`;
  return CSS.supports("color", name) && name !== "transparent" ? name : "var(--bar)";
};

// A colour of the file's own may have too little contrast for text.
export const textColour = (name) => {
  const known = token(name);
  return known && known !== "--line-7" ? `var(${TEXTS[known] ?? known})` : "var(--ink)";
};

// The colour of a value by the thresholds of a panel; null without any.
export const thresholdColour = ({ thresholds, percent, min, max }, value) => {
  if (!thresholds?.length || value === null || Number.isNaN(value)) return null;
  const low = min ?? 0;
  const measured = percent ? ((value - low) / ((max ?? 100) - low)) * 100 : value;
  return (thresholds.findLast((each) => each.value !== null && measured >= each.value) ?? thresholds[0]).color;
};

// Grafana's gradients, such as "continuous-GrYlRd": the nearest of their colours.
const GRADIENT = { Gr: "green", Yl: "yellow", Rd: "red", Bl: "blue", Pu: "purple" };

export const continuousColour = ({ color, min, max }, value, range) => {
  const names = color.slice("continuous-".length).match(/[A-Z][a-z]+/g)?.map((part) => GRADIENT[part]).filter(Boolean) ?? [];
  const [low, high] = [min ?? range?.[0] ?? 0, max ?? range?.[1] ?? 100];
  if (!names.length || !(high > low)) return names.at(-1) ?? null;
  const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return names[Math.round(share * (names.length - 1))];
};
