// The menu of a dashboard: duplicate, export, history with restore, delete.

import { element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { request } from "./edit.js";

const given = JSON.parse(document.getElementById("dashboard-data").textContent);
const menu = document.getElementById("board-menu");
const problem = document.getElementById("board-problem");
const dialog = document.getElementById("history");

const attempt = (work) => async () => {
  try {
    problem.hidden = true;
    await work();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
};

const duplicate = async () => {
  const made = await request("POST", `/${given.uid}/duplicate`, {});
  location.assign(`/dashboards/${made.uid}?edit`);
};

const remove = async () => {
  if (!confirm(`Delete “${given.title}” and all its versions?`)) return;
  await request("DELETE", `/${given.uid}`);
  location.assign("/dashboards");
};

const showHistory = async () => {
  const versions = await request("GET", `/${given.uid}/versions`);
  const newest = versions[0].version;
  const items = versions.map(({ version, message, author, changed_ms }) => {
    const item = element("li");
    const when = changed_ms ? timeText(new Date(changed_ms)) : "shipped";
    item.append(element("b", "", `Version ${version}`), element("span", "faint", ` ${when}${author ? ` by ${author}` : ""}`), element("p", "", message));
    if (given.may_edit && version !== newest) {
      const button = element("button", "button small", "Restore");
      button.type = "button";
      button.setAttribute("aria-label", `Restore version ${version}`);
      button.addEventListener("click", attempt(async () => {
        await request("POST", `/${given.uid}/restore`, { version: newest, restore: version });
        location.reload();
      }));
      item.append(button);
    }
    return item;
  });
  dialog.querySelector("ol").replaceChildren(...items);
  dialog.showModal();
};

const actions = { duplicate, remove, history: showHistory };
menu.addEventListener("click", (event) => {
  const action = actions[event.target.closest("[data-action]")?.dataset.action];
  if (action) attempt(action)();
});
dialog.querySelector("[data-action=close]").addEventListener("click", () => dialog.close());
