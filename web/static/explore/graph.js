// A range query's result drawn: a line a series, its name and value below, a cursor that
// all graphs of the page share.
"use strict";

const resultGraph = (() => {
  const { element } = queryEditor;
  const HEIGHT = 300;
  const MOST_LINES = 100;
  const SYNC = "explore";

  const probe = document.createElement("i");
  probe.hidden = true;
  document.getElementById("queries").before(probe);
  const css = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = () => Array.from({ length: 8 }, (_, index) => css(`--line-${index + 1}`));

  const full = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size && (size < 1e-4 || size >= 1e15)) return value.toExponential(3);
    return Number(value.toPrecision(7)).toString();
  };
  const SUFFIXES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e18 || (size && size < 1e-4)) return value.toExponential(1);
    const [scale, suffix] = SUFFIXES.find(([each]) => size >= each) ?? [1, ""];
    return `${Number((value / scale).toPrecision(4))}${suffix}`;
  };

  const pad = (number) => String(number).padStart(2, "0");
  const clock = (_, ticks, __, ___, step) =>
    ticks.map((seconds, index) => {
      const at = new Date(seconds * 1000);
      const date = `${at.getDate()} ${at.toLocaleString("en", { month: "short" })}`;
      if (step >= 86400) return date;
      const text = `${pad(at.getHours())}:${pad(at.getMinutes())}${step < 60 ? `:${pad(at.getSeconds())}` : ""}`;
      const first = index === 0 || new Date(ticks[index - 1] * 1000).getDate() !== at.getDate();
      return first && index > 0 ? date : text;
    });

  const number = (text) => {
    const value = Number(text);
    // Infinities cannot be drawn.
    return Number.isFinite(value) ? value : null;
  };

  const rows = (result, { start_s, step_s, points }) =>
    result.map((each) => {
      const values = new Array(points).fill(null);
      for (const [at, text] of each.values) values[Math.round((at - start_s) / step_s)] = number(text);
      return values;
    });

  const MINIMUM_PX = 12;

  const show = (field, data, grid, { zoom }) => {
    if (!data.result.length) {
      field.replaceChildren(element("p", "faint nothing", "No series match in this range."));
      return { destroy: () => {} };
    }
    const drawn = data.result.slice(0, MOST_LINES);
    const { shared, differing } = resultTable.labelling(drawn.map((each) => each.metric));
    const names = drawn.length > 1 ? differing : undefined;
    const xs = Array.from({ length: grid.points }, (_, index) => grid.start_s + index * grid.step_s);
    const lines = rows(drawn, grid);
    const hidden = new Set();
    let plot = null;

    const canvas = element("div", "graph-field");
    const legend = element("ul", "graph-legend");
    legend.setAttribute("aria-label", "Series");
    const time = element("p", "graph-time faint");

    const values = (index) => {
      time.textContent = index === null ? "Newest values" : localTime.write(new Date(xs[index] * 1000), new Date());
      [...legend.children].forEach((item, line) => {
        const value = index === null ? lines[line].findLast((each) => each !== null) : lines[line][index];
        item.lastElementChild.textContent = full(value);
      });
    };

    const options = () => {
      const palette = colours();
      const ink = css("--ink-faint");
      const line = { stroke: css("--chart-grid"), width: 1 };
      const font = `11px ${getComputedStyle(field).fontFamily}`;
      const axis = { stroke: ink, font };
      return {
        width: canvas.clientWidth || 300,
        height: HEIGHT,
        padding: [8, 12, 0, 0],
        legend: { show: false },
        focus: { alpha: 0.25 },
        cursor: {
          sync: { key: SYNC, setSeries: false },
          focus: { prox: 24 },
          y: false,
          points: { size: 6 },
          drag: { x: true, y: false, setScale: false },
        },
        scales: { x: { time: true, range: () => [xs[0], xs.at(-1) > xs[0] ? xs.at(-1) : xs[0] + 1] } },
        axes: [
          { ...axis, grid: { show: false }, ticks: { ...line, size: 4 }, size: 24, gap: 3, space: 70, values: clock },
          { ...axis, grid: line, ticks: { show: false }, size: 56, gap: 6, space: 36, values: (_, ticks) => ticks.map(short) },
        ],
        series: [{}, ...drawn.map((_, index) => ({
          show: !hidden.has(index),
          stroke: palette[index % palette.length],
          width: 1.25,
          // There are eight colours; further lines are dashed.
          dash: index < palette.length ? undefined : [6, 2 + Math.floor(index / palette.length)],
          // A sample between two gaps is a point.
          points: { show: (_u, at, from, to) => to - from < 2 || lines[at - 1].filter((each) => each !== null).length < 3, size: 4 },
        }))],
        hooks: {
          setCursor: [(at) => values(at.cursor.left >= 0 && at.cursor.idx !== undefined ? at.cursor.idx : null)],
          setSeries: [(_, index) => {
            [...legend.children].forEach((item, at) => item.toggleAttribute("data-near", at + 1 === index));
          }],
          setSelect: [(at) => {
            const { left, width } = at.select;
            if (width < MINIMUM_PX) return;
            const start = at.posToVal(left, "x");
            const end = at.posToVal(left + width, "x");
            at.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
            zoom(start, end);
          }],
        },
      };
    };

    const build = () => {
      plot?.destroy();
      const palette = colours();
      [...legend.children].forEach((item, index) => {
        item.querySelector("i").style.background = palette[index % palette.length];
        item.querySelector("button").setAttribute("aria-pressed", String(!hidden.has(index)));
      });
      plot = new uPlot(options(), [xs, ...lines], canvas);
      values(null);
    };

    // A click shows this series alone, another one all again; with Ctrl it hides this one.
    const pick = (index, event) => {
      if (event.ctrlKey || event.metaKey) {
        if (!hidden.delete(index)) hidden.add(index);
      } else {
        const alone = hidden.size === drawn.length - 1 && !hidden.has(index);
        hidden.clear();
        if (!alone) drawn.forEach((_, other) => other !== index && hidden.add(other));
      }
      drawn.forEach((_, at) => plot.setSeries(at + 1, { show: !hidden.has(at) }));
      [...legend.children].forEach((item, at) => item.querySelector("button").setAttribute("aria-pressed", String(!hidden.has(at))));
    };

    legend.append(...drawn.map((each, index) => {
      const item = element("li");
      const button = element("button");
      button.type = "button";
      button.title = resultTable.seriesText(each.metric);
      button.append(element("i"), element("span", "", resultTable.seriesText(each.metric, names)));
      button.addEventListener("click", (event) => pick(index, event));
      button.addEventListener("pointerenter", () => plot.setSeries(index + 1, { focus: true }));
      button.addEventListener("pointerleave", () => plot.setSeries(null, { focus: true }));
      item.append(button, element("b"));
      return item;
    }));

    const many = data.result.length > MOST_LINES
      ? element("p", "banner graph-many", `${MOST_LINES} of ${data.result.length} series are drawn. Narrow the query down, or aggregate it: topk(10, …), sum by (…) (…).`)
      : null;
    const common = resultTable.sharedLine(shared, drawn.length);
    const foot = element("div", "graph-foot");
    foot.append(...[common, time].filter(Boolean));
    field.replaceChildren(...[many, canvas, foot, legend].filter(Boolean));
    build();

    const resized = new ResizeObserver(() => plot.setSize({ width: canvas.clientWidth, height: HEIGHT }));
    resized.observe(canvas);
    document.addEventListener("redshank:theme", build);
    return {
      destroy: () => {
        resized.disconnect();
        document.removeEventListener("redshank:theme", build);
        plot.destroy();
      },
    };
  };

  return { show };
})();
