// A query taken apart: every node of its syntax tree with what it does.
"use strict";

const explanation = (() => {
  const { element } = queryEditor;

  const UNITS = [["w", 604800000], ["d", 86400000], ["h", 3600000], ["m", 60000], ["s", 1000], ["ms", 1]];
  const duration = (length_ms) => {
    let rest = Math.abs(length_ms);
    const parts = UNITS.map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count ? `${count}${unit}` : "";
    });
    return (length_ms < 0 ? "-" : "") + (parts.join("") || "0s");
  };

  const OPERATIONS = {
    "+": "adds", "-": "subtracts", "*": "multiplies", "/": "divides", "%": "remainder of a division", "^": "raises to a power",
    "==": "keeps what is equal", "!=": "keeps what differs", ">": "keeps what is greater", "<": "keeps what is less",
    ">=": "keeps what is greater or equal", "<=": "keeps what is less or equal",
    "</": "trims histograms above", ">/": "trims histograms below",
  };

  const TITLES = {
    vectorSelector: "instant selector", matrixSelector: "range selector", subquery: "subquery", call: "function",
    aggregation: "aggregation", binaryExpr: "operator", unaryExpr: "sign", parenExpr: "parentheses",
    numberLiteral: "number", stringLiteral: "string",
  };

  const shifted = (node) => {
    const parts = [];
    if (node.offset) parts.push(`${duration(node.offset)} ${node.offset > 0 ? "ago" : "ahead"}`);
    if (node.timestamp !== null && node.timestamp !== undefined) parts.push(`at ${new Date(node.timestamp).toISOString()}`);
    if (node.startOrEnd) parts.push(`at the ${node.startOrEnd} of the range`);
    if (node.anchored) parts.push("anchored");
    if (node.smoothed) parts.push("smoothed");
    return parts;
  };

  const listed = (names) => (names.length ? names.join(", ") : "no label");

  const matched = (node) => {
    const { matching } = node;
    if (!matching) return [];
    const parts = [];
    if (matching.on) parts.push(`series match on ${listed(matching.labels)}`);
    else if (matching.labels.length) parts.push(`series match ignoring ${listed(matching.labels)}`);
    else parts.push("series match on all labels");
    const direction = { "many-to-one": "many on the left to one on the right", "one-to-many": "one on the left to many on the right" }[matching.card];
    if (direction) parts.push(direction);
    if (matching.include.length) parts.push(`copies ${listed(matching.include)}`);
    return parts;
  };

  // What a node is called, what it does, and its parts with their roles.
  const told = (node) => {
    switch (node.type) {
      case "aggregation":
        return {
          name: node.op,
          notes: [
            promql.WORDS.get(node.op)?.text ?? "",
            node.without ? `grouped by all labels but ${listed(node.grouping)}` : node.grouping.length ? `grouped by ${listed(node.grouping)}` : "all series are one group",
          ],
          children: [node.param, node.expr],
        };
      case "call":
        return { name: node.func.name, notes: [promql.WORDS.get(node.func.name)?.text ?? ""], children: node.args };
      case "binaryExpr":
        return {
          name: node.op,
          notes: [node.bool ? "1 where it holds, else 0" : OPERATIONS[node.op] ?? promql.WORDS.get(node.op)?.text ?? "", ...matched(node)],
          children: [node.lhs, node.rhs],
        };
      case "unaryExpr":
        return { name: node.op, notes: [node.op === "-" ? "with the other sign" : ""], children: [node.expr] };
      case "parenExpr":
        return { name: "( )", notes: [], children: [node.expr] };
      case "subquery":
        return {
          name: `[${duration(node.range)}:${node.step ? duration(node.step) : ""}]`,
          notes: [`evaluated every ${node.step ? duration(node.step) : "default step"} over ${duration(node.range)}`, ...shifted(node)],
          children: [node.expr],
        };
      case "matrixSelector":
        return { name: node.name || "{ }", notes: [`samples of ${node.range ? `the last ${duration(node.range)}` : "a computed range"}`, ...shifted(node)], matchers: node.matchers, children: [] };
      case "vectorSelector":
        return { name: node.name || "{ }", notes: ["the newest sample of each series", ...shifted(node)], matchers: node.matchers, children: [] };
      case "stringLiteral":
        return { name: JSON.stringify(node.val), notes: [], children: [] };
      default:
        return { name: node.val ?? "", notes: [], children: [] };
    }
  };

  const branch = (node) => {
    const { name, notes, matchers, children } = told(node);
    const item = element("li");
    const line = element("div", "tree-line");
    line.append(element("span", "tree-kind", TITLES[node.type] ?? node.type), element("code", `tree-name tree-${node.type}`, name));
    for (const { name: label, type, value } of matchers ?? []) {
      if (label === "__name__" && type === "=" && value === node.name) continue;
      line.append(element("code", "tree-matcher", `${label}${type}${JSON.stringify(value)}`));
    }
    line.append(element("span", "faint", notes.filter(Boolean).join("; ")));
    item.append(line);
    const inner = children.filter(Boolean);
    if (inner.length) {
      const list = element("ul");
      list.append(...inner.map(branch));
      item.append(list);
    }
    return item;
  };

  const show = (field, tree) => {
    const list = element("ul", "tree");
    list.append(branch(tree));
    field.replaceChildren(list);
  };

  return { show, duration };
})();
