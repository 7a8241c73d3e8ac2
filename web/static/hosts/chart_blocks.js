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
  const visible = new Set();
  const figures = new Map();

  const load = async () => {
    const mine = generation;
    const keys = [...wanted];
    wanted = new Set();
    try {
      const answer = await request({ chart: keys.join(",") });
      if (mine !== generation || !answer) return;
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
    if (asked.size === wanted.size) load();
    else timer = setTimeout(load, TOGETHER_MS);
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
    const whole = await request({ chart: block.keys.join(",") });
    if (!whole || mine !== generation) return;
    block.answer = whole;
    drawn(block);
  };

  return {
    // Forgets all blocks, and loads those of these figures that are in view.
    reset: (elements) => {
      generation += 1;
      clearTimeout(timer);
      observer.disconnect();
      visible.clear();
      figures.clear();
      wanted = new Set();
      asked = new Set();
      blocks = [];
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
