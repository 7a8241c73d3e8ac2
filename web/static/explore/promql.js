// PromQL as text: its tokens, for the colours, and what may be typed at the caret.

// Without an answer, a query is only coloured and completed less.
const loadWords = async () => {
  try {
    const answer = await fetch("/api/explore/words");
    return answer.ok ? (await answer.json()).words : [];
  } catch {
    return [];
  }
};

// The words of PromQL by name, from the server: {name, kind, signature, text}.
export const WORDS = new Map((await loadWords()).map((word) => [word.name, word]));
export const MATCH_OPERATORS = ["=", "!=", "=~", "!~"];
export const DURATIONS = ["1m", "5m", "10m", "15m", "30m", "1h", "6h", "1d", "1w"];

const GROUPINGS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);

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

const isMark = (token, text) => token.kind === "mark" && token.text === text;
const lastWord = (tokens) => tokens.findLast((token) => token.kind !== "space");

// How many braces and brackets are open after the tokens, and whether the parentheses of a
// grouping such as `by (` are.
const nesting = () => {
  const open = { braces: 0, brackets: 0, grouping: false };
  const step = { "{": ["braces", 1], "}": ["braces", -1], "[": ["brackets", 1], "]": ["brackets", -1] };
  const take = (token, before) => {
    if (token.kind !== "mark") return;
    if (step[token.text]) open[step[token.text][0]] += step[token.text][1];
    if (token.text === "(") open.grouping = GROUPINGS.has(lastWord(before)?.text);
    if (token.text === ")") open.grouping = false;
  };
  return { open, take };
};

