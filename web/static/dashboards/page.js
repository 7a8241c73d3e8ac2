// One dashboard: variables, times, the grid of panels. Its address holds the values and the times.
// The editor is loaded when editing begins.

import { dataElement, element, showLocalTimes } from "../lib/dom.js";
import { durationSeconds } from "../lib/format.js";
import { t, tn } from "../lib/texts.js";
import { sectionsOf } from "./layout.js";
import { linkTo } from "./links.js";
import { HAS_NO_QUERIES, loadDrawing, loadKinds } from "./panels.js";
import { runPanel } from "./queries.js";
import { sharedAsk, sharedVariables } from "./shared.js";
import { timeOf } from "./times.js";
import { ALL, interpolate, resolve } from "./variables.js";

const given = JSON.parse(document.getElementById("dashboard-data").textContent);
const board = document.getElementById("board");
const fields = document.getElementById("variables");
const form = document.getElementById("times");
const problem = document.getElementById("board-problem");
const linkBar = document.getElementById("board-links");

const shared = given.share ? sharedAsk(given) : null;
if (shared) given.dashboard.variables = sharedVariables(given);
const state = { chosen: new Map(), annotations: [], dashboard: given.dashboard, version: given.version, start: "", end: "", refresh: "", wanted: new Map(), folded: new Map() };
let editor = null;
let stopLoading = new AbortController();
let timer = null;
const cards = new Map();

// ---- the address ----

const readAddress = () => {
  const parameters = new URLSearchParams(location.search);
  state.start = parameters.get("from") ?? state.dashboard.start;
  state.end = parameters.get("to") ?? state.dashboard.end;
  state.refresh = parameters.get("refresh") ?? state.dashboard.refresh;
  state.wanted = new Map([...parameters.keys()].filter((key) => key.startsWith("var-"))
    .map((key) => [key.slice(4), parameters.getAll(key).map((value) => (value === "All" ? ALL : value))]));
};

const writeAddress = () => {
  const parameters = new URLSearchParams();
  if (state.start !== state.dashboard.start) parameters.set("from", state.start);
  if (state.end !== state.dashboard.end) parameters.set("to", state.end);
  if (state.refresh !== state.dashboard.refresh) parameters.set("refresh", state.refresh);
  for (const [name, values] of state.wanted) for (const value of values) parameters.append(`var-${name}`, value);
  const query = parameters.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
};

const timesNow = () => {
  const now_ms = Date.now();
  return { start_ms: timeOf(state.start, false, now_ms), end_ms: timeOf(state.end, true, now_ms) };
};

// ---- variables ----

const choose = (name, values) => {
  state.wanted.set(name, values);
  writeAddress();
  load();
};

const selectOf = ({ variable, options, chosen }) => {
  const select = element("select");
  select.multiple = variable.multi;
  if (variable.multi) select.size = Math.min(4, options.length + 1);
  const all = variable.include_all ? [{ text: t("All"), value: ALL }] : [];
  const extra = chosen.filter((value) => value !== ALL && !options.some((each) => each.value === value)).map((value) => ({ text: value, value }));
  for (const { text, value } of [...all, ...extra, ...options]) {
    const option = new Option(text, value, false, chosen.includes(value));
    option.translate = value === ALL;
    select.add(option);
  }
  if (!select.options.length && !variable.multi) {
    select.add(new Option(t("None"), ""));
    select.disabled = true;
  }
  select.addEventListener("change", () => {
    const picked = [...select.selectedOptions].map((each) => each.value);
    // All and single values exclude each other: the newer choice holds.
    const values = picked.length > 1 && picked.includes(ALL) ? (chosen.includes(ALL) ? picked.filter((each) => each !== ALL) : [ALL]) : picked;
    choose(variable.name, values);
  });
  return select;
};

const fieldOf = (each) => {
  const { variable, chosen, problem: failure } = each;
  const field = element("div", "dash-variable");
  const label = dataElement("label", "", variable.label || variable.name);
  let control;
  if (variable.kind === "textbox") {
    control = element("input");
    control.value = chosen[0] ?? "";
    control.addEventListener("change", () => choose(variable.name, [control.value]));
  } else {
    control = selectOf(each);
  }
  control.id = label.htmlFor = `variable-${variable.name}`;
  if (variable.multi) {
    const box = element("details");
    const text = chosen.includes(ALL) ? t("All") : chosen.join(", ") || t("None");
    const summary = dataElement("summary", "", `${label.textContent}: ${text}`);
    label.className = "sr-only";
    box.append(summary, label, control);
    field.append(box);
  } else {
    field.append(label, control);
  }
  if (failure) field.append(element("p", "problem", failure));
  return field;
};

