// Times come from the server in UTC; here they are shown in the reader's own zone.
"use strict";

const localTime = (() => {
  const pad = (number) => String(number).padStart(2, "0");

  const day = (at) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;

  const write = (at, now) => {
    const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
    return day(at) === day(now) ? `${clock}:${pad(at.getSeconds())}` : `${day(at)} ${clock}`;
  };

  const apply = (root) => {
    const now = new Date();
    for (const element of root.querySelectorAll("time[data-local]")) {
      const at = new Date(element.dateTime);
      element.textContent = write(at, now);
      element.title = at.toString();
    }
  };

  apply(document);
  document.addEventListener("htmx:afterSettle", () => apply(document));
  return { apply, write };
})();
