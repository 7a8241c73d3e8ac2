// The menu of a dashboard: share, duplicate, export, history with restore, delete. What only a
// dialog needs is loaded with it.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { request } from "./api.js";
import { view } from "./page.js";

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
  if (!confirm(t("Delete “%(title)s” and all its versions?", { title: given.title }))) return;
  await request("DELETE", `/${given.uid}`);
  location.assign("/dashboards");
};

const showHistory = async () => {
  const versions = await request("GET", `/${given.uid}/versions`);
  const newest = versions[0].version;
  const items = versions.map(({ version, message, author, changed_ms }) => {
    const item = element("li");
    const when = changed_ms ? timeText(new Date(changed_ms)) : t("shipped");
    item.append(element("b", "", t("Version %(version)s", { version })), element("span", "faint", ` ${author ? t("%(when)s by %(author)s", { when, author }) : when}`), dataElement("p", "", message));
    if (version !== newest) {
      const compare = element("button", "button small", t("Compare"));
      compare.type = "button";
      compare.setAttribute("aria-label", t("Compare version %(version)s with the newest", { version }));
      compare.addEventListener("click", attempt(async () => {
        const [before, after] = await Promise.all([version, newest].map((each) => request("GET", `/${given.uid}/versions/${each}`)));
        dialog.querySelector(".dash-changes h3").textContent = t("From version %(version)s to %(newest)s", { version, newest });
        dialog.querySelector(".dash-changes").hidden = false;
        const { showDifferences } = await import("./difference.js");
        showDifferences(dialog.querySelector(".dash-changes div"), before, after);
      }));
      item.append(compare);
    }
    if (given.may_edit && version !== newest) {
      const button = element("button", "button small", t("Restore"));
      button.type = "button";
      button.setAttribute("aria-label", t("Restore version %(version)s", { version }));
      button.addEventListener("click", attempt(async () => {
        await request("POST", `/${given.uid}/restore`, { version: newest, restore: version });
        location.reload();
      }));
      item.append(button);
    }
    return item;
  });
  dialog.querySelector(".dash-changes").hidden = true;
  dialog.querySelector("ol").replaceChildren(...items);
  dialog.showModal();
};

const share = async () => (await import("./share.js")).openShare(given.uid, view);

const actions = { share, duplicate, remove, history: showHistory };
menu.addEventListener("click", (event) => {
  const action = actions[event.target.closest("[data-action]")?.dataset.action];
  if (action) attempt(action)();
});
dialog.querySelector("[data-action=close]").addEventListener("click", () => dialog.close());
