// Keeps the regions of a page up to date. The server sends a region's HTML over the WebSocket
// `/ws/metrics` whenever it changed. Where no WebSocket opens, the page is loaded again every few
// seconds, and a WebSocket is tried from time to time. Every step has a time limit: a connection
// that hangs, as with a server that is too busy to answer, is given up and made anew.

import { AnswerError, loadRegions, orderElements, updateRegions } from "./dom.js";
import { timeText } from "./format.js";
import { LANGUAGE, t } from "./texts.js";

const FIRST_POLL_MS = 1000;
const POLL_MS = 5000;
const LOGGED_OUT = 4401;

// Time limits. A page takes longer than a handshake: the server renders it.
const OPENING_MS = 10_000;
const LOADING_MS = 30_000;
const SILENCE_MS = 30_000;
const PONG_MS = 10_000;

// The polls between two attempts with a WebSocket are at most a minute's.
const MOST_POLLS = 12;

const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30_000;

// Pages that lost a server at the same moment must not return at the same moment.
const spread = (wait_ms) => wait_ms * (0.5 + Math.random());

// Returns how long to wait after so many failures in a row, in milliseconds.
export const retryWait = (failures) => spread(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1)));

// `page` is the name of the page on the socket; `state` the element that says when the page
// is not live; `button`, if there is one, pauses it. While the reader has scrolled down in a page
// with such a button, what arrives waits, so that nothing moves under the reader's eyes.
// Returns a function to call when the query of the page's address has changed.
export const keepLive = (page, state, button = null) => {
  let socket = null;
  let loading = null;
  let subscription = 0;
  // The next attempt; while one is in progress, the end of its time limit.
  let timer = null;
  let failures = 0;
  let socketsHavePassed = false;
  let failedSockets = 0;
  let pollsLeft = 0;
  let updated = new Date();
  let paused = false;
  let waiting = [];

  const showLost = (text) => {
    state.hidden = !text;
    // Screen readers read a text out again whenever it is set.
    if (state.textContent !== text) state.textContent = text;
  };

  const showDisconnected = () => showLost(t("No connection since %(time)s", { time: timeText(updated) }));

  // Nothing is tried again: the reader has to log in.
  const endLoggedOut = () => {
    clearTimeout(timer);
    showLost(t("Logged out at %(time)s; reload the page to log in", { time: timeText(new Date()) }));
  };

  const showUpdated = () => {
    updated = new Date();
    showLost("");
  };

  const after = (wait_ms, action) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait_ms);
  };

  const retry = () => {
    failures += 1;
    after(retryWait(failures), start);
  };

  const stop = () => {
    clearTimeout(timer);
    loading?.abort();
    loading = null;
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

  // Browsers do not show a page the server's pings: a connection that a network has forgotten
  // stays open for the page. It is asked after a silence, and given up without an answer.
  const watchSilence = () =>
    after(SILENCE_MS, () => {
      send({ type: "ping" });
      after(PONG_MS, () => {
        stop();
        showDisconnected();
        retry();
      });
    });

  const receive = (message) => {
    watchSilence();
    if (message.id !== `page-${subscription}`) return;
    if (message.type === "region") {
      failures = 0;
      if (isReading()) {
        waiting = message.whole ? [message] : [...waiting, message];
        showLost("");
        showPause();
      } else {
        show(message.whole ? [message] : [...waiting, message]);
      }
    } else if (message.type === "error") {
      showLost(t("Not live since %(time)s: %(error)s", { time: timeText(updated), error: message.error }));
      // A subscription that was refused is not tried again by the server.
      retry();
    }
  };

  const poll = async () => {
    const mine = (loading = new AbortController());
    after(LOADING_MS, () => mine.abort());
    try {
      await loadRegions(location.href, mine.signal);
    } catch (problem) {
      if (loading !== mine) return;
      loading = null;
      const status = problem instanceof AnswerError ? problem.status : 0;
      if (status === 401) {
        endLoggedOut();
        return;
      }
      if (status === 403) {
        showLost(t("You may no longer see this page; log in again"));
      } else if (status === 404) {
        showLost(t("What this page shows no longer exists"));
      } else {
        // The server is away, which is why no WebSocket was opened: try one again.
        failedSockets = 0;
        pollsLeft = 0;
        showDisconnected();
      }
      retry();
      return;
    }
    if (loading !== mine) return;
    loading = null;
    failures = 0;
    showUpdated();
    after(spread(POLL_MS), start);
  };

  const connect = () => {
    const address = new URL(`/ws/metrics${LANGUAGE && `?language=${LANGUAGE}`}`, location);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = (socket = new WebSocket(address));
    let opened = false;

    const fail = () => {
      socket = null;
      failedSockets += 1;
      // If the server answers a poll, a proxy may let no WebSocket through. Where one has passed
      // before, the server has rather started in between.
      pollsLeft = socketsHavePassed ? Math.min(failedSockets, MOST_POLLS) : MOST_POLLS;
      after(spread(FIRST_POLL_MS), start);
    };

    after(OPENING_MS, () => {
      fail();
      mine.close();
    });
    mine.addEventListener("open", () => {
      if (socket !== mine) return;
      opened = true;
      socketsHavePassed = true;
      failedSockets = 0;
      waiting = [];
      subscription = 0;
      subscribe();
      watchSilence();
    });
    mine.addEventListener("message", (event) => {
      if (socket === mine) receive(JSON.parse(event.data));
    });
    mine.addEventListener("close", (event) => {
      if (socket !== mine) return;
      if (!opened) {
        fail();
        return;
      }
      socket = null;
      if (event.code === LOGGED_OUT) {
        endLoggedOut();
      } else {
        showDisconnected();
        retry();
      }
    });
  };

  const start = () => {
    stop();
    if (paused) return;
    // A hidden page needs no updates, and browsers open few connections to one server.
    if (document.hidden) return;
    if (pollsLeft > 0) {
      pollsLeft -= 1;
      poll();
    } else {
      connect();
    }
  };

  if (button) {
    button.addEventListener("click", () => {
      paused = !paused;
      waiting = [];
      if (paused) showLost("");
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
    // What is being loaded is of the address before.
    else if (loading) start();
  };
};
