// The fields of a panel's query, with the editor of Explore. Loaded when editing begins.

import { element } from "../lib/dom.js";
import { t } from "../lib/texts.js";
import { post, QueryError, withoutPlace } from "../explore/api.js";
import { createEditor } from "../explore/editor.js";
import { interpolate, isBuiltIn, placeBefore } from "./variables.js";

const CHECK_MS = 400;

const loadSheet = (href) => new Promise((done) => {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  // Without its sheet the box still takes text.
  for (const end of ["load", "error"]) sheet.addEventListener(end, done, { once: true });
  document.head.append(sheet);
});

await loadSheet(new URL("../explore/editor.css", import.meta.url).href);

const template = document.getElementById("query-editor");
let made = 0;

// Shows below the box what is wrong with the query, and underlines where. A word that is being
// completed is not wrong yet.
const checking = (editor, completion, problem, scopeNow) => {
  let timer = null;
  let latest = 0;

  const check = async () => {
    const mine = (latest += 1);
    const text = editor.text;
    const scope = scopeNow();
    const query = interpolate(text, scope, "promql");
    let found = "";
    let offset = null;
    try {
      if (query.trim()) await post("parse_query", { query });
    } catch (error) {
      // A server that does not answer says nothing about the query.
      if (error instanceof QueryError) {
        // Without the place, which counts the values of variables; it is underlined.
        found = withoutPlace(error.message);
        offset = error.offsetIn(query);
      }
    }
    if (mine !== latest) return;
    problem.textContent = found;
    if (offset !== null) editor.underline(placeBefore(text, scope, offset, "promql"));
  };

  const checkSoon = () => {
    clearTimeout(timer);
    latest += 1;
    timer = setTimeout(() => (completion.hidden ? check() : checkSoon()), CHECK_MS);
  };

  return { check, checkSoon };
};

const MOST_VALUES = 5;

// The names that may follow "$", the dashboard's own before those that every dashboard has.
const variablesOf = (scope) =>
  [...scope].filter(([name, { values }]) => values.join("") || !isBuiltIn(name)).map(([name, { values }]) => {
    const more = values.length > MOST_VALUES ? ", …" : "";
    return { name, detail: t("Now: %(values)s", { values: values.slice(0, MOST_VALUES).join(", ") + more }) };
  }).sort((a, b) => isBuiltIn(a.name) - isBuiltIn(b.name));

// Adds the fields of a query to the list; `read()` of the item returns the changed query.
//   scopeNow(): the values of variables, as `interpolate` takes them.
export const addQuery = (list, query, scopeNow) => {
  const item = element("li");
  made += 1;

  const box = template.content.firstElementChild.cloneNode(true);
  const area = box.querySelector("textarea");
  const label = element("label", "", "PromQL");
  area.id = label.htmlFor = `query-${made}`;
  const problem = element("p", "problem");
  problem.id = `query-${made}-problem`;
  problem.role = "status";
  area.setAttribute("aria-describedby", problem.id);
  const editor = createEditor(box, { variables: () => variablesOf(scopeNow()) });
  const { check, checkSoon } = checking(editor, box.querySelector(".completion"), problem, scopeNow);
  area.addEventListener("input", checkSoon);

  const legend = element("input");
  legend.value = query.legend;
  const named = element("label", "", t("Legend, such as {{instance}}"));
  named.append(legend);
  const instant = element("input");
  instant.type = "checkbox";
  instant.checked = query.instant;
  const isInstant = element("label", "check");
  isInstant.append(instant, ` ${t("Only the newest value")}`);
  const remove = element("button", "link danger-link", t("Remove this query"));
  remove.type = "button";
  remove.addEventListener("click", () => item.remove());

  item.append(label, box, problem, named, isInstant, remove);
  item.read = () => ({ ...query, expr: editor.text, legend: legend.value, instant: instant.checked });
  list.append(item);
  editor.text = query.expr;
  check();
};
