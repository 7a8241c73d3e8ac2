// "What changed": the series of a host, ranked by how unlike themselves they were around a moment.

import { dataElement, element } from "../lib/dom.js";
import { durationText, shown, timeText, valueText } from "../lib/format.js";
import { JSON_HEADERS, t, tn } from "../lib/texts.js";

const SVG = "http://www.w3.org/2000/svg";
const SURE = 0.05;

const svg = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// The course of a series in a field of 100 by 24, the time around the moment shaded.
export const courseOf = ({ values }, from) => {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const size = high - low || 1;
  let path = "";
  let isDrawn = false;
  values.forEach((value, index) => {
    if (value === null) {
      isDrawn = false;
      return;
    }
    const x = ((index + 0.5) * 100) / values.length;
    path += `${isDrawn ? "L" : "M"}${x.toFixed(1)} ${(22 - ((value - low) / size) * 20).toFixed(1)}`;
    isDrawn = true;
  });
  const field = svg("svg", { viewBox: "0 0 100 24", preserveAspectRatio: "none", class: "course", "aria-hidden": "true" });
  field.append(svg("rect", { x: from * 100, width: 100 - from * 100, height: 24 }), svg("path", { d: path }));
  return field;
};

const chanceText = (share) => {
  if (share < 0.001) return t("under 0.1 %");
  const percent = share * 100;
  return `${shown(percent >= 10 ? percent.toFixed(0) : percent.toPrecision(2))} %`;
};

const shortText = (value, digits) => shown(valueText(Number(value.toPrecision(digits))));

const shiftText = ({ shift, is_rate: isRate, median_before: before, median_after: after }) => {
  const medians = `${shortText(before, 4)} → ${shortText(after, 4)}${isRate ? " /s" : ""}`;
  // The spread of a series that stood still is made up.
  return Math.abs(shift) >= 1000 ? medians : `${medians} (${shift > 0 ? "+" : ""}${shortText(shift, 2)} σ)`;
};

const rowOf = (change, answer) => {
  const row = element("tr");
  const name = element("th");
  name.scope = "row";
  const link = dataElement("a", "series", change.series);
  const range_s = Math.round((answer.end_ms - answer.start_ms) / 1000);
  const until = new Date(answer.end_ms).toISOString();
  link.href = `/explore?${new URLSearchParams({ range: `${range_s}s`, until, query: change.query })}`;
  link.title = t("Open in Explore");
  name.append(link);
  const course = element("td", "course-cell");
  course.append(courseOf(change, (answer.split_ms - answer.start_ms) / (answer.end_ms - answer.start_ms)));
  const chance = element("td", "number", chanceText(change.share_of_chance));
  if (change.share_of_chance > SURE) chance.classList.add("faint");
  row.append(name, course, element("td", "number", shown(change.distance.toFixed(2))), element("td", "number secondary", shiftText(change)), chance);
  return row;
};

const TITLES = [[t("Series"), ""], [t("Course"), ""], ["D", "number"], [t("Medians, in spreads"), "number secondary"], [t("By chance"), "number"]];

const tableOf = (answer) => {
  const table = element("table", "grid changes-table");
  const head = element("tr");
  for (const [title, className] of TITLES) {
    const cell = element("th", className, title);
    cell.scope = "col";
    head.append(cell);
  }
  const body = element("tbody");
  body.append(...answer.changes.map((change) => rowOf(change, answer)));
  table.createTHead().append(head);
  table.append(body);
  return table;
};

const summaryOf = (answer) => {
  const sure = answer.changes.filter((change) => change.share_of_chance <= SURE).length;
  const window = durationText(answer.end_ms - answer.split_ms);
  const before = durationText(answer.split_ms - answer.start_ms);
  const parts = [
    tn("%(count)s series compared: %(window)s around the moment with the %(before)s before.", "%(count)s series compared: %(window)s around the moment with the %(before)s before.", answer.compared, { window, before }),
    tn("%(count)s stood still.", "%(count)s stood still.", answer.constant),
  ];
  if (answer.too_few) parts.push(tn("%(count)s has too few samples.", "%(count)s have too few samples.", answer.too_few));
  parts.push(sure === 0 && answer.changes.length ? t("None of the changes is surely more than chance.") : "");
  return parts.filter(Boolean).join(" ");
};

//   source: the address of the API.
//   root: the section; it holds a heading, a note, a select of windows and a place for the list.
export const changesPanel = (root, source) => {
  const [title, list, summary] = ["changes-title", "changes-list", "changes-summary"].map((id) => document.getElementById(id));
  let latest = 0;

  return async (moment_ms, window_ms) => {
    const mine = ++latest;
    root.hidden = moment_ms === null;
    if (moment_ms === null) return;
    title.textContent = t("What changed around %(time)s", { time: timeText(new Date(moment_ms)) });
    root.setAttribute("aria-busy", "true");
    summary.textContent = t("Comparing…");
    try {
      const query = new URLSearchParams({ time_ms: moment_ms, window_ms });
      const answer = await fetch(`${source}?${query}`, { headers: JSON_HEADERS });
      const body = await answer.json();
      if (mine !== latest) return;
      if (!answer.ok) throw new Error(body.error);
      summary.textContent = summaryOf(body);
      list.replaceChildren(body.changes.length ? tableOf(body) : element("p", "faint", t("No series changed.")));
    } catch (problem) {
      if (mine !== latest) return;
      summary.textContent = "";
      list.replaceChildren(element("p", "problem", t("This cannot be compared: %(problem)s", { problem: problem.message })));
    }
    root.removeAttribute("aria-busy");
  };
};
