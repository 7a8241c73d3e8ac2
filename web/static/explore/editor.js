// The query box: coloured, underlined where it is wrong, completed from what the server knows.
"use strict";

const queryEditor = (() => {
  const MOST_SHOWN = 60;
  const PATIENCE_MS = 120;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // ---- what the server knows; each question is asked once ----

  const asked = new Map();
  const ask = (path) => {
    if (!asked.has(path)) {
      const answer = fetch(path, { headers: { Accept: "application/json" } })
        .then(async (response) => (response.ok ? (await response.json()).data : []))
        .catch(() => []);
      asked.set(path, answer);
      // What is new on the server shows after a minute.
      setTimeout(() => asked.delete(path), 60000);
    }
    return asked.get(path);
  };
  const matching = (others, more) => {
    const parameters = new URLSearchParams({ limit: "5000", ...more });
    if (others) parameters.set("match[]", others);
    return parameters;
  };
  const metricNames = () => ask(`/api/v1/label/__name__/values?${matching("")}`);
  const metadata = () => ask("/api/v1/metadata?limit_per_metric=1");
  const labelNames = (others) => ask(`/api/v1/labels?${matching(others)}`);
  const labelValues = (label, others) => ask(`/api/v1/label/${encodeURIComponent(label)}/values?${matching(others)}`);

  // ---- candidates ----

  const of = (word) => ({
    name: word.name,
    tag: word.kind,
    detail: `${word.signature}: ${word.text}`,
    insert: word.kind === "keyword" ? `${word.name} ` : `${word.name}(`,
  });
  const words = (...kinds) => [...promql.WORDS.values()].filter((word) => kinds.includes(word.kind)).map(of);
  const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
  const plainMetric = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

  const candidates = async (context) => {
    switch (context.kind) {
      case "label": {
        const names = await labelNames(context.others);
        return names.filter((name) => name !== "__name__").map((name) => ({ name, tag: "label", insert: plainLabel.test(name) ? name : JSON.stringify(name) }));
      }
      case "value":
        return (await labelValues(context.label, context.others)).map((name) => ({ name, tag: "value", insert: JSON.stringify(name) }));
      case "matcher":
        return promql.OPERATORS.map((name) => ({ name, tag: "operator", insert: `${name}"`, again: true }));
      case "duration":
        return promql.DURATIONS.map((name, order) => ({ name, order, tag: "duration", insert: name }));
      case "after":
        return words("keyword");
      default: {
        const [names, known] = await Promise.all([metricNames(), metadata()]);
        // Families are known by their own names, without the endings of their samples.
        const told = (name) => known[name]?.[0] ?? known[name.replace(/_(total|sum|count|bucket)$/, "")]?.[0];
        const metrics = names.filter((name) => plainMetric.test(name)).map((name) => {
          const about = told(name);
          return { name, tag: about?.type && about.type !== "unknown" ? about.type : "metric", detail: about?.help ?? "", insert: name };
        });
        const keywords = context.aggregation ? words("keyword").filter(({ name }) => name === "by" || name === "without") : [];
        return [...keywords, ...words("function", "aggregation"), ...metrics];
      }
    }
  };

  // Lower is better: begins with it, a part begins with it, has it, has its letters.
  const rank = (name, typed) => {
    const at = name.indexOf(typed);
    if (at === 0) return 0;
    if (at > 0) return name[at - 1] === "_" || name[at - 1] === ":" ? 1 : 2;
    const letters = new RegExp([...typed].map((each) => each.replace(/[^a-z0-9]/g, "\\$&")).join(".*"));
    return typed.length > 2 && letters.test(name) ? 3 : Infinity;
  };
  const best = (found, typed) => {
    const wanted = typed.toLowerCase();
    return found
      .map((each) => ({ each, rank: wanted ? rank(each.name.toLowerCase(), wanted) : 0 }))
      .filter((pair) => pair.rank < Infinity)
      .sort((a, b) => a.rank - b.rank || a.each.order - b.each.order || a.each.name.length - b.each.name.length || (a.each.name < b.each.name ? -1 : 1))
      .slice(0, MOST_SHOWN)
      .map((pair) => pair.each);
  };

  // ---- one editor ----

  let count = 0;

  const create = (root, { run, changed }) => {
    const box = root.querySelector("textarea");
    const shown = root.querySelector(".editor-text");
    const popup = root.querySelector(".completion");
    const list = popup.querySelector("ul");
    const detail = popup.querySelector(".completion-detail");
    const id = `completion-${(count += 1)}`;
    list.id = id;
    box.setAttribute("aria-controls", id);
    let offered = [];
    let chosen = -1;
    let context = null;
    let wrongAt = null;
    let turn = 0;
    let waiting = null;

    const paint = () => {
      const text = box.value;
      const parts = promql.tokens(text).map((token) => {
        const part = element("span", `token-${token.kind}`, token.text);
        if (wrongAt !== null && wrongAt >= token.start && wrongAt < token.end) part.classList.add("wrong");
        return part;
      });
      if (wrongAt !== null && wrongAt >= text.length) parts.push(element("span", "wrong", " "));
      // A last empty line has no height of its own.
      shown.replaceChildren(...parts, "\n");
    };

    const close = () => {
      clearTimeout(waiting);
      turn += 1;
      popup.hidden = true;
      offered = [];
      chosen = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };

    const choose = (index) => {
      list.children[chosen]?.setAttribute("aria-selected", "false");
      chosen = (index + offered.length) % offered.length;
      const item = list.children[chosen];
      item.setAttribute("aria-selected", "true");
      item.scrollIntoView({ block: "nearest" });
      box.setAttribute("aria-activedescendant", item.id);
      detail.textContent = offered[chosen].detail ?? "";
      detail.hidden = !detail.textContent;
    };

    const place = () => {
      // The painted text lies exactly under the box: measure there.
      const range = document.createRange();
      const walker = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
      let left = context.from;
      let node = walker.nextNode();
      while (node && left > node.length) {
        left -= node.length;
        node = walker.nextNode();
      }
      if (!node) return;
      range.setStart(node, left);
      range.collapse(true);
      const caret = range.getClientRects()[0] ?? shown.getBoundingClientRect();
      const frame = root.getBoundingClientRect();
      const room = frame.width - popup.offsetWidth;
      popup.style.left = `${Math.max(0, Math.min(caret.left - frame.left - 8, room))}px`;
      popup.style.top = `${caret.top - frame.top + 24}px`;
    };

    const offer = async (force) => {
      const mine = (turn += 1);
      const found = box.selectionStart === box.selectionEnd ? promql.contextAt(box.value, box.selectionStart) : null;
      const ready = found && (force || found.typed || ["label", "value", "matcher", "duration"].includes(found.kind));
      if (!ready) return close();
      const all = await candidates(found);
      if (mine !== turn) return;
      const next = best(all, found.typed);
      if (!next.length || (!force && next[0].name === found.typed)) return close();
      context = found;
      offered = next;
      chosen = -1;
      list.replaceChildren(...next.map((each, index) => {
        const item = element("li");
        item.role = "option";
        item.id = `${id}-${index}`;
        item.append(element("span", "completion-name", each.name), element("span", "completion-tag", each.tag));
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          choose(index);
          accept();
        });
        return item;
      }));
      popup.hidden = false;
      box.setAttribute("aria-expanded", "true");
      choose(0);
      place();
    };

    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => offer(false), PATIENCE_MS);
    };

    const accept = () => {
      const { insert, again } = offered[chosen];
      const caret = box.selectionStart;
      let end = Math.max(context.to ?? caret, caret);
      // The rest of a word that the caret stands in goes, too.
      if (context.to === undefined) end += /^[a-zA-Z0-9_:]*/.exec(box.value.slice(caret))[0].length;
      let text = insert;
      if (text.endsWith("(") && box.value[end] === "(") text = text.slice(0, -1);
      const close_ = context.kind === "duration" && box.value[end] !== "]" ? "]" : "";
      box.setSelectionRange(context.from, end);
      // So that undo takes it back.
      if (!document.execCommand("insertText", false, text + close_)) {
        box.setRangeText(text + close_, context.from, end, "end");
        box.dispatchEvent(new Event("input", { bubbles: true }));
      }
      close();
      if (again) soon();
    };

    const PAIRS = { "(": ")", "{": "}", "[": "]" };

    box.addEventListener("input", () => {
      wrongAt = null;
      paint();
      changed();
      soon();
    });
    box.addEventListener("blur", close);
    box.addEventListener("click", close);
    box.addEventListener("keydown", (event) => {
      const open = !popup.hidden && offered.length > 0;
      if (event.key === " " && event.ctrlKey) {
        event.preventDefault();
        offer(true);
      } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        event.preventDefault();
        choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
      } else if (open && (event.key === "Enter" || event.key === "Tab") && !event.shiftKey && !event.ctrlKey) {
        event.preventDefault();
        accept();
      } else if (open && event.key === "Escape") {
        event.preventDefault();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        close();
        run();
      } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
        close();
      } else if (PAIRS[event.key] && box.selectionStart !== box.selectionEnd) {
        // A selection is put in parentheses.
        event.preventDefault();
        const inner = box.value.slice(box.selectionStart, box.selectionEnd);
        document.execCommand("insertText", false, event.key + inner + PAIRS[event.key]);
      }
    });
    box.addEventListener("scroll", () => {
      shown.scrollTop = box.scrollTop;
    });

    return {
      get text() {
        return box.value;
      },
      set text(value) {
        box.value = value;
        wrongAt = null;
        paint();
      },
      focus: () => box.focus(),
      close,
      underline: (offset) => {
        wrongAt = offset;
        paint();
      },
    };
  };

  return { create, element };
})();