const showVariables = (found) => {
  const shown = found.filter(({ variable }) => !variable.hidden && variable.kind !== "constant" && variable.kind !== "datasource");
  const focused = document.activeElement?.id;
  const open = new Set([...fields.querySelectorAll("details[open] select")].map((each) => each.id));
  fields.replaceChildren(...shown.map(fieldOf));
  fields.hidden = !shown.length;
  for (const id of open) document.getElementById(id)?.closest("details")?.setAttribute("open", "");
  if (focused?.startsWith("variable-")) document.getElementById(focused)?.focus();
};

// ---- panels ----

const zoom = (start_s, end_s) => setTimes(String(Math.round(start_s * 1000)), String(Math.round(Math.max(end_s, start_s + 1) * 1000)));

// What links and drawings need beside their panel.
const contextOf = (scope, zoomTo = zoom) => ({
  scope, chosen: state.chosen, times: { start: state.start, end: state.end }, range: current?.times, annotations: state.annotations, zoom: zoomTo,
  texts: given.texts ?? {}, isShared: Boolean(shared),
});

const noteOf = (panel, scope) => {
  if (!panel.unsupported.length && !panel.description && !panel.links.length) return null;
  const box = element("details", "dash-info");
  const name = panel.unsupported.length ? t("Not all of this panel is drawn") : t("About this panel");
  const summary = element("summary", "", panel.unsupported.length ? "!" : "i");
  summary.setAttribute("aria-label", `${name}: ${panel.title}`);
  const text = element("div");
  if (panel.description) text.append(dataElement("p", "", interpolate(panel.description, scope)));
  if (panel.unsupported.length) {
    text.append(element("p", "", t("Not supported: %(parts)s.", { parts: panel.unsupported.join(", ") })));
    for (const { expr } of panel.queries) text.append(element("code", "", expr));
  }
  text.append(...panel.links.map((link) => linkTo(link, contextOf(scope))));
  box.append(summary, text);
  return box;
};

const cardOf = ({ panel, scope, place }) => {
  const card = element("section", "dash-panel");
  card.dataset.kind = panel.kind;
  card.dataset.state = "waiting";
  for (const [name, value] of Object.entries(place)) card.style.setProperty(`--${name}`, value);
  const head = element("header");
  const title = dataElement("h3", "", interpolate(panel.title, scope));
  title.title = title.textContent;
  head.append(title, ...[noteOf(panel, scope)].filter(Boolean));
  const body = element("div", "dash-body");
  if (!HAS_NO_QUERIES.has(panel.kind)) body.append(element("p", "faint dash-empty", t("Loading…")));
  card.append(head, body);
  card.setAttribute("aria-label", title.textContent || t("Panel"));
  return { card, head, body, panel, scope, remove: () => {}, loaded: null };
};

const drawCard = async (one, times, signal) => {
  const { panel, scope, body, card } = one;
  const drawing = loadDrawing(panel);
  const hasQueries = !HAS_NO_QUERIES.has(panel.kind);
  card.setAttribute("aria-busy", "true");
  try {
    if (!hasQueries) {
      await (await drawing)(body, panel, { ...contextOf(scope, one.zoom), signal });
      if (!signal.aborted) card.dataset.state = "drawn";
      return;
    }
    const [{ results, problem: failure }, drawPanel] = await Promise.all([
      runPanel(panel, { scope, ...times, width: body.clientWidth || 300, signal, ask: shared }), drawing,
    ]);
    if (signal.aborted) return;
    one.remove();
    one.remove = () => {};
    if (failure && !results.some(({ series }) => series.length)) {
      body.replaceChildren(element("p", "problem dash-empty", failure));
      card.dataset.state = "failed";
    } else {
      one.remove = drawPanel(body, panel, results, contextOf(scope, one.zoom));
      card.dataset.state = results.some(({ series }) => series.length) ? "drawn" : "empty";
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    one.remove();
    one.remove = () => {};
    body.replaceChildren(element("p", "problem dash-empty", t("No answer: %(error)s", { error: error.message })));
    card.dataset.state = "failed";
  } finally {
    if (!signal.aborted) card.removeAttribute("aria-busy");
  }
};

// Only panels in sight are queried.
const NEAR_PX = 200;
const observer = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const one = cards.get(target);
    if (one) one.inSight = isIntersecting;
    if (one && isIntersecting) loadCard(one);
  }
}, { rootMargin: `${NEAR_PX}px` });

