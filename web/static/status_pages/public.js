// Writes times in the visitor's zone, and reads the page again once a minute while it is seen.

// The browser's own form of the page's language: dates of de-AT on a page in German.
const LANGUAGE = document.documentElement.lang;
const LOCALE = navigator.languages.find((each) => each.split("-")[0] === LANGUAGE) ?? LANGUAGE;

const format = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = time.textContent;
    time.textContent = format.format(moment);
  }
}

setTimeout(function again() {
  if (document.visibilityState === "visible") location.reload();
  else document.addEventListener("visibilitychange", () => location.reload(), { once: true });
}, 60_000);
