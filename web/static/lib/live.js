// Keeps the regions of a page up to date. The server sends a region's HTML over the WebSocket
// `/ws/metrics` whenever it changed. Behind a proxy that lets no WebSocket through, the page is
// loaded again every few seconds instead.

import { loadRegions, orderElements, updateRegions } from "./dom.js";
import { timeText } from "./format.js";
import { LANGUAGE, t } from "./texts.js";

const RETRY_MS = 3000;
const POLL_MS = 5000;
const LOGGED_OUT = 4401;

// `page` is the name of the page on the socket; `state` the element that says when the page
// is not live; `button`, if there is one, pauses it. While the reader has scrolled down in a page
// with such a button, what arrives waits, so that nothing moves under the reader's eyes.
// Returns a function to call when the query of the page's address has changed.
export const keepLive = (page, state, button = null) => {
  let socket = null;
  let socketsPass = true;
  let subscription = 0;
  let timer = null;
  let updated = new Date();
  let paused = false;
  let waiting = [];

  const showLost = (text) => {
    state.hidden = !text;
    state.textContent = text;
  };

  const showUpdated = () => {
    updated = new Date();
    showLost("");
  };

  const stop = () => {
    clearTimeout(timer);
    const old = socket;
    socket = null;
    old?.close();
  };

  const send = (message) => socket.send(JSON.stringify(message));

  const subscribe = () => {
    if (subscription) send({ type: "unsubscribe", id: `page-${subscription}` });
    subscription += 1;
    send({ type: "subscribe", id: `page-${subscription}`, page: page + location.search });
  };

  // The first rows are out of sight: new ones above them would move what is read.
  const isReading = () => button !== null && button.getBoundingClientRect().bottom < 0;

  // A message holds a whole region, or the rows of it that changed since the one before, and
  // their order if that changed.
  const show = (messages) => {
    waiting = [];
    for (const { html, order } of messages) {
      const fresh = document.createElement("template");
      fresh.innerHTML = html;
      updateRegions(fresh.content);
      if (order) orderElements(order);
    }
    showUpdated();
    showPause();
  };

  const showPause = () => {
    if (!button) return;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? t("Resume") : t("Pause");
    const note = document.getElementById(button.getAttribute("aria-describedby"));
    if (paused) note.textContent = t("Paused at %(time)s", { time: timeText(updated) });
    else note.textContent = waiting.length ? t("New events wait above") : "";
  };

  const receive = (message) => {
    if (message.id !== `page-${subscription}`) return;
    if (message.type === "region") {
      if (isReading()) {
        waiting = message.whole ? [message] : [...waiting, message];
        showPause();
      } else {
        show(message.whole ? [message] : [...waiting, message]);
      }
    } else if (message.type === "error") {
      showLost(t("Not live since %(time)s: %(error)s", { time: timeText(updated), error: message.error }));
    }
  };

  const poll = async () => {
    let wait_ms = POLL_MS;
    try {
      await loadRegions(location.href);
      showUpdated();
    } catch {
      // The server is away, which is why no WebSocket was opened: try one again.
      socketsPass = true;
      wait_ms = RETRY_MS;
      showLost(t("No connection since %(time)s", { time: timeText(updated) }));
    }
    clearTimeout(timer);
    timer = setTimeout(start, wait_ms);
  };

  const connect = () => {
    const address = new URL(`/ws/metrics${LANGUAGE && `?language=${LANGUAGE}`}`, location);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = (socket = new WebSocket(address));
    let opened = false;
    mine.addEventListener("open", () => {
      opened = true;
      waiting = [];
      subscription = 0;
      subscribe();
    });
    mine.addEventListener("message", (event) => {
      if (socket === mine) receive(JSON.parse(event.data));
    });
    mine.addEventListener("close", (event) => {
      if (socket !== mine) return;
      socket = null;
      if (event.code === LOGGED_OUT) {
        showLost(t("Logged out at %(time)s; reload the page to log in", { time: timeText(new Date()) }));
      } else if (opened) {
        showLost(t("No connection since %(time)s", { time: timeText(updated) }));
        timer = setTimeout(start, RETRY_MS);
      } else {
        socketsPass = false;
        poll();
      }
    });
  };

  const start = () => {
    stop();
    if (paused) return;
    // A hidden page needs no updates, and browsers open few connections to one server.
    if (document.hidden) return;
    if (socketsPass) connect();
    else poll();
  };

  if (button) {
    button.addEventListener("click", () => {
      paused = !paused;
      waiting = [];
      start();
      showPause();
    });
    addEventListener("scroll", () => waiting.length && !isReading() && show(waiting), { passive: true });
    button.hidden = false;
  }
  document.addEventListener("visibilitychange", start);
  addEventListener("pageshow", (event) => event.persisted && start());
  addEventListener("pagehide", stop);
  start();

  return () => {
    if (socket?.readyState === WebSocket.OPEN) subscribe();
  };
};
