// A query explained: the nodes of its syntax tree, as `/api/v1/parse_query` returns it, and
// what each of them does.

import { element } from "../lib/dom.js";
import { durationText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { WORDS } from "./promql.js";

const OPERATIONS = {
  "+": t("adds"), "-": t("subtracts"), "*": t("multiplies"), "/": t("divides"), "%": t("remainder of a division"), "^": t("raises to a power"),
  "==": t("keeps equal values"), "!=": t("keeps different values"), ">": t("keeps greater values"), "<": t("keeps smaller values"),
  ">=": t("keeps greater or equal values"), "<=": t("keeps smaller or equal values"),
  "</": t("trims histograms above"), ">/": t("trims histograms below"),
};

const TITLES = {
  vectorSelector: t("instant selector"), matrixSelector: t("range selector"), subquery: t("subquery"), call: t("function"),
  aggregation: t("aggregation"), binaryExpr: t("operator"), unaryExpr: t("sign"), parenExpr: t("parentheses"),
  numberLiteral: t("number"), stringLiteral: t("string"),
};

const CARDINALITIES = {
  "many-to-one": t("many on the left to one on the right"),
  "one-to-many": t("one on the left to many on the right"),
};

const helpOf = (word) => {
  const help = WORDS.get(word)?.text;
  return help ? t(help) : "";
};
const labelList = (names) => (names.length ? names.join(", ") : t("no label"));

// How the modifiers of a selector or subquery move it in time.
const timeNotes = (node) => {
  const notes = [];
  if (node.offset) notes.push(node.offset > 0 ? t("%(time)s ago", { time: durationText(node.offset) }) : t("%(time)s ahead", { time: durationText(-node.offset) }));
  if (node.timestamp !== null && node.timestamp !== undefined) notes.push(t("at %(time)s", { time: new Date(node.timestamp).toISOString() }));
  if (node.startOrEnd) notes.push(node.startOrEnd === "start" ? t("at the start of the range") : t("at the end of the range"));
  if (node.anchored) notes.push(t("anchored"));
  if (node.smoothed) notes.push(t("smoothed"));
  return notes;
};

const matchingNotes = ({ matching }) => {
  if (!matching) return [];
  const { on, labels, card, include } = matching;
  const notes = [];
  if (on) notes.push(t("series match on %(labels)s", { labels: labelList(labels) }));
  else notes.push(labels.length ? t("series match ignoring %(labels)s", { labels: labelList(labels) }) : t("series match on all labels"));
  if (CARDINALITIES[card]) notes.push(CARDINALITIES[card]);
  if (include.length) notes.push(t("copies %(labels)s", { labels: labelList(include) }));
  return notes;
};

const groupingNote = ({ without, grouping }) => {
  if (without) return t("grouped by all labels except %(labels)s", { labels: labelList(grouping) });
  return grouping.length ? t("grouped by %(labels)s", { labels: labelList(grouping) }) : t("all series are one group");
};

const selector = (node, note) => ({ name: node.name || "{ }", notes: [note, ...timeNotes(node)], matchers: node.matchers });

// How a node is shown: {name, notes, children, matchers}, by its type.
const DESCRIPTIONS = {
  aggregation: (node) => ({ name: node.op, notes: [helpOf(node.op), groupingNote(node)], children: [node.param, node.expr] }),
  call: (node) => ({ name: node.func.name, notes: [helpOf(node.func.name)], children: node.args }),
  binaryExpr: (node) => {
    const operation = node.bool ? t("1 where it holds, else 0") : OPERATIONS[node.op] ?? helpOf(node.op);
    return { name: node.op, notes: [operation, ...matchingNotes(node)], children: [node.lhs, node.rhs] };
  },
  unaryExpr: (node) => ({ name: node.op, notes: [node.op === "-" ? t("changes the sign") : ""], children: [node.expr] }),
  parenExpr: (node) => ({ name: "( )", notes: [], children: [node.expr] }),
  subquery: (node) => {
    const step = node.step ? durationText(node.step) : "";
    const range = durationText(node.range);
    return {
      name: `[${range}:${step}]`,
      notes: [t("evaluated every %(step)s over %(range)s", { step: step || t("default step"), range }), ...timeNotes(node)],
      children: [node.expr],
    };
  },
  matrixSelector: (node) => selector(node, node.range ? t("samples of the last %(range)s", { range: durationText(node.range) }) : t("samples of a computed range")),
  vectorSelector: (node) => selector(node, t("the newest sample of each series")),
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
