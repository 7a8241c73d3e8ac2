// What stands below the queries: metrics, recent and saved queries, examples. Open while there is no query.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { t } from "../lib/texts.js";
import { createMetricsExplorer } from "./metrics.js";
import { forgetQueries, ownQueries, removeQuery } from "./own_queries.js";

const MOST_RECENT = 15;
const EXAMPLES = [
  [t("Which targets are down"), "up == 0", "table"],
  [t("CPU that each host uses"), '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))', "graph"],
  [t("Memory in use, in percent"), "100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)", "graph"],
  [t("Disks that fill within a day"), 'predict_linear(node_filesystem_avail_bytes{fstype!="tmpfs"}[6h], 86400) < 0', "table"],
  [t("Network traffic received, by host"), 'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))', "graph"],
  [t("Metrics with the most series"), 'topk(10, count by (__name__) ({__name__!=""}))', "table"],
];

const entryOf = (query, title, run, further = []) => {
  const item = element("li");
  const button = element("button", "library-query");
  button.type = "button";
  button.append(...(title ? [dataElement("span", "", title)] : []), element("code", "", query));
  button.addEventListener("click", run);
  item.append(button, ...further);
  return item;
};

//   use(query, view): called to run a query.
export const createLibrary = (box, use) => {
  const part = (name) => box.querySelector(`[data-part=${name}]`);
  const [recent, saved] = ["recent", "saved"].map((name) => part(name).querySelector("ul"));
  const clear = part("recent").querySelector("[data-action=forget]");
  const metrics = createMetricsExplorer(part("metrics"), use);
  part("examples").querySelector("ul").append(...EXAMPLES.map(([title, query, view]) => entryOf(query, title, () => use(query, view))));

  const nothing = (list, text) => list.replaceChildren(element("li", "faint", text));

  const savedEntry = ({ id, name, query }) => {
    const remove = element("button", "link danger-link", t("Delete"));
    remove.type = "button";
    remove.setAttribute("aria-label", t("Delete the saved query %(name)s", { name }));
    remove.addEventListener("click", async () => {
      await removeQuery(id);
      load();
    });
    return entryOf(query, name, () => use(query, "graph"), [remove]);
  };

  const load = async () => {
    metrics.load();
    try {
      const found = await ownQueries();
      recent.replaceChildren(...found.history.slice(0, MOST_RECENT).map(({ query, ran_ms }) =>
        entryOf(query, "", () => use(query, "graph"), [element("span", "faint", timeText(new Date(ran_ms)))])));
      saved.replaceChildren(...found.saved.map(savedEntry));
      clear.hidden = !found.history.length;
      if (!found.history.length) nothing(recent, t("No query has run yet. Type one above, or start from an example."));
      if (!found.saved.length) nothing(saved, t("None yet: run a query, then choose Save."));
    } catch {
      nothing(recent, t("Only a user who is logged in has a history."));
      nothing(saved, t("Only a user who is logged in can save queries."));
    }
  };

  clear.addEventListener("click", async () => {
    await forgetQueries();
    load();
  });
  box.addEventListener("toggle", () => box.open && load());
  return { open: () => { box.open = true; load(); }, close: () => { box.open = false; }, reload: () => box.open && load() };
};
