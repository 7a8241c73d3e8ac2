// Loads a host's charts as they come into view, those that do so together in one request, and
// keeps those in view up to date.

import { appendSamples } from "./chart_data.js";

const TOGETHER_MS = 40;
const NEAR = "300px";

// Blocks are charts that were loaded by one request and lie on the same times.
//   request(parameters): returns the server's answer, or null for nothing new.
//   drawn(block): draws the charts of a new block.
//   missing(keys): called for charts without a line in this range.
//   failed(problem)
export const chartBlocks = ({ request, drawn, missing, failed }) => {
  let generation = 0;
  let blocks = [];
  let wanted = new Set();
  let asked = new Set(); // the keys of charts that are loading or loaded
  let timer = null;
  let isFirstView = true;
  const visible = new Set();
  const figures = new Map();

  const ask = (keys) => request({ chart: keys.join(",") });

  //   answered: the answer, if the request has begun.
  const load = async (keys, answered = ask(keys)) => {
    const mine = generation;
    try {
      const answer = await answered;
      if (mine !== generation || !answer) return;
      // A chart that was asked for before the sections were known may be in none.
      answer.charts = answer.charts.filter((chart) => keys.includes(chart.key));
      const block = { keys, answer };
      blocks.push(block);
      const found = new Set(answer.charts.map((chart) => chart.key));
      missing(keys.filter((key) => !found.has(key)));
      drawn(block);
    } catch (problem) {
      if (mine !== generation) return;
      for (const key of keys) asked.delete(key);
      failed(problem, keys);
    }
  };

  const loadWanted = () => {
    const keys = [...wanted];
    wanted = new Set();
    load(keys);
  };

  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const { key } = target.dataset;
      if (!isIntersecting) {
        visible.delete(key);
        continue;
      }
      visible.add(key);
      if (asked.has(key)) continue;
      asked.add(key);
      wanted.add(key);
    }
    if (!wanted.size) return;
    clearTimeout(timer);
    // The first entries are all charts in view; those of a reader who scrolls come one by one.
    if (isFirstView) loadWanted();
    else timer = setTimeout(loadWanted, TOGETHER_MS);
    isFirstView = false;
  }, { rootMargin: NEAR });

  // Brings a block up to date; loads it anew if its lines have changed.
  const refresh = async (block) => {
    const mine = generation;
    const fresh = await request({ chart: block.keys.join(","), since_ms: block.answer.end_ms });
    if (!fresh || mine !== generation) return;
    if (appendSamples(block.answer, fresh)) {
      block.update();
      return;
    }
    const whole = await ask(block.keys);
    if (!whole || mine !== generation) return;
    block.answer = whole;
    drawn(block);
  };

  return {
    // Asks for charts that `reset` is to draw first, before it is known which the host has.
    //   keys: those in view, if none are given.
    ask: (keys = [...visible].filter((key) => figures.has(key))) => {
      if (!keys.length) return null;
      const answered = ask(keys);
      // `load` shows what is wrong.
      answered.catch(() => {});
      return { keys, answered };
    },
    // Forgets all blocks, and loads those of these figures that are in view; what `ask` has returned without
    // waiting for the layout of the page.
    reset: (elements, first = null) => {
      generation += 1;
      clearTimeout(timer);
      observer.disconnect();
      visible.clear();
      figures.clear();
      wanted = new Set();
      blocks = [];
      for (const element of elements) figures.set(element.dataset.key, element);
      const keys = first?.keys.filter((key) => figures.has(key)) ?? [];
      asked = new Set(keys);
      if (keys.length) load(keys, first.answered);
      isFirstView = true;
      for (const element of elements) observer.observe(element);
    },
    // Blocks out of sight are brought up to date once they are seen again.
    refresh: () => Promise.all(
      blocks.filter((block) => block.update && block.keys.some((key) => visible.has(key))).map(refresh),
    ),
    first: () => blocks[0]?.answer ?? null,
    all: () => blocks,
  };
};
