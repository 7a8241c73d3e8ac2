// A query explained: the nodes of its syntax tree, as `/api/v1/parse_query` returns it, and
// what each of them does.

import { element } from "../lib/dom.js";
import { durationText } from "../lib/format.js";
import { WORDS } from "./promql.js";

const OPERATIONS = {
  "+": "adds", "-": "subtracts", "*": "multiplies", "/": "divides", "%": "remainder of a division", "^": "raises to a power",
  "==": "keeps equal values", "!=": "keeps different values", ">": "keeps greater values", "<": "keeps smaller values",
  ">=": "keeps greater or equal values", "<=": "keeps smaller or equal values",
  "</": "trims histograms above", ">/": "trims histograms below",
};

const TITLES = {
  vectorSelector: "instant selector", matrixSelector: "range selector", subquery: "subquery", call: "function",
  aggregation: "aggregation", binaryExpr: "operator", unaryExpr: "sign", parenExpr: "parentheses",
  numberLiteral: "number", stringLiteral: "string",
};

const CARDINALITIES = {
  "many-to-one": "many on the left to one on the right",
  "one-to-many": "one on the left to many on the right",
};

const helpOf = (word) => WORDS.get(word)?.text ?? "";
const labelList = (names) => (names.length ? names.join(", ") : "no label");

// How the modifiers of a selector or subquery move it in time.
const timeNotes = (node) => {
  const notes = [];
  if (node.offset) notes.push(`${durationText(node.offset)} ${node.offset > 0 ? "ago" : "ahead"}`);
  if (node.timestamp !== null && node.timestamp !== undefined) notes.push(`at ${new Date(node.timestamp).toISOString()}`);
  if (node.startOrEnd) notes.push(`at the ${node.startOrEnd} of the range`);
  if (node.anchored) notes.push("anchored");
  if (node.smoothed) notes.push("smoothed");
  return notes;
};

const matchingNotes = ({ matching }) => {
  if (!matching) return [];
  const { on, labels, card, include } = matching;
  const notes = [];
  if (on) notes.push(`series match on ${labelList(labels)}`);
  else notes.push(labels.length ? `series match ignoring ${labelList(labels)}` : "series match on all labels");
  if (CARDINALITIES[card]) notes.push(CARDINALITIES[card]);
  if (include.length) notes.push(`copies ${labelList(include)}`);
  return notes;
};

const groupingNote = ({ without, grouping }) => {
  if (without) return `grouped by all labels except ${labelList(grouping)}`;
  return grouping.length ? `grouped by ${labelList(grouping)}` : "all series are one group";
};

const selector = (node, note) => ({ name: node.name || "{ }", notes: [note, ...timeNotes(node)], matchers: node.matchers });

// How a node is shown: {name, notes, children, matchers}, by its type.
const DESCRIPTIONS = {
  aggregation: (node) => ({ name: node.op, notes: [helpOf(node.op), groupingNote(node)], children: [node.param, node.expr] }),
  call: (node) => ({ name: node.func.name, notes: [helpOf(node.func.name)], children: node.args }),
  binaryExpr: (node) => {
    const operation = node.bool ? "1 where it holds, else 0" : OPERATIONS[node.op] ?? helpOf(node.op);
    return { name: node.op, notes: [operation, ...matchingNotes(node)], children: [node.lhs, node.rhs] };
  },
  unaryExpr: (node) => ({ name: node.op, notes: [node.op === "-" ? "changes the sign" : ""], children: [node.expr] }),
  parenExpr: (node) => ({ name: "( )", notes: [], children: [node.expr] }),
  subquery: (node) => {
    const step = node.step ? durationText(node.step) : "";
    const range = durationText(node.range);
    return {
      name: `[${range}:${step}]`,
      notes: [`evaluated every ${step || "default step"} over ${range}`, ...timeNotes(node)],
      children: [node.expr],
    };
  },
  matrixSelector: (node) => selector(node, `samples of ${node.range ? `the last ${durationText(node.range)}` : "a computed range"}`),
  vectorSelector: (node) => selector(node, "the newest sample of each series"),
  stringLiteral: (node) => ({ name: JSON.stringify(node.val), notes: [] }),
  numberLiteral: (node) => ({ name: node.val, notes: [] }),
};

const branch = (node) => {
  const describe = DESCRIPTIONS[node.type] ?? (() => ({ name: "", notes: [] }));
  const { name, notes, matchers = [], children = [] } = describe(node);
  const line = element("div", "tree-line");
  line.append(element("span", "tree-kind", TITLES[node.type] ?? node.type), element("code", `tree-name tree-${node.type}`, name));
  for (const { name: label, type, value } of matchers) {
    // The metric's name is the node's.
    if (label === "__name__" && type === "=" && value === node.name) continue;
    line.append(element("code", "tree-matcher", `${label}${type}${JSON.stringify(value)}`));
  }
  line.append(element("span", "faint", notes.filter(Boolean).join("; ")));
  const item = element("li");
  item.append(line);
  const inner = children.filter(Boolean);
  if (inner.length) {
    const list = element("ul");
    list.append(...inner.map(branch));
    item.append(list);
  }
  return item;
};

export const showTree = (field, root) => {
  const list = element("ul", "tree");
  list.append(branch(root));
  field.replaceChildren(list);
};
