// What becomes of a query: a saved one, a panel of a dashboard, an alert rule.

import { element } from "../lib/dom.js";
import { request } from "../dashboards/api.js";
import { blankPanel } from "../dashboards/blank.js";
import { t } from "../lib/texts.js";
import { saveQuery } from "./own_queries.js";

const KINDS = { graph: "timeseries", table: "table", heatmap: "heatmap" };
const dialog = document.getElementById("use-dialog");

const ask = (title, fields, act) => {
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector(".use-fields").replaceChildren(...fields);
  problem.textContent = "";
  dialog.querySelector("[data-action=cancel]").onclick = () => dialog.close();
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await act();
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  dialog.showModal();
};

const fieldOf = (id, text, control) => {
  const field = element("div", "field");
  const label = element("label", "", text);
  label.htmlFor = control.id = id;
  field.append(label, control);
  return field;
};

const nameField = (value = "") => Object.assign(element("input"), { value, maxLength: 200, required: true, autocomplete: "off" });

export const save = (query, done) => {
  const name = nameField();
  ask(t("Save the query"), [fieldOf("use-name", t("Name"), name)], async () => {
    await saveQuery(name.value, query);
    done();
  });
};

const added = async (uid, title, query, kind) => {
  const found = await request("GET", `/${uid}`);
  const { panels } = found.dashboard;
  const place = { x: 0, y: Math.max(0, ...panels.map((each) => each.place.y + each.place.h)), w: 12, h: 8 };
  const id = Math.max(0, ...panels.map((each) => each.id)) + 1;
  const panel = { ...blankPanel(id, kind, place), title, queries: [{ ref: "A", expr: query, legend: "", step: "", instant: false, hidden: false, table: false }] };
  await request("PUT", `/${uid}`, { version: found.version, dashboard: { ...found.dashboard, panels: [...panels, panel] }, message: t("panel “%(title)s” from Explore", { title }).slice(0, 500) });
};

export const makePanel = async (query, view) => {
  const listed = (await request("GET", "")).filter(({ shipped }) => !shipped);
  const select = element("select");
  select.add(new Option(t("A new dashboard"), ""));
  for (const { uid, title } of listed) {
    const option = new Option(title, uid);
    option.translate = false;
    select.add(option);
  }
  if (listed.length) select.value = listed[0].uid;
  const title = nameField(query.slice(0, 80));
  ask(t("Create a panel"), [fieldOf("use-dashboard", t("Dashboard"), select), fieldOf("use-title", t("Title of the panel"), title)], async () => {
    const uid = select.value || (await request("POST", "", { dashboard: { title: title.value } })).uid;
    await added(uid, title.value, query, KINDS[view]);
    location.assign(`/dashboards/${uid}`);
  });
};

export const makeAlert = (query) => location.assign(`/alert-rules/backtest?${new URLSearchParams({ expr: query })}`);
