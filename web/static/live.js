// Keeps a page's region up to date: the server streams its HTML whenever it changed, and
// only what differs is touched, so that focus, selection and scroll position stay.
"use strict";

(() => {
  const region = document.querySelector("[data-live]");
  if (!region) return;
  const state = document.getElementById("live-state");
  let source = null;
  let lastHeard = Date.now();

  const say = (kind, text) => {
    state.hidden = !text;
    state.dataset.kind = kind;
    state.textContent = text;
  };

  const syncAttributes = (from, to) => {
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      // Whether a disclosure is open is the reader's business.
      if (!to.hasAttribute(name) && !(name === "open" && from.tagName === "DETAILS")) {
        from.removeAttribute(name);
      }
    }
  };

  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id;

  const morphChildren = (from, to) => {
    const keyed = new Map([...from.children].filter((c) => c.id).map((c) => [c.id, c]));
    let here = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const known = wanted.id ? keyed.get(wanted.id) : null;
      if (known && known !== here) from.insertBefore(known, here);
      const match = known || (here && alike(here, wanted) ? here : null);
      if (match) {
        here = match.nextSibling;
        morph(match, wanted);
      } else {
        from.insertBefore(document.importNode(wanted, true), here);
      }
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  };

  const morph = (from, to) => {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      from.nodeValue = to.nodeValue;
      return;
    }
    if (from.matches("input, select, textarea")) return;
    syncAttributes(from, to);
    morphChildren(from, to);
  };

  const receive = (html) => {
    lastHeard = Date.now();
    say("live", "");
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    localTime.apply(fresh.content);
    for (const element of fresh.content.children) {
      const shown = element.id && document.getElementById(element.id);
      if (shown) morph(shown, element);
    }
    document.dispatchEvent(new Event("redshank:live"));
  };

  const stop = () => {
    source?.close();
    source = null;
  };

  const start = () => {
    stop();
    // A hidden page needs no stream; browsers allow six connections to a server.
    if (document.hidden) return;
    source = new EventSource(region.dataset.live + location.search);
    source.addEventListener("region", (event) => receive(event.data));
    source.addEventListener("error", () => {
      const since = localTime.write(new Date(lastHeard), new Date());
      const ended = source?.readyState === EventSource.CLOSED;
      say("lost", ended ? `Not live since ${since}; reload` : `No connection since ${since}`);
    });
  };

  document.addEventListener("visibilitychange", start);
  for (const event of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
    document.body.addEventListener(event, start);
  }
  addEventListener("pageshow", (event) => event.persisted && start());
  addEventListener("pagehide", stop);
  start();
})();
