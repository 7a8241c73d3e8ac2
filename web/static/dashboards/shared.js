// Asks for the queries of a shared dashboard: the server runs only those that the dashboard has.

import { QueryError } from "../explore/api.js";

// Returns what `runPanel` asks in place of the public API.
//   share: {token, options}; `options` are the values of variables that the link shares.
export const sharedAsk = ({ share }) => async ({ path, parameters, signal, panel, query, scope, step_s }) => {
  const values = Object.fromEntries(Object.keys(share.options).map((name) => [name, scope.get(name)?.values ?? []]));
  const { query: _expression, ...times } = parameters;
  const body = { panel: panel.id, ref: query.ref, range: path === "query_range", step: step_s, values, ...times };
  const answer = await fetch(`/api/shared/dashboards/${share.token}/query`, {
    method: "POST", body: JSON.stringify(body), headers: { Accept: "application/json", "Content-Type": "application/json" }, signal,
  });
  const found = await answer.json();
  if (found.status !== "success") throw new QueryError(found.error, found.errorType);
  return found;
};
