// Links of dashboards, panels and values, with variables; only addresses of the web become links.

import { dataElement } from "../lib/dom.js";
import { fieldText } from "./fields.js";
import { interpolate } from "./variables.js";

// "\" counts as "/" in an address: "/\example.org" leads to another host.
const IS_WEB = /^(https?:\/\/|\/(?![/\\]))/i;
const GRAFANA_PATH = /^(d|dashboards|explore)\//;

export const timesQuery = ({ start, end }) => new URLSearchParams({ from: start, to: end }).toString();

export const variablesQuery = (chosen) => {
  const parameters = new URLSearchParams();
  for (const [name, values] of chosen) for (const value of values) parameters.append(`var-${name}`, value);
  return parameters.toString();
};

const joined = (address, query) => (query ? `${address}${address.includes("?") ? "&" : "?"}${query}` : address);

//   context: {scope, times: {start, end} as texts, chosen: Map of the variables' values}.
export const addressOf = (link, { scope, times, chosen }, field = null, moment = {}) => {
  const whole = link.url
    .replaceAll("${__url_time_range}", () => timesQuery(times)).replaceAll("$__url_time_range", () => timesQuery(times))
    .replaceAll("${__all_variables}", () => variablesQuery(chosen)).replaceAll("$__all_variables", () => variablesQuery(chosen))
    .replace(/\$\{(\w+):queryparam\}/g, (_place, name) => variablesQuery(new Map(chosen.has(name) ? [[name, chosen.get(name)]] : [])));
  const filled = field ? fieldText(whole, field, moment, encodeURIComponent) : whole;
  let address = interpolate(filled, scope, "percentencode");
  if (GRAFANA_PATH.test(address)) address = `/${address}`;
  if (link.keep_time) address = joined(address, timesQuery(times));
  if (link.keep_variables) address = joined(address, variablesQuery(chosen));
  return address;
};

// An <a>, or a <span> for what is no address of the web.
export const linkTo = (link, context, field = null, moment = {}) => {
  const address = addressOf(link, context, field, moment);
  const text = interpolate(field ? fieldText(link.title, field, moment) : link.title, context.scope) || address;
  if (!IS_WEB.test(address)) return dataElement("span", "", text);
  const made = dataElement("a", "", text);
  made.href = address;
  if (link.new_tab) {
    made.target = "_blank";
    made.rel = "noopener noreferrer";
  }
  return made;
};
