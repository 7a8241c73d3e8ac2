// Panels that show one number of each series or column: stat, gauge, bars, pie.

import { dataElement, element } from "../lib/dom.js";
import { shown } from "../lib/format.js";
import { palette } from "../lib/plot.js";
import { fieldText, shownValue, styleOf, titleOf } from "./fields.js";
import { linkTo } from "./links.js";
import { reduced } from "./queries.js";
import { fillColour, textColour } from "./units.js";

const MOST_TILES = 60;
const SVG = "http://www.w3.org/2000/svg";

const svg = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// Every row of a table is a number of its own, named by its texts.
const rowNumbers = (panel, frames) =>
  frames.flatMap(({ fields }) => {
    const numbers = fields.filter(({ type }) => type === "number");
    const texts = fields.filter(({ type }) => type === "string");
    return numbers.flatMap((field) => field.values.map((value, row) => {
      const name = texts.map(({ values }) => values[row]).filter(Boolean).join(" ");
      return { field: name ? { ...field, name } : field, style: styleOf(panel, field), value, values: [value] };
    }));
  });

// Returns [{field, style, value, values}] of the panel's data.
const numbersOf = (panel, { frames }) => {
  if (panel.all_rows) return rowNumbers(panel, frames).slice(0, MOST_TILES);
  return frames.flatMap(({ fields }) => fields.filter(({ type }) => type === "number"))
    .map((field) => ({ field, style: styleOf(panel, field), value: reduced(field.values, panel.reduce), values: field.values }))
    .filter(({ style }) => !style.hidden).slice(0, MOST_TILES);
};

const rangeOf = (numbers) => {
  const known = numbers.flatMap(({ values }) => values).filter((value) => value !== null && Number.isFinite(value));
  return known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : null;
};

const tiles = (body, className, panel, data, context, fill) => {
  const list = element("ul", className);
  const numbers = numbersOf(panel, data);
  const range = rangeOf(numbers);
  for (const number of numbers) {
    const { field, style, value } = number;
    const item = element("li");
    const { text, colour } = shownValue(style, value, range);
    const title = fieldText(titleOf(style, field, context.scope), field);
    fill(item, { ...number, name: title, text, colour, isAlone: numbers.length === 1, largest: range?.[1] ?? 0 });
    list.append(item);
    const [link] = style.links ?? [];
    if (link) item.append(linkTo(link, context, field, { value, text }));
  }
  body.replaceChildren(list);
};

const sparkline = (values, colour) => {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  if (known.length < 2) return null;
  const [low, high] = [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))];
  const y = (value) => (high > low ? 28 - ((value - low) / (high - low)) * 26 : 15);
  let isBroken = true;
  const path = values.map((value, at) => {
    if (value === null || !Number.isFinite(value)) {
      isBroken = true;
      return "";
    }
    const step = `${isBroken ? "M" : "L"}${((at / (values.length - 1)) * 100).toFixed(2)} ${y(value).toFixed(2)}`;
    isBroken = false;
    return step;
  }).join("");
  const picture = svg("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true", class: "dash-spark" });
  const line = svg("path", { d: path });
  line.style.stroke = colour ? fillColour(colour) : "var(--line-1)";
  picture.append(line);
  return picture;
};

const isNameShown = (panel, isAlone) =>
  panel.text_mode === "value_and_name" || panel.text_mode === "name" || (panel.text_mode === "auto" && !isAlone);

export const drawStat = (body, panel, data, context) =>
  tiles(body, "dash-stats", panel, data, context, (item, { name, text, colour, values, isAlone, style }) => {
    const shown = panel.color_mode === "none" ? null : colour;
    const number = dataElement("b", "", panel.text_mode === "name" ? name : panel.text_mode === "none" ? "" : text);
    if (shown && panel.color_mode === "value") number.style.color = textColour(shown);
    if (shown && panel.color_mode === "background") {
      item.classList.add("is-filled");
      item.style.setProperty("--fill", fillColour(shown));
    }
    // A title of the field's own is shown even for a single number.
    const isNamed = panel.text_mode !== "name" && (isNameShown(panel, isAlone) || (panel.text_mode === "auto" && style.name && panel.title !== name));
    item.append(...[panel.sparkline ? sparkline(values, shown) : null, number, isNamed ? dataElement("span", "faint", name) : null].filter(Boolean));
  });

const shareOf = ({ unit, min, max }, value, largest) => {
  const low = min ?? 0;
  const high = max ?? (unit === "percentunit" ? 1 : unit === "percent" ? 100 : largest);
  return value === null || high <= low ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low)));
};

const ARC = "M 10 60 A 50 50 0 0 1 110 60";

export const drawGauge = (body, panel, data, context) =>
  tiles(body, "dash-gauges", panel, data, context, (item, { name, value, text, colour, style, isAlone, largest }) => {
    const share = shareOf(style, value, largest) * 100;
    const picture = svg("svg", { viewBox: "0 0 120 68", "aria-hidden": "true" });
    const arc = svg("path", { d: ARC, pathLength: 100, class: "dash-arc-value", "stroke-dasharray": `${share} 200` });
    arc.style.stroke = colour ? fillColour(colour) : "var(--bar)";
    picture.append(svg("path", { d: ARC, class: "dash-arc" }), ...(share > 0 ? [arc] : []));
    const number = element("b", "", text);
    if (colour) number.style.color = textColour(colour);
    item.append(picture, number, ...(isAlone ? [] : [dataElement("span", "faint", name)]));
  });

export const drawBars = (body, panel, data, context) =>
  tiles(body, "dash-bars", panel, data, context, (item, { name, value, text, colour, style, largest }) => {
    const bar = element("i");
    const fill = element("i");
    fill.style.width = `${shareOf(style, value, largest) * 100}%`;
    fill.style.background = colour ? fillColour(colour) : "var(--bar)";
    bar.append(fill);
    const label = dataElement("span", "", name);
    label.title = name;
    item.append(label, bar, element("b", "", text));
  });

export const drawPie = (body, panel, data, context) => {
  const numbers = numbersOf(panel, data).filter(({ value }) => value > 0);
  const total = numbers.reduce((sum, { value }) => sum + value, 0);
  const colours = palette();
  const picture = svg("svg", { viewBox: "0 0 42 42", class: "dash-pie", "aria-hidden": "true" });
  const list = element("ul", "dash-pie-legend");
  let before = 0;
  numbers.forEach(({ field, style, value }, index) => {
    const share = (value / total) * 100;
    const { text, colour } = shownValue(style, value);
    const part = svg("circle", { cx: 21, cy: 21, r: 15.9155, "stroke-dasharray": `${share} ${100 - share}`, "stroke-dashoffset": 25 - before });
    part.style.stroke = style.color && colour ? fillColour(colour) : colours[index % colours.length];
    before += share;
    picture.append(part);
    const item = element("li");
    const key = element("i");
    key.style.background = part.style.stroke;
    const name = titleOf(style, field, context.scope);
    item.append(key, dataElement("span", "", name), element("b", "", `${text} · ${shown(share.toFixed(share < 10 ? 1 : 0))} %`));
    list.append(item);
  });
  const box = element("div", "dash-pies");
  box.append(picture, list);
  body.replaceChildren(box);
};