const kindOfName = (token, rest, open) => {
  if (open.braces > 0 || open.grouping) return "label";
  const word = WORDS.get(token.text.toLowerCase());
  const isCalled = /^\s*\(/.test(rest);
  return word && (word.kind === "keyword" || word.kind === "aggregation" || isCalled) ? word.kind : "metric";
};

// The tokens of a query: {kind, text, start, end}. A name's kind is function, aggregation,
// keyword, label or metric.
export const tokens = (text) => {
  const found = [];
  const { open, take } = nesting();
  for (const match of text.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    const token = { kind, text: match[0], start: match.index, end: match.index + match[0].length };
    take(token, found);
    if (kind === "name") token.kind = kindOfName(token, text.slice(token.end), open);
    found.push(token);
  }
  return found;
};

// ---- completion: what may be typed at the caret ----

const isClosed = (string) =>
  string.length > 1 && string.endsWith(string[0]) && !/(?:^|[^\\])(?:\\\\)*\\.$/.test(string.slice(1));

const unquoted = (string) => {
  const isQuoted = string.endsWith(string[0]) && string.length > 1;
  try {
    return JSON.parse(`"${string.slice(1, isQuoted ? -1 : undefined)}"`);
  } catch {
    return string.slice(1, -1);
  }
};

// The selector whose braces are open at the caret: the metric before them, the complete matchers
// as text, and the tokens since the last comma.
const openSelector = (before) => {
  const open = before.findLastIndex((token) => isMark(token, "{"));
  const metric = lastWord(before.slice(0, open));
  const matchers = [];
  let current = [];
  for (const token of before.slice(open + 1).filter((each) => each.kind !== "space")) {
    if (isMark(token, ",")) {
      if (current.length === 3) matchers.push(current.map((each) => each.text).join(""));
      current = [];
    } else {
      current.push(token);
    }
  }
  const isAdjacent = metric?.kind === "metric" && metric.end === before[open].start;
  return { metric: isAdjacent ? metric.text : "", matchers, current };
};

const selectorText = (metric, matchers) => (metric || matchers.length ? `${metric}{${matchers.join(",")}}` : "");

// Inside the braces of a selector: a label's name, an operator, or a label's value.
const selectorContext = ({ before, caret, text, partial, from, typed, stringAtCaret }) => {
  const { metric, matchers, current } = openSelector(before);
  const others = selectorText(metric, matchers);
  if (stringAtCaret) {
    if (current.length < 3 || current[0].kind !== "label") return null;
    const end = isClosed(stringAtCaret.text) ? stringAtCaret.end : caret;
    return {
      kind: "value", label: current[0].text, others, from: stringAtCaret.start, to: Math.max(caret, end),
      typed: unquoted(text.slice(stringAtCaret.start, caret)),
    };
  }
  const complete = current.filter((token) => token !== partial);
  switch (complete.length) {
    case 0:
      return { kind: "label", others, from, typed };
    case 1:
      return { kind: "matcher", from: caret, typed: "" };
    case 2:
      return { kind: "value", label: complete[0].text, others, from, typed };
    default:
      return null;
  }
};

// Outside of braces and brackets: an expression, or a keyword after an operand.
const expressionContext = ({ before, caret, text, partial, from, typed }) => {
  const last = before.at(-1);
  const previous = before.findLast((token) => token !== partial && token.kind !== "space");
  const isOperand = previous &&
    (["metric", "number", "duration", "string"].includes(previous.kind) || [")", "}", "]"].includes(previous.text));
  if (["number", "duration"].includes(last?.kind) && caret <= last.end) return null;
  if (isOperand && !partial && !/\s$/.test(text.slice(0, caret))) return null;
  return { kind: isOperand ? "after" : "expression", from, typed, aggregation: previous?.kind === "aggregation" };
};

const NAMES = ["metric", "label", "function", "aggregation", "keyword"];

// What may be typed at the caret, null for nothing: {kind, from, typed, …}. A completion replaces
// the text from `from`; `typed` is the part of it that stands there already. Kinds: label, value (of
// `label`), matcher (an operator), duration, expression, after (an operand). `others` selects the
// series whose labels are completed.
export const contextAt = (text, caret) => {
  const all = tokens(text);
  const before = all.filter((token) => token.start < caret);
  const last = before.at(-1);
  if (last?.kind === "comment" && caret <= last.end) return null;
  const { open, take } = nesting();
  before.forEach((token, index) => take(token, before.slice(0, index)));

  const partial = last && NAMES.includes(last.kind) && caret <= last.end ? last : null;
  const from = partial ? partial.start : caret;
  // The name of a variable of a dashboard, which `variableAt` completes.
  if (partial && text[from - 1] === "$") return null;
  const typed = partial ? text.slice(from, caret) : "";
  const stringAtCaret = last?.kind === "string" && (caret < last.end || !isClosed(last.text)) ? last : null;
  const place = { before, caret, text, partial, from, typed, stringAtCaret };

  if (open.braces > 0) return selectorContext(place);
  if (stringAtCaret) return null;
  if (open.brackets > 0) {
    const bracket = before.findLast((token) => token.text === "[");
    return { kind: "duration", from: bracket.end, typed: text.slice(bracket.end, caret).trim() };
  }
  if (open.grouping) {
    const metrics = new Set(all.filter((token) => token.kind === "metric").map((token) => token.text));
    return { kind: "label", others: metrics.size ? `{__name__=~"${[...metrics].join("|")}"}` : "", from, typed };
  }
  return expressionContext(place);
};

// The variable of a dashboard whose name is begun at the caret, such as $jo or ${jo, also within a
// string; null where no name contains what is typed.
//   variables: candidates {name, detail}.
export const variableAt = (text, caret, variables) => {
  const [place, brace, typed] = /\$(\{?)(\w*)$/.exec(text.slice(0, caret)) ?? [];
  if (place === undefined || !variables.some(({ name }) => name.toLowerCase().includes(typed.toLowerCase()))) return null;
  const rest = (brace ? /^\w*\}?/ : /^\w*/).exec(text.slice(caret))[0];
  return { kind: "variable", from: caret - place.length, to: caret + rest.length, typed, variables, brace };
};
