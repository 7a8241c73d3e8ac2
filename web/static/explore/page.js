// The Explore page: several queries over one range of time. The page's address holds all of it.

import { t } from "../lib/texts.js";
import { createQuery } from "./query.js";
import { createLibrary } from "./library.js";
import { createTimeRange } from "./time_range.js";

const LONGEST_TITLE = 80;

const list = document.getElementById("queries");
const template = document.getElementById("query-template");
const queries = [];

// ---- the address ----

const address = () => {
  const parameters = new URLSearchParams();
  for (const { editor, view, isExplained } of queries) {
    parameters.append("query", editor.text);
    parameters.append("view", view + (isExplained ? ".explained" : ""));
  }
  timeRange.write(parameters);
  return `${location.pathname}?${parameters}`;
};

const remember = (isStep) => {
  const next = address();
  if (next === location.pathname + location.search) return;
  history[isStep ? "pushState" : "replaceState"](null, "", next);
  const texts = queries.map((query) => query.editor.text).filter(Boolean);
  document.title = `${texts.join(", ").slice(0, LONGEST_TITLE) || t("Explore")} · Redshank`;
};

// ---- the queries ----

const VIEWS = new Set(["table", "graph", "heatmap"]);

const timeRange = createTimeRange(document.getElementById("times"), document.getElementById("times-problem"), () => {
  remember(true);
  for (const query of queries) query.run();
});

const add = (start) => {
  const query = createQuery(template, start, { grid: timeRange.grid, zoom: timeRange.zoom, remember, remove, saved: () => library.reload(), ran: () => library.close() });
  queries.push(query);
  list.append(query.item);
  return query;
};

const addEmpty = (view) => add({ text: "", view, isExplained: false }).editor.focus();

const remove = (query) => {
  query.end();
  queries.splice(queries.indexOf(query), 1);
  if (!queries.length) addEmpty("graph");
  remember(true);
};

document.getElementById("add-query").addEventListener("click", () => {
  addEmpty(queries.at(-1)?.view ?? "graph");
  remember(true);
});

// A query of the library takes the place of an empty one.
const use = (text, view) => {
  const query = queries.find(({ editor }) => !editor.text.trim()) ?? add({ text: "", view, isExplained: false });
  query.editor.text = text;
  query.start(view);
  query.item.scrollIntoView({ block: "nearest" });
  query.editor.focus();
};

const library = createLibrary(document.getElementById("library"), use);

// ---- at the start, and on going back in the history ----

const read = () => {
  const parameters = new URLSearchParams(location.search);
  timeRange.read(parameters);
  for (const query of queries.splice(0)) query.end();
  const views = parameters.getAll("view");
  const texts = parameters.getAll("query");
  (texts.length ? texts : [""]).forEach((text, index) => {
    const [view, explained] = (views[index] ?? "graph").split(".");
    add({ text, view: VIEWS.has(view) ? view : "graph", isExplained: explained === "explained" });
  });
  for (const query of queries) query.begin();
};

addEventListener("popstate", read);
read();
if (!queries[0].editor.text) {
  queries[0].editor.focus();
  library.open();
}