// The observer reports after the next frame, which new panels need not wait for.
const loadInSight = () => {
  for (const one of cards.values()) {
    const { top, bottom } = one.card.getBoundingClientRect();
    one.inSight = bottom > -NEAR_PX && top < innerHeight + NEAR_PX && one.card.checkVisibility();
  }
  // All are measured first: drawing would have the browser lay out the page for each.
  for (const one of cards.values()) if (one.inSight) loadCard(one);
};

let current = null;

const loadCard = (one) => {
  if (!current || one.loaded === current) return;
  one.loaded = current;
  drawCard(one, current.times, current.signal);
};

const rowOf = ({ row, scope, key, panels }) => {
  const isOpen = state.folded.has(key) ? !state.folded.get(key) : !row.collapsed;
  const box = element("details", "dash-row");
  box.open = isOpen;
  const title = interpolate(row.title, scope);
  const summary = title ? dataElement("summary", "", title) : element("summary", "", t("Row"));
  summary.append(element("span", "faint", ` ${tn("%(count)s panel", "%(count)s panels", panels.length)}`));
  box.append(summary);
  box.addEventListener("toggle", () => state.folded.set(key, !box.open));
  return box;
};

// Links of the dashboard; those with tags lead to all dashboards that have them.
const showLinks = async (scope) => {
  const links = state.dashboard.links;
  const listed = links.some(({ tags }) => tags.length) && !shared ? await (await import("./contents.js")).dashboardsWithTags() : [];
  const made = links.flatMap((link) => {
    if (!link.tags.length) return [linkTo(link, contextOf(scope))];
    return listed.filter(({ uid, tags }) => uid !== given.uid && link.tags.every((tag) => tags.includes(tag)))
      .map(({ uid, title }) => linkTo({ ...link, title, url: `/dashboards/${uid}` }, contextOf(scope)));
  });
  linkBar.replaceChildren(...made);
  linkBar.hidden = !made.length;
};

const annotationsIn = async ({ start_ms, end_ms }, signal) => {
  if (shared) return [];
  try {
    const answer = await fetch(`/api/annotations?${new URLSearchParams({ from: Math.round(start_ms), to: Math.round(end_ms) })}`, { headers: { Accept: "application/json" }, signal });
    return answer.ok ? (await answer.json()).filter(({ project }) => !project) : [];
  } catch (error) {
    if (error.name === "AbortError") return [];
    throw error;
  }
};

const build = (scope) => {
  observer.disconnect();
  for (const one of cards.values()) one.remove();
  cards.clear();
  const sections = sectionsOf(state.dashboard.panels, scope).map((section) => {
    const grid = element("div", "dash-grid");
    for (const each of section.panels) {
      const one = cardOf(each);
      cards.set(one.card, one);
      grid.append(one.card);
      editor?.equip(one, each);
    }
    if (!section.row) return grid;
    const box = rowOf(section);
    box.append(grid);
    editor?.equipRow(box, section.row);
    return box;
  });
  if (!sections.length) {
    const empty = element("div", "empty");
    empty.append(element("h2", "", t("No panels yet")), element("p", "", given.may_edit ? editor ? t("The button Panel adds one.") : t("Edit the dashboard to add one.") : t("An editor can add some.")));
    sections.push(empty);
  }
  board.replaceChildren(...sections);
  for (const card of cards.keys()) observer.observe(card);
};

// What a share link shares: the values that are chosen now.
export const view = () => ({ scope: resolved, variables: state.dashboard.variables });

// ---- loading ----

let builtFor = "";
let resolved = new Map();

const signature = (scope) =>
  JSON.stringify([state.dashboard.variables.map(({ name }) => [name, scope.get(name)?.values]), Boolean(editor)]);

