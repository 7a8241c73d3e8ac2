// Editing a dashboard: panels move and grow by mouse and keyboard, a dialog changes their fields,
// and saving makes a new version.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { request } from "./api.js";
import { blankPanel } from "./blank.js";

const COLUMNS = 24;
const CELL_PX = 38;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const bar = document.getElementById("edit-bar");
const note = document.getElementById("edit-note");

const button = (text, name, act) => {
  const made = element("button", "button small", text);
  made.type = "button";
  made.setAttribute("aria-label", name);
  made.title = name;
  made.addEventListener("click", act);
  return made;
};

const titleOf = (panel) => panel.title || t("Panel");

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const movedPlace = ({ x, y, w, h }, dx, dy) => ({ x: clamp(x + dx, 0, COLUMNS - w), y: Math.max(0, y + dy), w, h });
const sizedPlace = ({ x, y, w, h }, dx, dy) => ({ x, y, w: clamp(w + dx, 1, COLUMNS - x), h: clamp(h + dy, 1, 200) });

const doOverlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

// The panels of a section with none over another: what lies under the changed one moves down.
const settled = (panels, changed) => {
  const order = [...panels].sort((a, b) => (b === changed) - (a === changed) || a.place.y - b.place.y || a.place.x - b.place.x);
  const done = [];
  for (const panel of order) {
    let hit;
    while ((hit = done.find((other) => doOverlap(panel.place, other.place)))) panel.place = { ...panel.place, y: hit.place.y + hit.place.h };
    done.push(panel);
  }
};

const sectionAround = (panels, panel) => {
  const at = panels.indexOf(panel);
  const begin = panels.findLastIndex((each, index) => index < at && each.kind === "row") + 1;
  const next = panels.findIndex((each, index) => index > at && each.kind === "row");
  return panels.slice(begin, next < 0 ? panels.length : next);
};

// The row whose section a panel is part of: a repeated row gives its panels a value of the variable.
const rowAround = (panels, panel) => {
  const at = panels.indexOf(panel);
  return panels.findLast((each, index) => each.kind === "row" && (at < 0 || index < at)) ?? null;
};

const blank = (id, kind, y) => blankPanel(id, kind, { x: 0, y, w: kind === "row" ? COLUMNS : 12, h: kind === "row" ? 1 : 8 });

// The dialog of a panel, with the editor of Explore.
const loadPanelEditor = () => import("./panel_editor.js");

// It is there when a button of these tools is pressed.
const loadNear = (tools) => {
  for (const sign of ["pointerenter", "focusin"]) tools.addEventListener(sign, () => loadPanelEditor().catch(() => {}), { once: true });
};

