// A result as a table: what all series share stands above it, what tells them apart in
// columns that sort.
"use strict";

const resultTable = (() => {
  const { element } = queryEditor;
  const MOST_ROWS = 1000;
  const MOST_COLUMNS = 12;

  // Which labels all series share, and the names of the others, the metric's first.
  const labelling = (metrics) => {
    const names = [...new Set(metrics.flatMap((metric) => Object.keys(metric)))];
    const shared = names.filter((name) => metrics.every((metric) => metric[name] === metrics[0][name]));
    const differing = names.filter((name) => !shared.includes(name)).sort((a, b) => (b === "__name__") - (a === "__name__") || (a < b ? -1 : 1));
    return { shared: shared.map((name) => [name, metrics[0][name]]), differing };
  };

  // A series as PromQL writes it; of some labels only, if they are given.
  const seriesText = (metric, names = Object.keys(metric)) => {
    const kept = names.filter((name) => name !== "__name__" && metric[name] !== undefined);
    const inner = kept.map((name) => `${name}=${JSON.stringify(metric[name])}`).join(", ");
    const name = names.includes("__name__") ? metric.__name__ ?? "" : "";
    return inner ? `${name}{${inner}}` : name || "{}";
  };

  const sharedLine = (shared, count) => {
    if (count < 2 || !shared.length) return null;
    const line = element("p", "shared labels");
    line.append(element("span", "faint", "All: "));
    for (const [name, value] of shared) line.append(element("code", "", name === "__name__" ? value : `${name}=${value}`), " ");
    return line;
  };

  const number = (text) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return Number.isNaN(a) - Number.isNaN(b) || a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };

  const vector = (result) => {
    const metrics = result.map((each) => each.metric);
    const { shared, differing } = labelling(metrics);
    const narrow = result.length > 1 && differing.length <= MOST_COLUMNS;
    const columns = narrow ? differing : [];
    const rows = result.map((each) => ({
      each,
      cells: [...(narrow ? columns.map((name) => each.metric[name] ?? "") : [seriesText(each.metric)]), number(each.value[1])],
    }));
    const table = element("table", "grid result");
    const head = element("tr");
    const titles = [...(narrow ? columns.map((name) => (name === "__name__" ? "metric" : name)) : ["series"]), "value"];
    const body = element("tbody");
    let by = null;
    let down = false;

    const fill = () => {
      const ordered = by === null ? rows : [...rows].sort((a, b) => (down ? -1 : 1) * compare(a.cells[by], b.cells[by]));
      body.replaceChildren(...ordered.slice(0, MOST_ROWS).map(({ each, cells }) => {
        const row = element("tr");
        cells.forEach((cell, index) => {
          const isValue = index === cells.length - 1;
          row.append(element("td", isValue ? "number" : "", isValue ? each.value[1] : cell));
        });
        return row;
      }));
    };

    titles.forEach((title, index) => {
      const cell = element("th", index === titles.length - 1 ? "number" : "");
      cell.scope = "col";
      const button = element("button", "", title);
      button.type = "button";
      button.addEventListener("click", () => {
        down = by === index ? !down : index === titles.length - 1;
        by = index;
        for (const other of head.children) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        fill();
      });
      cell.append(button);
      head.append(cell);
    });
    const thead = element("thead");
    thead.append(head);
    table.append(thead, body);
    fill();
    const scroll = element("div", "scroll");
    scroll.append(table);
    const note = rows.length > MOST_ROWS ? element("p", "faint", `The first ${MOST_ROWS} of ${rows.length} rows are shown.`) : null;
    return [narrow ? sharedLine(shared, rows.length) : null, scroll, note].filter(Boolean);
  };

  // A range vector at one time: every sample of each series.
  const matrix = (result) => {
    const table = element("table", "grid result samples");
    const body = element("tbody");
    for (const each of result.slice(0, MOST_ROWS)) {
      const row = element("tr");
      const samples = element("td", "number");
      for (const [at, value] of each.values.slice(-200)) {
        const line = element("div", "", value);
        line.append(element("span", "faint", ` @ ${localTime.write(new Date(at * 1000), new Date())}`));
        samples.append(line);
      }
      row.append(element("td", "", seriesText(each.metric)), samples);
      body.append(row);
    }
    table.append(body);
    const scroll = element("div", "scroll");
    scroll.append(table);
    return [scroll];
  };

  const single = (value) => [element("p", "single", value)];

  const show = (field, data) => {
    if (data.resultType === "scalar" || data.resultType === "string") field.replaceChildren(...single(data.result[1]));
    else if (!data.result.length) field.replaceChildren(element("p", "faint nothing", "No series match."));
    else field.replaceChildren(...(data.resultType === "matrix" ? matrix : vector)(data.result));
  };

  return { show, labelling, seriesText, sharedLine };
})();
