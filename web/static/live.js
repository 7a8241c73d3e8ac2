// Keeps a page's region up to date: the server sends its HTML whenever it changed, over the
// WebSocket, or as server-sent events where none comes through. Only what differs is
// touched, so that focus, selection and scroll position stay.
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

  const RETRY_MS = 3000;
  const LOGGED_OUT = 4401;

  let retry = null;
  let socketWorks = true;

  const lost = (ended) => {
    const since = localTime.write(new Date(lastHeard), new Date());
    say("lost", ended ? `Not live since ${since}; reload` : `No connection since ${since}`);
  };

  const stop = () => {
    clearTimeout(retry);
    const old = source;
    source = null;
    old?.close();
  };

  const startEvents = (page) => {
    const events = (source = new EventSource(page));
    events.addEventListener("region", (event) => receive(event.data));
    events.addEventListener("error", () => lost(events.readyState === EventSource.CLOSED));
  };

  const startSocket = (page) => {
    const address = new URL("/ws/metrics", location);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (source = new WebSocket(address));
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      socket.send(JSON.stringify({ type: "subscribe", id: "page", page }));
    });
    socket.addEventListener("message", (event) => {
      const told = JSON.parse(event.data);
      if (told.id !== "page" || source !== socket) return;
      if (told.type === "region") receive(told.html);
      else if (told.type === "error") lost(true);
    });
    socket.addEventListener("close", (event) => {
      if (source !== socket) return;
      source = null;
      lost(event.code === LOGGED_OUT);
      if (event.code === LOGGED_OUT) return;
      // Never open: some proxy in between takes no WebSockets, or the server is away.
      socketWorks = opened;
      retry = setTimeout(start, RETRY_MS);
    });
  };

  const start = () => {
    stop();
    // A hidden page needs no stream; browsers allow six connections to a server.
    if (document.hidden) return;
    const page = region.dataset.live + location.search;
    try {
      if (socketWorks) return startSocket(page);
    } catch {
      // A browser that does not count ws: to the policy's 'self'.
      socketWorks = false;
    }
    startEvents(page);
  };

  document.addEventListener("visibilitychange", start);
  for (const event of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
    document.body.addEventListener(event, start);
  }
  addEventListener("pageshow", (event) => event.persisted && start());
  addEventListener("pagehide", stop);
  start();
})();
