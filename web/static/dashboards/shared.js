// Asks for the queries of a shared dashboard: the server runs only those that the dashboard has.

import { JSON_HEADERS } from "../lib/texts.js";
import { QueryError } from "../explore/api.js";

// Returns what `runPanel` asks in place of the public API.
//   share: {token, options}; `options` are the values of variables that the link shares.
export const sharedAsk = ({ share }) => async ({ path, parameters, signal, panel, query, scope, step_s, start_ms, end_ms }) => {
  const values = Object.fromEntries(Object.keys(share.options).map((name) => [name, scope.get(name)?.values ?? []]));
  const { start = 0, end = parameters.time } = parameters;
  const body = { panel: panel.id, ref: query.ref, range: path === "query_range", start, end, step: step_s, from_ms: start_ms, to_ms: end_ms, values };
  const answer = await fetch(`/api/shared/dashboards/${share.token}/query`, {
    method: "POST", body: JSON.stringify(body), headers: { ...JSON_HEADERS, "Content-Type": "application/json" }, signal,
  });
  const found = await answer.json();
  if (found.status !== "success") throw new QueryError(found.error, found.errorType);
  return found;
};

// The variables as a reader of the link chooses them: among the values that it shares.
export const sharedVariables = ({ share, dashboard }) =>
  dashboard.variables.map((variable) => {
    const values = (share.options[variable.name] ?? []).map(({ value }) => value);
    const isAll = share.all.includes(variable.name);
    return { ...variable, kind: "custom", include_all: isAll, multi: variable.multi && values.length > 1, current: isAll ? ["$__all"] : values, hidden: variable.hidden || (!isAll && values.length < 2) };
  });
