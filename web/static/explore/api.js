// Requests to the Prometheus API.

import { JSON_HEADERS } from "../lib/texts.js";

// In "1:5: parse error: …", also in another language. An error without a kind, such as "5:9: duration is
// out of range", has two offsets there.
const PLACE = /(?<=^|: )(\d+):(\d+): (?=[^:]+: )/;

export class QueryError extends Error {
  constructor(message, type) {
    super(message);
    this.type = type;
  }

  // Where in the query the error is: "1:5: parse error: …" is line 1, column 5 in bytes. Null if unknown.
  offsetIn(query) {
    const found = PLACE.exec(this.message);
    if (!found) return null;
    const lines = query.split("\n");
    const before = lines.slice(0, found[1] - 1).reduce((sum, line) => sum + line.length + 1, 0);
    const bytes = new TextEncoder().encode(lines[found[1] - 1] ?? "").slice(0, found[2] - 1);
    const offset = before + new TextDecoder().decode(bytes).length;
    return Math.min(offset, query.length);
  }
}

// The message of an error without what stands before its place, and without the place.
export const withoutPlace = (message) => message.slice((PLACE.exec(message)?.index ?? 0)).replace(PLACE, "");

// Returns the whole answer; `data` is the result. Throws a QueryError that the server reported.
export const post = async (path, parameters, signal) => {
  const response = await fetch(`/api/v1/${path}`, {
    method: "POST", body: new URLSearchParams(parameters), headers: JSON_HEADERS, signal,
  });
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const answer = await response.json();
  if (answer.status !== "success") throw new QueryError(answer.error, answer.errorType);
  return answer;
};