const load = async ({ rebuild = false } = {}) => {
  clearTimeout(timer);
  stopLoading.abort();
  stopLoading = new AbortController();
  const { signal } = stopLoading;
  const times = timesNow();
  const isWrong = !(times.end_ms > times.start_ms);
  problem.hidden = !isWrong;
  problem.textContent = isWrong ? t("Enter times such as now-6h and now; the end must be after the start.") : "";
  if (isWrong) return;
  try {
    const [{ found, scope }, annotations] = await Promise.all([
      resolve(state.dashboard.variables, state.wanted, { ...times, signal, options: given.share?.options }), annotationsIn(times, signal),
    ]);
    if (signal.aborted) return;
    state.annotations = annotations;
    resolved = scope;
    showVariables(found);
    state.chosen = new Map(found.map(({ variable, chosen }) => [variable.name, chosen]));
    showLinks(scope);
    current = { times, signal };
    const wanted = signature(scope);
    if (rebuild || wanted !== builtFor) {
      builtFor = wanted;
      build(scope);
      loadInSight();
    } else {
      for (const one of cards.values()) if (one.inSight) loadCard(one);
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  schedule();
};

const schedule = () => {
  clearTimeout(timer);
  const wait_s = durationSeconds(state.refresh);
  if (wait_s > 0 && !editor) timer = setTimeout(() => (document.hidden ? schedule() : load()), Math.max(5, wait_s) * 1000);
};

const showTimes = () => {
  form.elements.from.value = /^\d+$/.test(state.start) ? new Date(Number(state.start)).toISOString() : state.start;
  form.elements.to.value = /^\d+$/.test(state.end) ? new Date(Number(state.end)).toISOString() : state.end;
  const { range, refresh } = form.elements;
  const quick = state.end === "now" && [...range.options].some((each) => each.value === state.start);
  range.value = quick ? state.start : "";
  if (![...refresh.options].some((each) => each.value === state.refresh)) refresh.add(new Option(state.refresh, state.refresh));
  refresh.value = state.refresh;
};

const setTimes = (start, end) => {
  state.start = start;
  state.end = end;
  showTimes();
  writeAddress();
  load();
};

const typedTime = (text) => {
  const isRelative = text.startsWith("now") || /^\d{9,15}$/.test(text);
  return isRelative ? text : String(Date.parse(text));
};

form.addEventListener("submit", (event) => event.preventDefault());
form.elements.range.addEventListener("change", () => form.elements.range.value && setTimes(form.elements.range.value, "now"));
for (const name of ["from", "to"]) {
  form.elements[name].addEventListener("change", () => setTimes(typedTime(form.elements.from.value.trim()), typedTime(form.elements.to.value.trim())));
}
form.elements.refresh.addEventListener("change", () => {
  state.refresh = form.elements.refresh.value;
  writeAddress();
  schedule();
});
document.getElementById("reload").addEventListener("click", () => load());
addEventListener("popstate", () => { readAddress(); showTimes(); load(); });

// ---- editing ----

const edit = document.getElementById("edit");
const loadEditor = () => import("./edit.js");
let isBeginning = false;

const begin = async () => {
  if (isBeginning) return;
  isBeginning = true;
  let failure = "";
  try {
    const { startEditing } = await loadEditor();
    const drawing = { cardOf, draw: (one, signal) => drawCard(one, timesNow(), signal), zoom, scopeNow: () => resolved };
    editor = startEditing({ given, state, reload: () => load({ rebuild: true }), end: () => { editor = null; edit.hidden = false; load({ rebuild: true }); }, drawing });
    edit.hidden = true;
  } catch (error) {
    failure = t("The editor cannot be loaded: %(error)s", { error: error.message });
  }
  isBeginning = false;
  load({ rebuild: true });
  if (!failure) return;
  problem.textContent = failure;
  problem.hidden = false;
};
edit?.addEventListener("click", begin);
// The editor is there when the button is pressed: no pause, and nothing moves in between.
for (const sign of ["pointerenter", "focus"]) edit?.addEventListener(sign, () => loadEditor().catch(() => {}), { once: true });

if (shared) showLocalTimes(document);
const isNew = new URLSearchParams(location.search).has("edit");
// While the values of variables are asked for.
loadKinds(state.dashboard.panels);
readAddress();
showTimes();
if (edit && isNew) begin();
else load();
