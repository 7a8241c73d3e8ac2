// Panels without queries: text, alerts, dashboards, events; and panels that are not drawn.

import { dataElement, element } from "../lib/dom.js";
import { timeText } from "../lib/format.js";
import { JSON_HEADERS, t, tn } from "../lib/texts.js";
import { linkTo } from "./links.js";
import { interpolate } from "./variables.js";

const MOST_LISTED = 100;
// A panel's title is an h3, so the headings in its Markdown begin at h4.
const COPIED = {
  H1: "h4", H2: "h5", H3: "h6", H4: "h6", H5: "h6", H6: "h6", P: "p", UL: "ul", OL: "ol", LI: "li", STRONG: "strong", EM: "em", S: "s", CODE: "code", PRE: "pre",
  BLOCKQUOTE: "blockquote", HR: "hr", BR: "br", TABLE: "table", THEAD: "thead", TBODY: "tbody", TR: "tr", TH: "th", TD: "td",
};

const get = async (path, signal) => {
  const answer = await fetch(path, { headers: JSON_HEADERS, signal });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
};

const empty = (body, text) => body.replaceChildren(element("p", "faint dash-empty", text));

// ---- text: the server makes HTML of Markdown, and only known elements are copied ----

const copied = (source, context) => {
  if (source.nodeType === Node.TEXT_NODE) return [document.createTextNode(interpolate(source.nodeValue, context.scope))];
  const inner = [...source.childNodes].flatMap((child) => copied(child, context));
  if (source.nodeName === "A") {
    const url = source.getAttribute("href").replaceAll("%7B", "{").replaceAll("%7D", "}");
    const made = linkTo({ title: "", url, new_tab: false }, context);
    made.replaceChildren(...inner);
    return [made];
  }
  const name = COPIED[source.nodeName];
  if (!name) return inner;
  const made = document.createElement(name);
  made.append(...inner);
  return [made];
};

const rendered = new Map();

const htmlOf = async (text, { texts, signal }) => {
  if (texts[text] !== undefined) return texts[text];
  if (!rendered.has(text)) {
    const answer = await fetch("/api/dashboards/text", {
      method: "POST", body: JSON.stringify({ text }), headers: { ...JSON_HEADERS, "Content-Type": "application/json" }, signal,
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    rendered.set(text, (await answer.json()).html);
  }
  return rendered.get(text);
};

const drawText = async (body, panel, context) => {
  const box = element("div", "dash-text");
  box.tabIndex = 0;
  const parsed = new DOMParser().parseFromString(await htmlOf(panel.text, context), "text/html");
  box.append(...[...parsed.body.childNodes].flatMap((child) => copied(child, context)));
  body.replaceChildren(box);
};

// ---- lists ----

const listOf = (body, items, text) => {
  if (!items.length) return empty(body, text);
  const list = element("ul", "dash-list");
  list.tabIndex = 0;
  list.append(...items.slice(0, MOST_LISTED).map((parts) => {
    const item = element("li");
    item.append(...parts);
    return item;
  }));
  body.replaceChildren(list);
  if (items.length > MOST_LISTED) body.append(element("p", "faint dash-note", t("%(most)s of %(count)s are listed.", { most: MOST_LISTED, count: items.length })));
};

const linkOf = (address, text) => Object.assign(dataElement("a", "", text), { href: address });

const labelText = (labels) => Object.entries(labels).filter(([name]) => !["alertname", "severity"].includes(name)).map(([name, value]) => `${name}=${value}`).join(" ");

const OPEN = new Set(["pending", "firing", "no_data"]);

const drawAlerts = async (body, _panel, { signal }) => {
  const { alerts } = await get("/api/alerts", signal);
  const open = alerts.filter(({ state }) => OPEN.has(state));
  listOf(body, open.map(({ id, rule, state, severity, labels, active_ms }) => {
    const mark = element("span", "state", t(state.replace("_", " ")));
    mark.dataset.level = state === "firing" ? severity || "critical" : state;
    return [mark, linkOf(`/alerts/${id}`, rule), dataElement("span", "faint", labelText(labels)), element("time", "faint", t("since %(time)s", { time: timeText(new Date(active_ms)) }))];
  }), t("No alert is open"));
};

let listed = null;

export const dashboardsWithTags = () => (listed ??= get("/api/dashboards"));

const drawDashboards = async (body, panel) => {
  const wanted = panel.text.split("\n").filter(Boolean);
  const found = (await dashboardsWithTags()).filter(({ tags }) => wanted.every((tag) => tags.includes(tag)));
  listOf(body, found.map(({ uid, title, panels }) => [linkOf(`/dashboards/${uid}`, title), element("span", "faint", tn("%(count)s panel", "%(count)s panels", panels))]), wanted.length ? t("No dashboard has these tags") : t("No dashboards"));
};

// What happened in the range: annotations, and changes of alerts' states.
const drawEvents = async (body, _panel, { range, annotations, signal }) => {
  const { transitions } = await get("/api/alerts/history?limit=200", signal);
  const changes = transitions.filter(({ time_ms }) => time_ms >= range.start_ms && time_ms <= range.end_ms)
    .map(({ alert_id, rule, before, after, time_ms, actor }) => ({
      time_ms, parts: [linkOf(`/alerts/${alert_id}`, rule), element("span", "", before === after ? t("acknowledged by %(who)s", { who: actor ?? t("somebody") }) : `${t(before.replace("_", " "))} → ${t(after.replace("_", " "))}`)],
    }));
  const notes = annotations.map(({ time, text, tags }) => ({ time_ms: time, parts: [dataElement("span", "", text), ...tags.map((tag) => dataElement("span", "tag", tag))] }));
  const rows = [...changes, ...notes].sort((a, b) => b.time_ms - a.time_ms);
  listOf(body, rows.map(({ time_ms, parts }) => [element("time", "faint", timeText(new Date(time_ms))), ...parts]), t("Nothing happened in this range"));
};

const drawQueries = async (body, panel) => {
  const list = element("div", "dash-queries");
  list.append(element("p", "faint", panel.original
    ? t("Redshank does not draw this kind of panel (%(kind)s).", { kind: panel.original })
    : t("Redshank does not draw this kind of panel.")));
  for (const { expr } of panel.queries) list.append(element("code", "", expr));
  body.replaceChildren(list);
};

const DRAWN = { text: drawText, alertlist: drawAlerts, dashlist: drawDashboards, events: drawEvents, unsupported: drawQueries };
const NEEDS_LOGIN = new Set(["alertlist", "dashlist", "events"]);

export const drawContents = async (body, panel, context) => {
  if (context.isShared && NEEDS_LOGIN.has(panel.kind)) return empty(body, t("Shown to users of the server only"));
  try {
    await DRAWN[panel.kind](body, panel, context);
  } catch (error) {
    if (error.name !== "AbortError") body.replaceChildren(element("p", "problem dash-empty", t("No answer: %(error)s", { error: error.message })));
  }
};
