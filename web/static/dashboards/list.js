// The list of dashboards: imports files of Grafana.

import { dataElement, element } from "../lib/dom.js";
import { JSON_HEADERS, tn } from "../lib/texts.js";

const form = document.getElementById("import");
const results = document.getElementById("import-results");

const take = async (file, overwrite) => {
  const answer = await fetch(`/api/dashboards/import${overwrite ? "?overwrite=true" : ""}`, {
    method: "POST", headers: { ...JSON_HEADERS, "Content-Type": "application/json" }, body: file,
  });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
};

const resultOf = async (file, overwrite) => {
  const item = element("li");
  try {
    const { uid, title, panels, unsupported } = await take(file, overwrite);
    const link = dataElement("a", "", title);
    link.href = `/dashboards/${uid}`;
    const missing = unsupported.length ? `; ${tn("%(count)s panel with parts that are not drawn", "%(count)s panels with parts that are not drawn", unsupported.length)}` : "";
    item.append(link, element("span", "", `: ${tn("%(count)s panel", "%(count)s panels", panels)}${missing}`));
  } catch (error) {
    item.className = "problem";
    item.textContent = `${file.name}: ${error.message}`;
  }
  return item;
};

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  results.replaceChildren();
  for (const file of form.elements.file.files) results.append(await resultOf(file, form.elements.overwrite.checked));
});
