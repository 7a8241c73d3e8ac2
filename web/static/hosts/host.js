// The charts of a host's page: loaded as they come into view, on one time for all. Dragging across a
// chart shows that part at a finer step; a click asks what changed around that moment.

import { element } from "../lib/dom.js";
import { inputTime } from "../lib/format.js";
import { JSON_HEADERS, t } from "../lib/texts.js";
import { onThemeChange } from "../lib/theme.js";
import { changesPanel } from "./changes.js";
import { createChart } from "./chart.js";
import { chartBlocks } from "./chart_blocks.js";
import { firstSampleTime, timesOf } from "./chart_data.js";
import { readTimeState, SHORTEST_ZOOM_MS, timeStateQuery } from "./time_state.js";

const SHORTEST_REFRESH_MS = 5000;
const LONGEST_REFRESH_MS = 60000;
const DEFAULT_STEP_MS = 15000;
const WINDOWS_MS = { "5m": 300000, "15m": 900000, "1h": 3600000, "6h": 21600000, "1d": 86400000 };
const RANGE_MS = { "1h": 3600000, "6h": 21600000, "24h": 86400000, "7d": 604800000, "30d": 2592000000 };

const byId = (id) => document.getElementById(id);
const root = byId("charts");
const rangeLinks = [...document.querySelectorAll("a[data-range]")];
const fallback = root.dataset.range;
const ranges = rangeLinks.map((link) => link.dataset.range);
const showChanges = changesPanel(byId("changes"), `${root.dataset.source}/changes`);

let state = readTimeState(location.search, ranges, fallback);
let charts = new Map(); // the drawn charts by key
let timer = null;

// ---- what the charts share ----

const windowMs = () => {
  if (WINDOWS_MS[state.window]) return WINDOWS_MS[state.window];
  const length_ms = state.fixed ? state.fixed.end_ms - state.fixed.start_ms : RANGE_MS[state.range];
  return Object.values(WINDOWS_MS).find((each) => each >= length_ms / 12) ?? WINDOWS_MS["1d"];
};

const change = (part, isNew = true) => {
  state = { ...state, ...part };
  const query = timeStateQuery(state, fallback);
  const address = query ? `?${query}` : location.pathname;
  if (isNew) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  showControls();
};

const viewOf = (block) => ({
  times: () => timesOf(block.answer),
  start: () => firstSampleTime(blocks.first() ?? block.answer),
  annotations: () => block.answer.annotations,
  moment: () => (state.moment_ms === null ? null : { time_ms: state.moment_ms, window_ms: windowMs() }),
  compare: () => state.compare,
  reset: () => state.fixed && (change({ fixed: null }), loadAll()),
  zoom: (start_s, end_s) => {
    const fixed = { start_ms: Math.floor(start_s * 1000), end_ms: Math.ceil(end_s * 1000) };
    if (fixed.end_ms - fixed.start_ms < SHORTEST_ZOOM_MS) return;
    change({ fixed });
    loadAll();
  },
  pick: (time_s) => pickMoment(Math.round(time_s * 1000)),
  explore: (queries) => {
    const parameters = new URLSearchParams({ range: state.range });
    if (state.fixed) {
      const length_s = (state.fixed.end_ms - state.fixed.start_ms) / 1000;
      parameters.set("range", `${Math.round(length_s)}s`);
      parameters.set("until", new Date(state.fixed.end_ms).toISOString());
    }
    for (const query of queries) parameters.append("query", query);
    return `/explore?${parameters}`;
  },
});

const redrawAll = () => charts.forEach((chart) => chart.redraw());

const pickMoment = (moment_ms) => {
  change({ moment_ms }, state.moment_ms === null);
  redrawAll();
  showChanges(moment_ms, windowMs());
  // The panel is above all charts: out of sight for who picked a moment further down.
  byId("changes").scrollIntoView({ block: "nearest" });
};

// ---- loading and drawing ----

const hiddenLines = new Map(); // by the chart's key, the names of the lines that the reader has hidden
const hiddenOf = (key) => {
  if (!hiddenLines.has(key)) hiddenLines.set(key, new Set());
  return hiddenLines.get(key);
};

const request = async (parameters, path = "charts") => {
  const query = new URLSearchParams({ ...(state.fixed ?? { range: state.range }), ...parameters });
  if (state.compare && path === "charts") query.set("compare", state.compare);
  const response = await fetch(`${root.dataset.source}/${path}?${query}`, { headers: JSON_HEADERS });
  if (response.status === 204) return null;
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
};

const placeOf = (key) => root.querySelector(`[data-key="${CSS.escape(key)}"]`);

const hideEmptySections = () => {
  for (const section of root.querySelectorAll(".chart-group")) {
    section.hidden = [...section.querySelectorAll("[data-key]")].every((place) => place.hidden);
  }
};

