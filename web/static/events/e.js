// Redshank: events of a web page, without cookies or storage. See docs/analytics.md.
(() => {
  const n = navigator, d = document, script = d.currentScript, { project, storage, query } = script.dataset;
  const early = window.redshank?.q || [];
  const url = new URL("v1/events/batch", script.src);
  let queue = [], page, from = d.referrer, user, visitor, timer, failed = 0;

  const id = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => (byte + 256).toString(16).slice(1)).join("");
  const bare = (text) => (query == null ? text.split(/[?#]/)[0] : text);
  const later = (ms) => (timer ||= setTimeout(send, ms));
  const body = (events) =>
    `{"projectKey":${JSON.stringify(project)},"cookieless":${!visitor},"sentAt":${Date.now()},"events":[${events}]}`;
  // Browsers send few bytes for a page that is gone.
  const post = (text) =>
    fetch(url, { method: "POST", body: text, keepalive: text.length < 2e4, credentials: "omit" }).catch(() => 0);

  async function send() {
    timer = 0;
    const events = queue.splice(0, 20);
    if (!events[0]) return;
    const answer = await post(body(events));
    if (answer && answer.status != 429 && answer.status < 500) failed = 0;
    else {
      // The ids of the events make it safe to send them twice.
      queue = events.concat(queue).slice(-500);
      failed++;
    }
    if (queue[0]) later(Math.min(3e5, 500 * 2 ** failed * (1 + Math.random())));
  }

  function leave() {
    const events = failed ? [...queue] : queue.splice(0);
    while (events[0]) {
      const text = body(events.splice(0, 20));
      if (!n.sendBeacon?.(url, text)) post(text);
    }
  }

  function track(name, properties) {
    const more = { $current_url: bare(location.href), $referrer: bare(from), $title: d.title, $lib: "e.js" };
    for (const [key, value] of new URLSearchParams(location.search)) if (/^utm_/.test(key)) more[key] = value;
    try {
      queue.push(JSON.stringify({
        eventId: id(), eventName: `${name}`, timestamp: new Date(), anonymousId: visitor, userId: user,
        properties: { ...more, ...properties },
      }));
      later(500);
    } catch {}
  }

  function view() {
    const now = bare(location.href);
    if (page == now) return;
    from = page || from;
    page = now;
    track("$pageview");
  }

  const off = !project || n.globalPrivacyControl || n.doNotTrack == 1 || window.doNotTrack == 1;
  window.redshank = off ? () => {} : track;
  redshank.identify = (name) => { user = name && `${name}`; };
  if (off) return;
  if (storage != null) try { visitor = localStorage.redshank ||= id(); } catch {}

  const push = history.pushState;
  history.pushState = function () {
    push.apply(this, arguments);
    view();
  };
  addEventListener("popstate", view);
  addEventListener("pagehide", leave);
  d.addEventListener("visibilitychange", () => d.hidden && leave());
  d.addEventListener("click", ({ target }) => {
    const { redshank: name, ...rest } = target.closest?.("[data-redshank]")?.dataset || {};
    const found = {};
    for (const key in rest) if (/^redshank./.test(key)) found[key[8].toLowerCase() + key.slice(9)] = rest[key];
    if (name) track(name, found);
  }, true);
  const start = () => {
    view();
    for (const each of early) track(...each);
  };
  d.prerendering ? d.addEventListener("prerenderingchange", start, { once: true }) : start();
})();
