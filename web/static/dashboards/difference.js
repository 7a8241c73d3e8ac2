// What differs between two versions of a dashboard: panels and variables added, removed and changed, field by field.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";

const MOST_LINES = 200;

const textOf = (value) => (typeof value === "string" ? value : JSON.stringify(value));

// Lines {sign, text} of what differs between two objects, at each path.
const changedFields = (before, after, path) => {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const areObjects = [before, after].every((each) => each && typeof each === "object");
  if (!areObjects) return [{ sign: "−", text: `${path}: ${textOf(before ?? null)}` }, { sign: "+", text: `${path}: ${textOf(after ?? null)}` }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => changedFields(before[name], after[name], Array.isArray(before) ? `${path} ${Number(name) + 1}` : path ? `${path}.${name}` : name));
};

const listChanges = (before, after, keyOf, nameOf) => {
  const old = new Map(before.map((each) => [keyOf(each), each]));
  const found = after.flatMap((each) => {
    const known = old.get(keyOf(each));
    if (!known) return [{ title: t("%(name)s is new", { name: nameOf(each) }), lines: [] }];
    old.delete(keyOf(each));
    const lines = changedFields(known, each, "");
    return lines.length ? [{ title: t("%(name)s is changed", { name: nameOf(each) }), lines }] : [];
  });
  return [...found, ...[...old.values()].map((each) => ({ title: t("%(name)s is removed", { name: nameOf(each) }), lines: [] }))];
};

const nameOfPanel = ({ title, kind, id }) =>
  kind === "row" ? t("The row “%(name)s”", { name: title || id }) : t("The panel “%(name)s”", { name: title || id });

// Returns [{title, lines: [{sign, text}]}].
export const differences = (before, after) => {
  const { panels: oldPanels, variables: oldVariables, ...oldRest } = before;
  const { panels, variables, ...rest } = after;
  const lines = changedFields(oldRest, rest, "");
  return [
    ...(lines.length ? [{ title: t("The dashboard is changed"), lines }] : []),
    ...listChanges(oldVariables, variables, ({ name }) => name, ({ name }) => t("The variable “%(name)s”", { name })),
    ...listChanges(oldPanels, panels, ({ id }) => id, nameOfPanel),
  ];
};

export const showDifferences = (box, before, after) => {
  const found = differences(before, after);
  let left = MOST_LINES;
  const parts = found.map(({ title, lines }) => {
    const part = element("div", "dash-change");
    part.append(element("h3", "", title));
    const shown = lines.slice(0, left);
    left -= shown.length;
    part.append(...shown.map(({ sign, text }) => element("code", sign === "+" ? "is-added" : "is-removed", `${sign} ${text}`)));
    return part;
  });
  box.replaceChildren(...(parts.length ? parts : [element("p", "faint", t("Nothing differs."))]));
};
