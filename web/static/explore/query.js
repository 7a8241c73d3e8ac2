// One query of the page: its editor, its buttons, and its result as a graph or a table. What not
// every reader needs (the heat map, the tree, the dialogs) is loaded when it is used.

import { element } from "../lib/dom.js";
import { elapsedText } from "../lib/format.js";
import { t, tn } from "../lib/texts.js";
import { post, QueryError } from "./api.js";
import { createEditor } from "./editor.js";
import { showGraph } from "./graph.js";
import { rememberQuery } from "./own_queries.js";
import { showTable } from "./table.js";
import { spanText } from "./time_range.js";

const MOST_SERIES = 1000;

// The line of the query that an error points to, with the wrong word underlined.
const excerptOf = (query, offset) => {
  const before = query.slice(0, offset).split("\n");
  const line = query.split("\n")[before.length - 1];
  const at = before.at(-1).length;
  const [word] = line.slice(at).match(/^(\w+|.|$)/u);
  const excerpt = element("code", "excerpt");
  excerpt.append(line.slice(0, at), element("span", "wrong", word || " "), line.slice(at + word.length));
  return excerpt;
};

const resultText = ({ resultType, result }) =>
  resultType === "scalar" || resultType === "string" ? resultType : tn("%(count)s series", "%(count)s series", result.length);

const statsText = ({ stats }) =>
  stats ? tn("%(count)s sample read in %(time)s", "%(count)s samples read in %(time)s", stats.samples.totalQueryableSamples, { time: elapsedText(stats.timings.execTotalTime) }) : "";

// A query made from the template of the page.
//   page: what the queries share: `grid()`, `zoom(start_s, end_s)`, `remember(isStep)`, which
//   writes the address and, for a step, adds it to the history, and `remove(query)`.
export const createQuery = (template, { text, view, isExplained }, page) => {
  const item = template.content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(name);
  const [problem, notes, tree, result, cost] =
    [".query-problem", ".query-notes", ".query-tree", ".query-result", ".query-cost"].map(part);
  const button = (action) => part(`[data-action="${action}"]`);
  const query = { item, view, isExplained };
  let removeGraph = () => {};
  let request = null;

  const clearResult = () => {
    removeGraph();
    removeGraph = () => {};
    result.replaceChildren();
    cost.textContent = "";
  };

  const clearProblem = () => {
    problem.hidden = true;
    notes.hidden = true;
    editor.underline(null);
  };

  const showProblem = (error) => {
    // The place in the query says more than the name of the API's parameter.
    const message = error.message.replace(/^invalid parameter "query": /, "");
    const type = error.type && message === error.message ? `${error.type}: ` : "";
    const offset = error instanceof QueryError ? error.offsetIn(editor.text) : null;
    problem.hidden = false;
    problem.replaceChildren(element("b", "", type), message);
    editor.underline(offset);
    if (offset !== null) problem.append(excerptOf(editor.text, offset));
  };

  const showNotes = ({ warnings = [], infos = [] }) => {
    const note = (kind) => (message) => element("li", kind, message.replace(/^PromQL (info|warning): /, ""));
    notes.hidden = !warnings.length && !infos.length;
    notes.replaceChildren(...warnings.map(note("warning")), ...infos.map(note("")));
  };

  const fetchResult = (grid, signal) => {
    const shared = { query: editor.text, limit: MOST_SERIES, stats: "1" };
    return query.view !== "table"
      ? post("query_range", { ...shared, start: grid.start_s, end: grid.end_s, step: grid.step_s }, signal)
      : post("query", { ...shared, time: grid.end_s }, signal);
  };

  const showResult = (answer, grid, elapsed_s, showHeatMap) => {
    removeGraph();
    removeGraph = () => {};
    showNotes(answer);
    const isRange = query.view !== "table";
    if (showHeatMap) showHeatMap(result, answer.data.result, grid);
    else if (isRange) removeGraph = showGraph(result, answer.data.result, grid, page.zoom);
    else showTable(result, answer.data);
    const step = isRange ? t("step %(step)s", { step: spanText(grid.step_s) }) : "";
    const texts = [resultText(answer.data), step, statsText(answer.data), t("%(time)s in total", { time: elapsedText(elapsed_s) })];
    cost.textContent = texts.filter(Boolean).join(" · ");
  };

  query.run = async () => {
    request?.abort();
    const mine = (request = new AbortController());
    clearProblem();
    if (!editor.text.trim()) {
      clearResult();
      return;
    }
    item.setAttribute("aria-busy", "true");
    const started_ms = performance.now();
    const grid = page.grid();
    try {
      const [answer, module] = await Promise.all([fetchResult(grid, mine.signal), query.view === "heatmap" ? import("./heat_map.js") : {}]);
      if (mine === request) showResult(answer, grid, (performance.now() - started_ms) / 1000, module.showHeatMap);
    } catch (error) {
      if (mine !== request || error.name === "AbortError") return;
      clearResult();
      showProblem(error);
    } finally {
      if (mine === request) item.removeAttribute("aria-busy");
    }
  };

  const explain = async () => {
    button("explain").setAttribute("aria-expanded", String(query.isExplained));
    tree.hidden = !query.isExplained;
    if (!query.isExplained || !editor.text.trim()) return tree.replaceChildren();
    try {
      const [{ data }, { showTree }] = await Promise.all([post("parse_query", { query: editor.text }), import("./tree.js")]);
      showTree(tree, data);
    } catch (error) {
      tree.replaceChildren();
      showProblem(error);
    }
  };

  const format = async () => {
    clearProblem();
    try {
      editor.text = (await post("format_query", { query: editor.text })).data;
      page.remember(false);
    } catch (error) {
      showProblem(error);
    }
  };

  const showView = () => {
    for (const link of item.querySelectorAll("[data-view]")) link.toggleAttribute("aria-current", link.dataset.view === query.view);
  };

  const start = () => {
    page.remember(true);
    if (editor.text.trim()) {
      rememberQuery(editor.text);
      page.ran();
    }
    query.run();
    explain();
  };

  query.start = (view) => {
    query.view = view;
    showView();
    start();
  };

  // Acts on the query; an empty one has nothing to act on.
  const act = (action, work) => button(action)?.addEventListener("click", async () => {
    if (!editor.text.trim()) return editor.focus();
    try {
      await work(editor.text);
    } catch (error) {
      showProblem(error);
    }
  });

  const editor = createEditor(part(".editor"), { run: start });
  editor.text = text;
  query.editor = editor;
  button("run").addEventListener("click", start);
  button("format").addEventListener("click", format);
  button("explain").addEventListener("click", () => {
    query.isExplained = !query.isExplained;
    page.remember(false);
    explain();
  });
  act("save", async (text) => (await import("./uses.js")).save(text, page.saved));
  act("panel", async (text) => (await import("./uses.js")).makePanel(text, query.view));
  act("alert", async (text) => (await import("./uses.js")).makeAlert(text));
  button("remove").addEventListener("click", () => page.remove(query));
  for (const link of item.querySelectorAll("[data-view]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      query.view = link.dataset.view;
      showView();
      page.remember(true);
      query.run();
    });
  }
  showView();

  query.begin = () => {
    query.run();
    if (query.isExplained) explain();
  };
  query.end = () => {
    request?.abort();
    removeGraph();
    item.remove();
  };
  return query;
};
