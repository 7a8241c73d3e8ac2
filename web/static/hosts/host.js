// The charts of a host's page: one request for all of them, the newest samples appended as time
// passes. Dragging across a chart loads that range at a finer step.

import { element } from "../lib/dom.js";
import { onThemeChange } from "../lib/theme.js";
import { createChart } from "./chart.js";
import { appendSamples, firstSampleTime, timesOf } from "./chart_data.js";

const SHORTEST_ZOOM_MS = 10000;
const SHORTEST_REFRESH_MS = 5000;
const LONGEST_REFRESH_MS = 60000;
const DEFAULT_STEP_MS = 15000;

const root = document.getElementById("charts");
const hint = document.getElementById("zoom-hint");
const resetButton = document.getElementById("zoom-reset");

let range = root.dataset.range;
let zoomed = null; // {start_ms, end_ms}
let answer = null; // the answer that is drawn
let charts = [];
let timer = null;
let latest = 0; // number of the latest request

const showProblem = (problem) =>
  root.replaceChildren(element("p", "problem", `The charts cannot be loaded: ${problem.message}`));

// ---- what the charts share ----

const zoomTo = (part) => {
  if (!part && !zoomed) return;
  zoomed = part;
  showZoom();
  reload();
};

const view = {
  times: () => timesOf(answer),
  start: () => firstSampleTime(answer),
  annotations: () => answer.annotations,
  reset: () => zoomTo(null),
  zoom: (start_s, end_s) => {
    const part = { start_ms: Math.floor(start_s * 1000), end_ms: Math.ceil(end_s * 1000) };
    if (part.end_ms - part.start_ms >= SHORTEST_ZOOM_MS) zoomTo(part);
  },
  explore: (queries) => {
    const parameters = new URLSearchParams({ range });
    if (zoomed) {
      const length_s = Math.max(SHORTEST_ZOOM_MS, zoomed.end_ms - zoomed.start_ms) / 1000;
      parameters.set("range", `${Math.round(length_s)}s`);
      parameters.set("until", new Date(zoomed.end_ms).toISOString());
    }
    for (const query of queries) parameters.append("query", query);
    return `/explore?${parameters}`;
  },
};

const showZoom = () => {
  hint.hidden = Boolean(zoomed);
  resetButton.hidden = !zoomed;
  resetButton.textContent = `Back to ${range}`;
};

// ---- loading and drawing ----

const hiddenLines = new Map(); // by the chart's key, the names of the lines that the reader has hidden
const hiddenOf = (chart) => {
  if (!hiddenLines.has(chart.key)) hiddenLines.set(chart.key, new Set());
  return hiddenLines.get(chart.key);
};

const draw = (fresh) => {
  answer = fresh;
  for (const chart of charts) chart.destroy();
  charts = answer.charts.map((chart) => createChart(chart, hiddenOf(chart), view));
  root.replaceChildren(...charts.map((chart) => chart.figure));
  if (!charts.length) root.append(element("p", "faint", "There are no samples in this range."));
  for (const chart of charts) chart.build();
};

// Returns the server's answer; null if there is nothing new or a later request was sent meanwhile.
const request = async (parameters) => {
  const mine = ++latest;
  const query = new URLSearchParams({ ...(zoomed ?? { range }), ...parameters });
  const response = await fetch(`${root.dataset.source}?${query}`, { headers: { Accept: "application/json" } });
  if (mine !== latest || response.status === 204) return null;
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return mine === latest ? body : null;
};

const loadAll = async () => {
  const fresh = await request({});
  if (fresh) draw(fresh);
};

const loadNewest = async () => {
  const fresh = await request({ since_ms: answer.end_ms });
  if (!fresh) return;
  if (appendSamples(answer, fresh)) charts.forEach((chart) => chart.update());
  else await loadAll();
};

const schedule = () => {
  clearTimeout(timer);
  if (zoomed || document.hidden) return;
  const step_ms = Math.max(answer?.step_ms ?? DEFAULT_STEP_MS, SHORTEST_REFRESH_MS);
  timer = setTimeout(refresh, Math.min(step_ms, LONGEST_REFRESH_MS));
};

const refresh = async () => {
  if (zoomed) return;
  try {
    await (answer?.charts.length ? loadNewest() : loadAll());
  } catch (problem) {
    // Charts that are drawn stay; the next refresh brings them up to date.
    if (!answer) showProblem(problem);
  }
  schedule();
};

const reload = async () => {
  root.setAttribute("aria-busy", "true");
  try {
    await loadAll();
  } catch (problem) {
    showProblem(problem);
  }
  root.removeAttribute("aria-busy");
  schedule();
};

// ---- what the reader does ----

resetButton.addEventListener("click", view.reset);

for (const link of document.querySelectorAll("a[data-range]")) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    range = link.dataset.range;
    zoomed = null;
    showZoom();
    for (const other of link.parentElement.children) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    history.replaceState(null, "", `?range=${range}`);
    reload();
  });
}

let frame = 0;
new ResizeObserver(() => {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => charts.forEach((chart) => chart.resize()));
}).observe(root);
onThemeChange(() => charts.forEach((chart) => chart.build()));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
reload();
