// A host's charts: one request for all of them, one cursor across them, moving on by
// themselves. Zooming asks the server for the part at a finer step.
"use strict";

(() => {
  const root = document.getElementById("charts");
  if (!root) return;

  const HEIGHT = 168;
  const SYNC = "host";
  const STEP_FLOOR_MS = 5000;
  const SHORTEST_MS = 300000;
  const UNKNOWN = "–";

  const three = (value) => {
    const size = Math.abs(value);
    return size >= 99.95 || size === 0 ? value.toFixed(0) : size >= 9.995 ? value.toFixed(1) : value.toFixed(2).replace(/\.?0+$/, "");
  };

  const scaled = (value, base, names, suffix) => {
    let power = 0;
    while (Math.abs(value) >= base - 0.5 && power < names.length - 1) {
      value /= base;
      power += 1;
    }
    return `${power === 0 ? value.toFixed(0) : three(value)} ${names[power]}${suffix}`;
  };

  const UNITS = {
    ratio: { write: (v) => `${three(v * 100)} %`, base: 10 },
    number: { write: three, base: 10 },
    bytes: { write: (v) => scaled(v, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], ""), base: 2 },
    bytes_per_s: { write: (v) => scaled(v, 1000, ["", "k", "M", "G", "T"], "B/s"), base: 10 },
    celsius: { write: (v) => `${three(v)} °C`, base: 10 },
  };

  // Steps between ticks that read well: powers of two where bytes are counted in KiB.
  const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

  // A canvas knows no custom properties: have the browser work each colour out.
  const probe = document.createElement("i");
  probe.hidden = true;
  root.before(probe);
  const css = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = () => Array.from({ length: 8 }, (_, index) => css(`--line-${index + 1}`));
  const translucent = (colour, share) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

  const hint = document.getElementById("zoom-hint");
  const back = document.getElementById("zoom-back");

  let range = root.dataset.range;
  let picked = null; // {start_ms, end_ms} while zoomed in
  let shown = null; // the last whole answer, brought up to date
  let plots = [];
  let timer = null;
  let generation = 0;

  const query = (more) => {
    const parameters = picked ? { ...picked } : { range };
    return `${root.dataset.source}?${new URLSearchParams({ ...parameters, ...more })}`;
  };

  // ---- data ----

  const times = (answer) => {
    const count = Math.round((answer.end_ms - answer.start_ms) / answer.step_ms) + 1;
    return Array.from({ length: count }, (_, index) => (answer.start_ms + index * answer.step_ms) / 1000);
  };

  // A line that stays at zero (a mode the machine never enters, a card without a cable)
  // tells nothing; it comes back as soon as it moves.
  const busyLines = (chart) => {
    const busy = chart.all.filter((line) => line.values.some((value) => value));
    return busy.length ? busy : chart.all;
  };

  // Where the samples begin: a host added ten minutes ago has no hour to show.
  const startsAt = () => {
    const { charts, start_ms, end_ms, step_ms } = shown;
    const filled = charts.flatMap((chart) => chart.all.map((line) => line.values.findIndex((value) => value !== null)));
    const first = Math.min(...filled.filter((index) => index >= 0));
    const begin = Number.isFinite(first) ? start_ms + first * step_ms : start_ms;
    return Math.max(start_ms, Math.min(begin, end_ms - SHORTEST_MS)) / 1000;
  };

  // The numbers as drawn: stacked lines are sums, mirrored ones negative.
  const drawn = (chart, xs) => {
    const visible = (line) => !chart.hidden.has(line.name);
    if (!chart.stacked) {
      return [xs, ...chart.lines.map((line) =>
        line.mirrored ? line.values.map((v) => (v === null ? null : -v)) : line.values)];
    }
    const sums = new Float64Array(xs.length);
    const rows = chart.lines.map((line) => {
      if (!visible(line)) return line.values.map(() => null);
      return line.values.map((value, index) => (value === null ? null : (sums[index] += value)));
    });
    return [xs, ...rows];
  };

  const merge = (old, fresh) => {
    const keep = Math.round((fresh.start_ms - old.start_ms) / old.step_ms);
    const total = Math.round((old.end_ms - old.start_ms) / old.step_ms) + 1;
    const moved = keep + Math.round((fresh.end_ms - fresh.start_ms) / fresh.step_ms) + 1 - total;
    const same = old.charts.length === fresh.charts.length && old.charts.every((chart, at) =>
      chart.key === fresh.charts[at].key &&
      chart.all.length === fresh.charts[at].lines.length &&
      chart.all.every((line, index) => line.name === fresh.charts[at].lines[index].name));
    if (!same || keep < 0 || keep > total || old.step_ms !== fresh.step_ms) return null;
    old.charts.forEach((chart, at) => chart.all.forEach((line, index) => {
      line.values = line.values.slice(moved, keep).concat(fresh.charts[at].lines[index].values);
    }));
    old.start_ms += moved * old.step_ms;
    old.end_ms = fresh.end_ms;
    return old;
  };

  // ---- one chart ----

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const tooltip = (chart, unit) => {
    const box = element("div", "chart-tip");
    box.hidden = true;
    const update = (plot) => {
      const { idx, left, top } = plot.cursor;
      if (idx === null || idx === undefined || left < 0) {
        box.hidden = true;
        return;
      }
      box.replaceChildren(element("p", "chart-tip-time", localTime.write(new Date(plot.data[0][idx] * 1000), new Date())));
      const palette = colours();
      const rows = chart.lines
        .map((line, index) => ({ line, index, value: line.values[idx] }))
        .filter(({ line }) => !chart.hidden.has(line.name));
      for (const { line, index, value } of chart.stacked ? rows.reverse() : rows) {
        const row = element("p");
        const key = element("i");
        key.style.background = palette[index % palette.length];
        row.append(key, element("span", "", line.name), element("b", "", value === null ? UNKNOWN : unit.write(value)));
        box.append(row);
      }
      box.hidden = false;
      const room = plot.over.clientWidth;
      const onLeft = left > room / 2;
      box.style.transform = `translate(${onLeft ? left - box.offsetWidth - 12 : left + 12}px, ${Math.max(0, Math.min(top - 20, plot.over.clientHeight - box.offsetHeight))}px)`;
    };
    return {
      hooks: {
        init: (plot) => plot.over.append(box),
        setCursor: update,
      },
    };
  };

  const bands = (chart) => {
    // Each line is filled down to the one below it that is shown.
    const found = [];
    let below = null;
    chart.lines.forEach((line, index) => {
      if (chart.hidden.has(line.name)) return;
      if (below !== null) found.push({ series: [index + 1, below], fill: null });
      below = index + 1;
    });
    return found;
  };

  const options = (chart, unit, width) => {
    const palette = colours();
    const ink = css("--ink-faint");
    const grid = { stroke: css("--chart-grid"), width: 1 };
    const font = `11px ${getComputedStyle(root).fontFamily}`;
    const stacked = bands(chart);
    const series = chart.lines.map((line, index) => {
      const colour = palette[index % palette.length];
      return {
        label: line.name,
        show: !chart.hidden.has(line.name),
        stroke: colour,
        width: 1.25,
        // There are eight colours; further lines are dashed.
        dash: index < palette.length ? undefined : [5, 3],
        fill: chart.stacked ? translucent(colour, 0.42) : chart.lines.length === 1 ? translucent(colour, 0.14) : undefined,
        points: { show: false },
      };
    });
    for (const band of stacked) band.fill = series[band.series[0] - 1].fill;
    return {
      width,
      height: HEIGHT,
      pxAlign: 1,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: SYNC, setSeries: false },
        y: false,
        points: { size: 6 },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => { zoom(null); return null; } },
      },
      scales: {
        x: { time: true, range: (_, low, high) => [Math.max(low, startsAt()), high] },
        y: {
          range: (_, low, high) => {
            if (chart.unit === "ratio" && chart.key !== "cpu") return [0, 1];
            if (chart.unit === "celsius") return [Math.min(20, low - 5), Math.max(60, high + 5)];
            const top = chart.key === "cpu" ? Math.min(1, Math.max(0.1, high * 1.1)) : Math.max(high * 1.1, 0);
            const bottom = Math.min(0, low * 1.1);
            return [bottom, top > bottom ? top : bottom + 1];
          },
        },
      },
      axes: [
        { stroke: ink, grid: { show: false }, ticks: { ...grid, size: 4 }, font, size: 24, gap: 3, space: 70, values: clock },
        {
          stroke: ink, grid, ticks: { show: false }, font, size: 62, gap: 6, space: 32,
          incrs: unit.base === 2 ? BINARY_STEPS : undefined,
          values: (_, ticks) => ticks.map((v) => unit.write(Math.abs(v)).replace(/\.0+(?= |$)/, "")),
        },
      ],
      series: [{}, ...series],
      bands: chart.stacked ? stacked : undefined,
      plugins: [tooltip(chart, unit)],
      hooks: {
        setSelect: [(plot) => {
          const { left, width: selected } = plot.select;
          if (selected < 8) return;
          const start = plot.posToVal(left, "x") * 1000;
          const end = plot.posToVal(left + selected, "x") * 1000;
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          if (end - start >= 10000) zoom({ start_ms: Math.floor(start), end_ms: Math.ceil(end) });
        }],
      },
    };
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

  const legend = (chart, redraw) => {
    const list = element("ul", "chart-legend");
    const palette = colours();
    chart.lines.forEach((line, index) => {
      const item = element("li");
      const button = element("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!chart.hidden.has(line.name)));
      const key = element("i");
      key.style.background = palette[index % palette.length];
      button.append(key, line.name);
      button.addEventListener("click", () => {
        if (chart.hidden.has(line.name)) chart.hidden.delete(line.name);
        else chart.hidden.add(line.name);
        redraw();
      });
      item.append(button);
      list.append(item);
    });
    return list;
  };

  const draw = (chart, xs) => {
    const unit = UNITS[chart.unit];
    const figure = element("figure", "chart");
    const head = element("figcaption");
    const title = element("a", "", chart.title);
    title.title = "Open in Explore";
    const asked = new URLSearchParams({ range });
    if (picked) {
      asked.set("range", `${Math.max(10, Math.round((picked.end_ms - picked.start_ms) / 1000))}s`);
      asked.set("until", new Date(picked.end_ms).toISOString());
    }
    for (const query of chart.queries) asked.append("query", query);
    title.href = `/explore?${asked}`;
    const heading = element("h3");
    heading.append(title);
    head.append(heading);
    const field = element("div", "chart-field");
    figure.append(head, field);
    let plot = null;
    const build = () => {
      plot?.destroy();
      head.querySelector("ul")?.remove();
      head.append(legend(chart, build));
      plot = new uPlot(options(chart, unit, field.clientWidth || 300), drawn(chart, xs()), field);
    };
    return {
      figure,
      build,
      update: () => {
        const lines = busyLines(chart);
        const same = lines.length === chart.lines.length && lines.every((line, at) => line === chart.lines[at]);
        chart.lines = lines;
        if (same) plot?.setData(drawn(chart, xs()));
        else build();
      },
      resize: () => plot?.setSize({ width: field.clientWidth, height: HEIGHT }),
      destroy: () => plot?.destroy(),
    };
  };

  // ---- all charts ----

  const show = (answer) => {
    const hidden = new Map((shown?.charts ?? []).map((chart) => [chart.key, chart.hidden]));
    for (const chart of answer.charts) {
      chart.hidden = hidden.get(chart.key) ?? new Set();
      chart.all = chart.lines;
      chart.lines = busyLines(chart);
    }
    shown = answer;
    for (const plot of plots) plot.destroy();
    plots = answer.charts.map((chart) => draw(chart, () => times(shown)));
    root.replaceChildren(...plots.map((plot) => plot.figure));
    if (!plots.length) root.append(element("p", "faint", "There are no samples in this range."));
    for (const plot of plots) plot.build();
  };

  const load = async (more) => {
    const mine = ++generation;
    const answer = await fetch(query(more), { headers: { Accept: "application/json" } });
    if (mine !== generation) return;
    if (answer.status === 204) return;
    if (!answer.ok) throw new Error((await answer.json()).error);
    const fresh = await answer.json();
    if (mine !== generation) return;
    if (more && shown && merge(shown, fresh)) {
      for (const plot of plots) plot.update();
    } else if (more) {
      await load();
    } else {
      show(fresh);
    }
  };

  const schedule = () => {
    clearTimeout(timer);
    if (picked || document.hidden) return;
    const step_ms = Math.max(shown?.step_ms ?? 15000, STEP_FLOOR_MS);
    timer = setTimeout(refresh, Math.min(step_ms, 60000));
  };

  const refresh = async () => {
    try {
      await load(shown && shown.charts.length ? { since_ms: shown.end_ms } : undefined);
    } catch (problem) {
      if (!shown) root.replaceChildren(element("p", "problem", `The charts cannot be loaded: ${problem.message}`));
    }
    schedule();
  };

  const reload = async () => {
    root.setAttribute("aria-busy", "true");
    try {
      await load();
    } catch (problem) {
      root.replaceChildren(element("p", "problem", `The charts cannot be loaded: ${problem.message}`));
    }
    root.removeAttribute("aria-busy");
    schedule();
  };

  const zoom = (part) => {
    if (!part && !picked) return;
    picked = part;
    hint.hidden = Boolean(picked);
    back.hidden = !picked;
    back.textContent = `Back to ${range}`;
    reload();
  };
  back.addEventListener("click", () => zoom(null));

  for (const link of document.querySelectorAll("[data-range]")) {
    if (link === root) continue;
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      range = link.dataset.range;
      picked = null;
      hint.hidden = false;
      back.hidden = true;
      for (const other of link.parentElement.children) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      history.replaceState(null, "", `?range=${range}`);
      reload();
    });
  }

  let frame = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => plots.forEach((plot) => plot.resize()));
  }).observe(root);
  document.addEventListener("redshank:theme", () => plots.forEach((plot) => plot.build()));
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
  reload();
})();
