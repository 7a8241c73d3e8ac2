// Requests to the API of dashboards, without the editor, which few readers of a page need.

import { JSON_HEADERS } from "../lib/texts.js";

export const request = async (method, path, body) => {
  const answer = await fetch(`/api/dashboards${path}`, {
    method, headers: { ...JSON_HEADERS, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const data = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
};