// Begins to edit: `reload` draws the dashboard again, `end` leaves editing.
//   drawing: {cardOf, draw, zoom, scopeNow} of the page, for previews.
export const startEditing = ({ given, state, reload, end, drawing }) => {
  const before = structuredClone(state.dashboard);
  state.dashboard = structuredClone(before);
  const { panels } = state.dashboard;
  let focus = null;

  const changed = (text) => {
    note.textContent = text;
    reload();
  };

  const open = async (panel, apply) => {
    try {
      const { openPanel } = await loadPanelEditor();
      openPanel(panel, { row: rowAround(panels, panel), drawing, apply });
    } catch (error) {
      note.textContent = t("The editor cannot be loaded: %(error)s", { error: error.message });
    }
  };

  const nextId = () => Math.max(0, ...panels.map(({ id }) => id)) + 1;
  const bottom = () => Math.max(0, ...panels.map(({ place }) => place.y + place.h));

  const place = (panel, to, handle) => {
    panel.place = to;
    settled(sectionAround(panels, panel), panel);
    focus = { panel, handle };
    changed(t("%(title)s: column %(column)s, row %(row)s, %(width)s columns wide, %(height)s rows high. Not saved yet.", { title: titleOf(panel), column: to.x + 1, row: to.y + 1, width: to.w, height: to.h }));
  };

  const handleOf = (panel, card, name, text, change) => {
    const title = titleOf(panel);
    const texts = {
      Move: t("Move %(title)s: drag, or use the arrow keys", { title }),
      Resize: t("Resize %(title)s: drag, or use the arrow keys", { title }),
    };
    const handle = button(text, texts[name], () => {});
    handle.dataset.handle = name;
    handle.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (!step) return;
      event.preventDefault();
      place(panel, change(panel.place, ...step), name);
    });
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      const from = { x: event.clientX, y: event.clientY, place: panel.place };
      const cell = card.parentElement.clientWidth / COLUMNS;
      let to = from.place;
      const move = ({ clientX, clientY }) => {
        to = change(from.place, Math.round((clientX - from.x) / cell), Math.round((clientY - from.y) / CELL_PX));
        for (const [key, value] of Object.entries(to)) card.style.setProperty(`--${key}`, value);
      };
      handle.addEventListener("pointermove", move);
      handle.addEventListener("lostpointercapture", () => {
        handle.removeEventListener("pointermove", move);
        if (to !== from.place) place(panel, to, name);
      }, { once: true });
    });
    return handle;
  };

  const remove = (panel) => {
    panels.splice(panels.indexOf(panel), 1);
    changed(t("%(title)s is removed. Not saved yet.", { title: titleOf(panel) }));
  };

  const copy = (panel) => {
    const made = { ...structuredClone(panel), id: nextId() };
    made.place.y += made.place.h;
    panels.splice(panels.indexOf(panel) + 1, 0, made);
    settled(sectionAround(panels, made), made);
    changed(t("%(title)s is duplicated. Not saved yet.", { title: titleOf(panel) }));
  };

  const add = (kind) => {
    const panel = blank(nextId(), kind, bottom());
    if (kind === "row") {
      panel.title = t("New row");
      panels.push(panel);
      changed(t("A row is added. Not saved yet."));
      return;
    }
    open(panel, () => {
      panels.push(panel);
      changed(t("A panel is added. Not saved yet."));
    });
  };

  const leave = () => {
    bar.hidden = true;
    bar.onclick = null;
    history.replaceState(null, "", location.pathname + location.search.replace(/[?&]edit=?/, ""));
    end();
  };

  const save = async () => {
    try {
      const message = bar.querySelector("[name=message]").value.trim();
      const saved = await request("PUT", `/${given.uid}`, { version: state.version, dashboard: state.dashboard, message });
      state.version = saved.version;
      document.getElementById("board-version").textContent = t("Version %(version)s", { version: saved.version });
      leave();
    } catch (error) {
      note.textContent = t("Not saved: %(error)s", { error: error.message });
    }
  };

  const actions = {
    "add-panel": () => add("timeseries"),
    "add-row": () => add("row"),
    settings: async () => {
      try {
        (await import("./settings.js")).openSettings(state.dashboard, () => changed(t("The settings are changed. Not saved yet.")));
      } catch (error) {
        note.textContent = t("The editor cannot be loaded: %(error)s", { error: error.message });
      }
    },
    save,
    discard: () => {
      state.dashboard = before;
      leave();
    },
  };
  bar.onclick = (event) => actions[event.target.closest("[data-action]")?.dataset.action]?.();
  bar.hidden = false;
  note.textContent = "";
  loadNear(bar);

  return {
    equip: ({ card, head, panel }, { place: drawn }) => {
      const tools = element("div", "dash-tools");
      const isCopy = drawn.w !== panel.place.w || card.parentElement?.querySelector(`[data-panel="${panel.id}"]`);
      card.dataset.panel = panel.id;
      if (isCopy) return;
      loadNear(tools);
      tools.append(
        handleOf(panel, card, "Move", "✥", movedPlace),
        button(t("Edit"), t("Edit %(title)s", { title: titleOf(panel) }), () => open(panel, () => changed(t("%(title)s is changed. Not saved yet.", { title: titleOf(panel) })))),
        button(t("Copy"), t("Copy %(title)s", { title: titleOf(panel) }), () => copy(panel)),
        button("×", t("Remove %(title)s", { title: titleOf(panel) }), () => remove(panel)),
        handleOf(panel, card, "Resize", "⇲", sizedPlace),
      );
      head.after(tools);
      if (focus?.panel === panel) queueMicrotask(() => setTimeout(() => card.querySelector(`[data-handle=${focus?.handle}]`)?.focus()));
    },
    equipRow: (box, row) => {
      const tools = element("div", "dash-tools");
      tools.append(
        button(t("Rename"), t("Rename the row %(title)s", { title: row.title }), () => open(row, () => changed(t("The row is changed. Not saved yet.")))),
        button("×", t("Remove the row %(title)s; its panels stay", { title: row.title }), () => remove(row)),
      );
      box.querySelector("summary").after(tools);
    },
  };
};