const blocks = chartBlocks({
  request,
  drawn: (block) => {
    const view = viewOf(block);
    const own = block.answer.charts.map((chart) => {
      charts.get(chart.key)?.destroy();
      const made = createChart(chart, hiddenOf(chart.key), view);
      charts.set(chart.key, made);
      const place = placeOf(chart.key);
      place.replaceChildren(made.figure);
      place.removeAttribute("aria-busy");
      made.build();
      return made;
    });
    block.update = () => own.forEach((chart) => chart.update());
    hideEmptySections();
  },
  missing: (keys) => {
    for (const key of keys) placeOf(key).hidden = true;
    hideEmptySections();
  },
  failed: (problem, keys) => {
    for (const key of keys) {
      placeOf(key).replaceChildren(element("p", "problem", t("This chart cannot be loaded: %(problem)s", { problem: problem.message })));
    }
  },
});

const groupOf = ({ title, charts: own }) => {
  const group = element("section", "chart-group");
  group.id = `section-${title.toLowerCase().replaceAll(" ", "-")}`;
  const places = element("div", "charts");
  for (const { key, title: name } of own) {
    const place = element("div", "chart-place");
    place.dataset.key = key;
    place.setAttribute("aria-busy", "true");
    place.append(element("h4", "faint", t(name)));
    places.append(place);
  }
  group.append(element("h3", "chart-group-title", t(title)), places);
  return group;
};

// The sections that came with the page, and the keys of the charts that its preload asks for.
let given = JSON.parse(byId("sections")?.textContent ?? "null");

let latest = 0;
const loadAll = async () => {
  const mine = ++latest;
  root.setAttribute("aria-busy", "true");
  try {
    const first = blocks.ask(given?.first);
    const { sections } = given ?? await request({}, "sections");
    given = null;
    if (mine !== latest) return;
    charts.forEach((chart) => chart.destroy());
    charts = new Map();
    root.replaceChildren(...sections.map(groupOf));
    if (!sections.length) root.append(element("p", "faint", t("There are no samples in this range.")));
    blocks.reset(root.querySelectorAll("[data-key]"), first);
  } catch (problem) {
    if (mine === latest) root.replaceChildren(element("p", "problem", t("The charts cannot be loaded: %(problem)s", { problem: problem.message })));
  }
  root.removeAttribute("aria-busy");
  schedule();
};

const schedule = () => {
  clearTimeout(timer);
  if (state.fixed || document.hidden) return;
  const step_ms = Math.max(blocks.first()?.step_ms ?? DEFAULT_STEP_MS, SHORTEST_REFRESH_MS);
  timer = setTimeout(refresh, Math.min(step_ms, LONGEST_REFRESH_MS));
};

const refresh = async () => {
  if (state.fixed) return;
  try {
    // A new host has no chart at first.
    await (blocks.all().length ? blocks.refresh() : loadAll());
  } catch {
    // Charts that are drawn stay; the next refresh brings them up to date.
  }
  schedule();
};

// ---- what the reader does ----

const showControls = () => {
  for (const link of rangeLinks) {
    if (!state.fixed && link.dataset.range === state.range) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  byId("zoom-hint").hidden = Boolean(state.fixed);
  const reset = byId("zoom-reset");
  reset.hidden = !state.fixed;
  reset.textContent = t("Back to %(range)s", { range: state.range });
  byId("compare").value = state.compare;
  byId("window").value = state.window;
  const end_ms = state.fixed?.end_ms ?? Date.now();
  byId("time-from").value = inputTime(new Date(state.fixed?.start_ms ?? end_ms - RANGE_MS[state.range]));
  byId("time-to").value = inputTime(new Date(end_ms));
};

byId("zoom-reset").addEventListener("click", () => {
  change({ fixed: null });
  loadAll();
});

for (const link of rangeLinks) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    change({ range: link.dataset.range, fixed: null });
    loadAll();
  });
}

byId("compare").addEventListener("change", (event) => {
  change({ compare: event.target.value });
  loadAll();
});

byId("times").addEventListener("submit", (event) => {
  event.preventDefault();
  const [start_ms, end_ms] = ["time-from", "time-to"].map((id) => new Date(byId(id).value).getTime());
  const field = byId("time-to");
  field.setCustomValidity(end_ms - start_ms >= SHORTEST_ZOOM_MS ? "" : t("The end must lie at least 10 s after the start."));
  if (!field.reportValidity()) return;
  byId("times").closest("details").open = false;
  change({ fixed: { start_ms, end_ms } });
  loadAll();
});

byId("window").addEventListener("change", (event) => {
  change({ window: event.target.value }, false);
  redrawAll();
  showChanges(state.moment_ms, windowMs());
});

byId("changes-close").addEventListener("click", () => {
  change({ moment_ms: null });
  redrawAll();
  showChanges(null, 0);
});

addEventListener("popstate", () => {
  state = readTimeState(location.search, ranges, fallback);
  showControls();
  loadAll();
  showChanges(state.moment_ms, windowMs());
});

let frame = 0;
new ResizeObserver(() => {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => charts.forEach((chart) => chart.resize()));
}).observe(root);
onThemeChange(() => charts.forEach((chart) => chart.build()));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
showControls();
loadAll();
if (state.moment_ms !== null) showChanges(state.moment_ms, windowMs());
