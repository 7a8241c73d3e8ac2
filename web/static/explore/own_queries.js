// The queries of the user: those that ran, and those saved under a name.

import { JSON_HEADERS } from "../lib/texts.js";

const send = async (method, path, body) => {
  const answer = await fetch(`/api/explore${path}`, {
    method, headers: { ...JSON_HEADERS, "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body),
  });
  const found = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
};

export const ownQueries = () => send("GET", "");
export const forgetQueries = () => send("DELETE", "/history");
export const saveQuery = (name, query) => send("POST", "/saved", { name, query });
export const removeQuery = (id) => send("DELETE", `/saved/${id}`);

// A history that is not written must not spoil the query: whoever has no account has none.
export const rememberQuery = (query) => send("POST", "/history", { query }).catch(() => {});
