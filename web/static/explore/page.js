// The Explore page: several queries over one range of time, all of it in the address.
"use strict";

(() => {
  const { element } = queryEditor;
  const list = document.getElementById("queries");
  const template = document.getElementById("query-template");
  const times = document.getElementById("times");
  const timesProblem = document.getElementById("times-problem");
  const [rangeField, untilField, stepField] = ["range", "until", "step"].map((id) => document.getElementById(id));
  const DEFAULT_RANGE = "1h";
  const WANTED_POINTS = 250;
  const MOST_SERIES = 1000;
  const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const UNITS_S = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };

  // ---- time ----

  // Seconds of `90`, `1h30m` or `1d`; NaN for anything else.
  const seconds = (text) => {
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    if (!/^(\d+(ms|[smhdwy]))+$/.test(text)) return NaN;
    return [...text.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce((sum, [, count, unit]) => sum + count * UNITS_S[unit], 0);
  };
  const spelled = (length_s) => explanation.duration(Math.round(length_s * 1000));
  const pad = (number) => String(number).padStart(2, "0");
  const field = (at) =>
    `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;

  let state = { range: DEFAULT_RANGE, until: null, step: "" };

  const grid = () => {
    const range_s = seconds(state.range);
    const step_s = state.step ? seconds(state.step) : STEPS_S.find((each) => each >= range_s / WANTED_POINTS) ?? Math.ceil(range_s / WANTED_POINTS);
    const end_s = Math.floor(state.until ?? Date.now()) / 1000;
    const points = Math.floor(range_s / step_s + 1e-9) + 1;
    return { start_s: end_s - (points - 1) * step_s, end_s, step_s, points };
  };

  // ---- the address ----

  const queries = [];

  const address = () => {
    const parameters = new URLSearchParams();
    for (const query of queries) {
      parameters.append("query", query.editor.text);
      parameters.append("view", query.view + (query.explained ? ".explained" : ""));
    }
    if (state.range !== DEFAULT_RANGE) parameters.set("range", state.range);
    if (state.until !== null) parameters.set("until", new Date(state.until).toISOString());
    if (state.step) parameters.set("step", state.step);
    return `${location.pathname}?${parameters}`;
  };
  const remember = (push) => {
    const now = address();
    if (now === location.pathname + location.search) return;
    history[push ? "pushState" : "replaceState"](null, "", now);
    document.title = `${queries.map((query) => query.editor.text).filter(Boolean).join(", ").slice(0, 80) || "Explore"} · Redshank`;
  };

  // ---- asking ----

  class Refusal extends Error {}

  const post = async (path, parameters, signal) => {
    const response = await fetch(`/api/v1/${path}`, {
      method: "POST", body: new URLSearchParams(parameters), headers: { Accept: "application/json" }, signal,
    });
    if (response.status === 401) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    }
    const document_ = await response.json();
    if (document_.status !== "success") {
      const refusal = new Refusal(document_.error);
      refusal.kind = document_.errorType;
      throw refusal;
    }
    return document_;
  };

  // Where in the query Prometheus's message says it is wrong: "1:5: parse error: …".
  const positionOf = (message, text) => {
    const found = /(\d+):(\d+): parse error/.exec(message);
    if (!found) return null;
    const before = text.split("\n").slice(0, found[1] - 1);
    const offset = before.reduce((sum, line) => sum + line.length + 1, 0) + Number(found[2]) - 1;
    return Math.min(offset, text.length);
  };

  // ---- one query ----

  const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 || word === "series" ? "" : "s"}`;
  const lasted = (length_s) => (length_s < 1 ? `${Math.max(1, Math.round(length_s * 1000))} ms` : `${length_s.toFixed(2)} s`);

  const createQuery = (text, view, explained) => {
    const item = template.content.firstElementChild.cloneNode(true);
    const part = (name) => item.querySelector(name);
    const [problem, notes, tree, result, cost] = [".query-problem", ".query-notes", ".query-tree", ".query-result", ".query-cost"].map(part);
    const action = (name) => part(`[data-action="${name}"]`);
    let graph = null;
    let running = null;

    const query = { item, view, explained, editor: null };

    const forget = () => {
      graph?.destroy();
      graph = null;
    };

    const complain = (error) => {
      problem.hidden = false;
      // What is wrong with the query needs no word of the API's: its place follows.
      const message = error.message.replace(/^invalid parameter "query": /, "");
      const kind = error.kind && message === error.message ? `${error.kind}: ` : "";
      problem.replaceChildren(element("b", "", kind), message);
      const offset = error instanceof Refusal ? positionOf(error.message, query.editor.text) : null;
      query.editor.underline(offset);
      if (offset !== null) {
        const lines = query.editor.text.slice(0, offset).split("\n");
        const line = query.editor.text.split("\n")[lines.length - 1];
        const at = lines.at(-1).length;
        const excerpt = element("code", "excerpt");
        excerpt.append(line.slice(0, at), element("span", "wrong", line.slice(at).match(/^(\w+|.|$)/u)[0] || " "), line.slice(at + (line.slice(at).match(/^(\w+|.|$)/u)[0].length)));
        problem.append(excerpt);
      }
    };

    const annotate = ({ warnings = [], infos = [] }) => {
      notes.hidden = !warnings.length && !infos.length;
      const shown = (text) => text.replace(/^PromQL (info|warning): /, "");
      notes.replaceChildren(
        ...warnings.map((each) => element("li", "warning", shown(each))), ...infos.map((each) => element("li", "", shown(each))));
    };

    const clear = () => {
      problem.hidden = true;
      notes.hidden = true;
      query.editor.underline(null);
    };

    const explain = async () => {
      action("explain").setAttribute("aria-expanded", String(query.explained));
      tree.hidden = !query.explained;
      if (!query.explained || !query.editor.text.trim()) return tree.replaceChildren();
      try {
        explanation.show(tree, (await post("parse_query", { query: query.editor.text })).data);
      } catch (error) {
        tree.replaceChildren();
        complain(error);
      }
    };

    query.run = async () => {
      running?.abort();
      const mine = (running = new AbortController());
      const at = grid();
      const asked = query.editor.text;
      clear();
      if (!asked.trim()) {
        forget();
        result.replaceChildren();
        cost.textContent = "";
        return;
      }
      item.setAttribute("aria-busy", "true");
      const started = performance.now();
      const shared = { query: asked, limit: MOST_SERIES, stats: "1" };
      try {
        const answer = query.view === "graph"
          ? await post("query_range", { ...shared, start: at.start_s, end: at.end_s, step: at.step_s }, mine.signal)
          : await post("query", { ...shared, time: at.end_s }, mine.signal);
        if (mine !== running) return;
        forget();
        const { data } = answer;
        annotate(answer);
        if (query.view === "graph") graph = resultGraph.show(result, data, at, { zoom });
        else resultTable.show(result, data);
        const series = Array.isArray(data.result) && data.resultType !== "scalar" && data.resultType !== "string" ? counted(data.result.length, "series") : data.resultType;
        const taken = data.stats ? `${counted(data.stats.samples.totalQueryableSamples, "sample")} read in ${lasted(data.stats.timings.execTotalTime)}` : "";
        const step = query.view === "graph" ? `step ${spelled(at.step_s)}` : "";
        cost.textContent = [series, step, taken, `${lasted((performance.now() - started) / 1000)} in all`].filter(Boolean).join(" · ");
      } catch (error) {
        if (mine !== running || error.name === "AbortError") return;
        forget();
        result.replaceChildren();
        cost.textContent = "";
        complain(error);
      } finally {
        if (mine === running) item.removeAttribute("aria-busy");
      }
    };

    const start = () => {
      remember(true);
      query.run();
      explain();
    };

    query.editor = queryEditor.create(part(".editor"), { run: start, changed: () => {} });
    query.editor.text = text;
    action("run").addEventListener("click", start);
    action("format").addEventListener("click", async () => {
      clear();
      try {
        query.editor.text = (await post("format_query", { query: query.editor.text })).data;
        remember(false);
      } catch (error) {
        complain(error);
      }
    });
    action("explain").addEventListener("click", () => {
      query.explained = !query.explained;
      remember(false);
      explain();
    });
    action("remove").addEventListener("click", () => {
      running?.abort();
      forget();
      queries.splice(queries.indexOf(query), 1);
      item.remove();
      if (!queries.length) add("", "graph", false).editor.focus();
      remember(true);
    });
    const choose = () => {
      for (const link of item.querySelectorAll("[data-view]")) link.toggleAttribute("aria-current", link.dataset.view === query.view);
    };
    for (const link of item.querySelectorAll("[data-view]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        query.view = link.dataset.view;
        choose();
        remember(true);
        query.run();
      });
    }
    choose();
    query.end = () => {
      running?.abort();
      forget();
    };
    query.begin = () => {
      query.run();
      if (query.explained) explain();
    };
    return query;
  };

  const add = (text, view, explained) => {
    const query = createQuery(text, view, explained);
    queries.push(query);
    list.append(query.item);
    return query;
  };

  // ---- the range ----

  const showTimes = () => {
    rangeField.value = state.range;
    untilField.value = state.until === null ? "" : field(new Date(state.until));
    stepField.value = state.step;
    stepField.placeholder = `auto: ${spelled(grid().step_s)}`;
    for (const link of times.querySelectorAll("[data-range]")) link.toggleAttribute("aria-current", link.dataset.range === state.range);
  };

  const problemOf = (next) => {
    const range_s = seconds(next.range);
    if (!(range_s > 0)) return "Range: write a duration such as 30m, 6h or 2d.";
    const step_s = next.step ? seconds(next.step) : 1;
    if (!(step_s > 0)) return "Step: write a duration such as 15s or 5m, or leave it empty.";
    if (next.step && range_s / step_s > 11000) return "Step: at most 11,000 points are drawn; take a longer one.";
    if (Number.isNaN(next.until)) return "Until: this is no time.";
    return "";
  };

  const move = (more) => {
    const next = { ...state, ...more };
    const wrong = problemOf(next);
    timesProblem.textContent = wrong;
    timesProblem.hidden = !wrong;
    if (wrong) return;
    state = next;
    showTimes();
    remember(true);
    for (const query of queries) query.run();
  };

  const zoom = (start_s, end_s) => {
    const range_s = Math.max(10, Math.round(end_s - start_s));
    move({ range: spelled(range_s), until: Math.round(end_s * 1000), step: "" });
  };

  const typed = () => ({
    range: rangeField.value.trim() || DEFAULT_RANGE,
    step: stepField.value.trim(),
    until: untilField.value ? new Date(untilField.value).getTime() : null,
  });
  times.addEventListener("submit", (event) => {
    event.preventDefault();
    move(typed());
  });
  for (const each of [rangeField, untilField, stepField]) each.addEventListener("change", () => move(typed()));
  for (const link of times.querySelectorAll("[data-range]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      move({ range: link.dataset.range });
    });
  }
  const shift = (direction) => move({ until: Math.round((grid().end_s + (direction * seconds(state.range)) / 2) * 1000) });
  document.getElementById("earlier").addEventListener("click", () => shift(-1));
  document.getElementById("later").addEventListener("click", () => shift(1));
  document.getElementById("now").addEventListener("click", () => move({ until: null }));
  document.getElementById("add-query").addEventListener("click", () => {
    add("", queries.at(-1)?.view ?? "graph", false).editor.focus();
    remember(true);
  });

  // ---- beginning, and going back ----

  const read = () => {
    const parameters = new URLSearchParams(location.search);
    const until = parameters.get("until");
    const wanted = { range: parameters.get("range") ?? DEFAULT_RANGE, step: parameters.get("step") ?? "", until: until === null ? null : Date.parse(until) };
    state = problemOf(wanted) ? { range: DEFAULT_RANGE, until: null, step: "" } : wanted;
    for (const query of queries.splice(0)) {
      query.end();
      query.item.remove();
    }
    const views = parameters.getAll("view");
    const texts = parameters.getAll("query");
    (texts.length ? texts : [""]).forEach((text, index) => {
      const [view, explained] = (views[index] ?? "graph").split(".");
      add(text, view === "table" ? "table" : "graph", explained === "explained");
    });
    showTimes();
    for (const query of queries) query.begin();
  };

  addEventListener("popstate", read);
  read();
  if (!queries[0].editor.text) queries[0].editor.focus();
})();
