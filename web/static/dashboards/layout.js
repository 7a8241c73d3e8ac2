// Where panels lie: sections below rows, and copies of what repeats by a variable.

const COLUMNS = 24;
const LEAST_WIDTH = 6;

const single = (scope, name, value) => {
  const old = scope.get(name);
  return new Map([...scope, [name, { ...old, values: [value], all: "", isAll: false }]]);
};

const copiesOf = (panel, scope) => {
  const values = panel.repeat ? scope.get(panel.repeat)?.values ?? [] : [];
  return values.length ? values.map((value) => ({ scope: single(scope, panel.repeat, value), value })) : [{ scope, value: "" }];
};

// The panels of a section at their places; what repeats moves down all below it.
const placed = (panels, scope) => {
  const top = Math.min(...panels.map(({ place }) => place.y));
  const ordered = [...panels].sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  let added = 0;
  let addedBelow = 0;
  let row = top;
  return ordered.flatMap((panel) => {
    if (panel.place.y > row) {
      added += addedBelow;
      addedBelow = 0;
      row = panel.place.y;
    }
    const copies = copiesOf(panel, scope);
    const { x, y, w, h } = panel.place;
    if (copies.length === 1) return [{ panel, scope: copies[0].scope, place: { x, y: y - top + added, w, h } }];
    const across = panel.repeat_down ? 1 : Math.min(copies.length, COLUMNS / LEAST_WIDTH);
    const width = panel.repeat_down ? w : Math.floor(COLUMNS / across);
    addedBelow = Math.max(addedBelow, (Math.ceil(copies.length / across) - 1) * h);
    return copies.map(({ scope: own }, index) => ({
      panel, scope: own, place: { x: panel.repeat_down ? x : (index % across) * width, y: y - top + added + Math.floor(index / across) * h, w: width, h },
    }));
  });
};

// The sections of a dashboard: {row, scope, key, panels}; `row` is null for panels above all rows.
export const sectionsOf = (panels, scope) => {
  const sections = [];
  let current = { row: null, panels: [] };
  for (const panel of panels) {
    if (panel.kind === "row") {
      sections.push(current);
      current = { row: panel, panels: [] };
    } else {
      current.panels.push(panel);
    }
  }
  sections.push(current);
  return sections.filter(({ row, panels: own }) => row || own.length).flatMap(({ row, panels: own }) =>
    (row ? copiesOf(row, scope) : [{ scope, value: "" }]).map(({ scope: inner, value }) => ({
      row, scope: inner, key: row ? `${row.id}/${value}` : "", panels: own.length ? placed(own, inner) : [],
    })));
};
