// PromQL as text: its tokens, for colours, and what may stand where the caret is.
"use strict";

const promql = (() => {
  const WORDS = new Map(
    JSON.parse(document.getElementById("promql-words").textContent).map((word) => [word.name, word]));
  const GROUPINGS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
  const OPERATORS = ["=", "!=", "=~", "!~"];
  const DURATIONS = ["1m", "5m", "10m", "15m", "30m", "1h", "6h", "1d", "1w"];

  const TOKEN = new RegExp([
    "(?<comment>#[^\\n]*)",
    "(?<string>\"(?:[^\"\\\\\\n]|\\\\[^])*\"?|'(?:[^'\\\\\\n]|\\\\[^])*'?|`[^`]*`?)",
    "(?<duration>(?:\\d+(?:ms|[smhdwy]))+)",
    "(?<number>0[xX][0-9a-fA-F]+|(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)",
    "(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)",
    "(?<operator>[=!]~|[=!<>]=|[-+*/%^=<>@])",
    "(?<mark>[()[\\]{},:])",
    "(?<space>\\s+)",
    "(?<other>[^])",
  ].join("|"), "g");

  // Each token: kind, text, start; a name says what it is: function, aggregation,
  // keyword, label or metric.
  const tokens = (text) => {
    const found = [];
    let braces = 0;
    let grouping = false;
    for (const match of text.matchAll(TOKEN)) {
      const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
      const token = { kind, text: match[0], start: match.index, end: match.index + match[0].length };
      if (kind === "mark") {
        if (token.text === "{") braces += 1;
        if (token.text === "}") braces -= 1;
        if (token.text === "(") {
          const before = found.findLast((each) => each.kind !== "space");
          grouping = Boolean(before) && GROUPINGS.has(before.text);
        }
        if (token.text === ")") grouping = false;
      }
      if (kind === "name") {
        const word = WORDS.get(token.text.toLowerCase());
        const called = /^\s*\(/.test(text.slice(token.end));
        if (braces > 0 || grouping) token.kind = "label";
        else if (word && (word.kind === "keyword" || word.kind === "aggregation" || called)) token.kind = word.kind;
        else token.kind = "metric";
      }
      found.push(token);
    }
    return found;
  };

  const unquoted = (text) => {
    try {
      return JSON.parse(`"${text.slice(1, text.endsWith(text[0]) && text.length > 1 ? -1 : undefined)}"`);
    } catch {
      return text.slice(1, -1);
    }
  };

  // What the braces that are open at the caret hold so far: the metric before them, the
  // finished matchers as they stand, and the tokens since the last comma.
  const selectorAt = (before) => {
    const open = before.findLastIndex((token) => token.text === "{" && token.kind === "mark");
    const metric = before.slice(0, open).findLast((token) => token.kind !== "space");
    const inside = before.slice(open + 1).filter((token) => token.kind !== "space");
    const matchers = [];
    let current = [];
    for (const token of inside) {
      if (token.kind === "mark" && token.text === ",") {
        if (current.length === 3) matchers.push(current.map((each) => each.text).join(""));
        current = [];
      } else {
        current.push(token);
      }
    }
    return { metric: metric?.kind === "metric" && metric.end === before[open].start ? metric.text : "", matchers, current };
  };

  const selector = (metric, matchers) => (metric || matchers.length ? `${metric}{${matchers.join(",")}}` : "");

  // What may be typed at the caret: {kind, from, typed, …}; `from` is where what is
  // chosen begins. Kinds: label (names), value (of a label), matcher (operators),
  // duration, expression, after (an operand).
  const contextAt = (text, caret) => {
    const all = tokens(text);
    const before = all.filter((token) => token.start < caret);
    const last = before.at(-1);
    if (last?.kind === "comment" && caret <= last.end) return null;
    const inString = last?.kind === "string" && (caret < last.end || !closed(last.text));
    let depth = { brace: 0, bracket: 0 };
    let grouping = false;
    for (const [index, token] of before.entries()) {
      if (token.kind !== "mark") continue;
      if (token.text === "{") depth.brace += 1;
      if (token.text === "}") depth.brace -= 1;
      if (token.text === "[") depth.bracket += 1;
      if (token.text === "]") depth.bracket -= 1;
      if (token.text === "(") {
        const opener = before.slice(0, index).findLast((each) => each.kind !== "space");
        grouping = Boolean(opener) && GROUPINGS.has(opener.text);
      }
      if (token.text === ")") grouping = false;
    }
    const partial = last && ["metric", "label", "function", "aggregation", "keyword"].includes(last.kind) && caret <= last.end ? last : null;
    const from = partial ? partial.start : caret;
    const typed = partial ? text.slice(partial.start, caret) : "";

    if (depth.brace > 0) {
      const { metric, matchers, current } = selectorAt(before);
      const others = selector(metric, matchers);
      if (inString) {
        if (current.length < 3 || current[0].kind !== "label") return null;
        const quote = last.text[0];
        return { kind: "value", label: current[0].text, others, from: last.start, to: Math.max(caret, closed(last.text) ? last.end : caret), typed: unquoted(text.slice(last.start, caret)), quote };
      }
      const settled = current.filter((token) => token !== partial);
      if (settled.length === 0) return { kind: "label", others, from, typed };
      if (settled.length === 1) return { kind: "matcher", from: caret, typed: "" };
      if (settled.length === 2) return { kind: "value", label: settled[0].text, others, from, typed, quote: '"' };
      return null;
    }
    if (inString) return null;
    if (depth.bracket > 0) {
      const open = before.findLast((token) => token.text === "[");
      return { kind: "duration", from: open.end, typed: text.slice(open.end, caret).trim() };
    }
    if (grouping) {
      const metrics = all.filter((token) => token.kind === "metric").map((token) => token.text);
      return { kind: "label", others: metrics.length ? `{__name__=~"${[...new Set(metrics)].join("|")}"}` : "", from, typed };
    }
    const previous = before.findLast((token) => token !== partial && token.kind !== "space");
    const operand = previous && (["metric", "number", "duration", "string"].includes(previous.kind) || [")", "}", "]"].includes(previous.text));
    if (["number", "duration"].includes(last?.kind) && caret <= last.end) return null;
    if (operand && !partial && !/\s$/.test(text.slice(0, caret))) return null;
    return { kind: operand ? "after" : "expression", from, typed, aggregation: previous?.kind === "aggregation" };
  };

  const closed = (text) => text.length > 1 && text.endsWith(text[0]) && !/(?:^|[^\\])(?:\\\\)*\\.$/.test(text.slice(1));

  return { WORDS, OPERATORS, DURATIONS, tokens, contextAt };
})();
