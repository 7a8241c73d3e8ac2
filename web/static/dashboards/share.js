// Share links of a dashboard: makes one for the values that are chosen now, lists and ends them.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { request } from "./api.js";

const dialog = document.getElementById("share");

const chosenValues = ({ scope, variables }) =>
  Object.fromEntries(variables.filter(({ kind }) => kind !== "datasource").map(({ name }) => {
    const found = scope.get(name);
    return [name, { values: (found?.values ?? []).slice(0, 1000), all: Boolean(found?.isAll) }];
  }));

const linkItem = ({ id, author, expires_ms, variables }, end) => {
  const item = element("li");
  const values = Object.entries(variables).filter(([, each]) => each.length).map(([name, each]) => `${name}: ${each.slice(0, 3).join(", ")}${each.length > 3 ? " …" : ""}`).join("; ");
  item.append(element("b", "", t("by %(author)s", { author })), element("span", "faint", ` ${t("ends %(time)s", { time: timeText(new Date(expires_ms)) })}`), dataElement("p", "faint", values));
  const button = element("button", "button small danger", t("End"));
  button.type = "button";
  button.setAttribute("aria-label", t("End the link %(id)s", { id }));
  button.addEventListener("click", end);
  item.append(button);
  return item;
};

//   view: returns {scope, variables} of the page.
export const openShare = async (uid, view) => {
  const form = dialog.querySelector("form");
  const [list, url, problem] = ["ol", "[name=url]", ".problem"].map((selector) => dialog.querySelector(selector));
  const made = dialog.querySelector(".share-made");
  made.hidden = true;
  problem.textContent = "";

  const show = async () => {
    const links = await request("GET", `/${uid}/shares`);
    list.replaceChildren(...links.map((link) => linkItem(link, async () => {
      await request("DELETE", `/${uid}/shares/${link.id}`);
      await show();
    })));
    dialog.querySelector(".share-none").hidden = links.length > 0;
  };

  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      const found = await request("POST", `/${uid}/shares`, { days: Number(form.elements.days.value), variables: chosenValues(view()) });
      url.value = found.url;
      made.hidden = false;
      url.focus();
      url.select();
      await show();
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  dialog.querySelector("[data-action=close]").onclick = () => dialog.close();
  await show();
  dialog.showModal();
};
