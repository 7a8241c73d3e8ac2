// Requests to the API of dashboards, without the editor, which few readers of a page need.

export const request = async (method, path, body) => {
  const answer = await fetch(`/api/dashboards${path}`, {
    method, headers: { Accept: "application/json", "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const data = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
};
