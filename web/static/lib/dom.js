// Elements of a page: made, brought up to date, and their times in the zone that the reader has chosen.

import { fullTimeText, timeText } from "./format.js";
import { t } from "./texts.js";

export const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

// An element with data of users or hosts, such as a name: it is not translated, and its direction
// is its own.
export const dataElement = (name, className, text) => {
  const made = element(name, className);
  if (text !== undefined && text !== "") made.append(element("bdi", "", text));
  return made;
};

// The server writes times in UTC. Those that say how long ago something was keep their text, and
// have the whole time as their title.
export const showLocalTimes = (root) => {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    if ("local" in time.dataset) time.textContent = timeText(at);
    time.title = fullTimeText(at);
  }
};

// ---- tables wider than the window, scrolled with the keyboard too ----

const SCROLLING = ["tabindex", "role", "aria-label"];

const isOfScrolling = (box, name) => box.classList.contains("scroll") && SCROLLING.includes(name);

const nameOf = (box) => {
  const heading = box.closest("section, main")?.querySelector("h1, h2, h3");
  // The section around it has the name of the heading already.
  return box.querySelector("caption")?.textContent || t("Table: %(title)s", { title: heading?.textContent.trim() ?? "" });
};

const sizes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const box = target.closest(".scroll");
    if (!box || box.hasAttribute("tabindex")) continue;
    if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight) continue;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", nameOf(box).trim());
  }
});

// Lets the keyboard reach every box that is narrower than what it holds.
export const followScrolling = (root) => {
  for (const box of root.querySelectorAll(".scroll")) {
    sizes.observe(box);
    if (box.firstElementChild) sizes.observe(box.firstElementChild);
  }
};

// ---- newer HTML in place of older ----

const copyAttributes = (from, to) => {
  for (const { name, value } of [...to.attributes]) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    // The reader opens and closes a <details>, not the server.
    const isReaders = name === "open" && from.tagName === "DETAILS";
    if (!to.hasAttribute(name) && !isReaders && !isOfScrolling(from, name)) from.removeAttribute(name);
  }
};

// Not `node.id`: of a form with a field that is named "id", that is the field.
const idOf = (node) => node.getAttribute?.("id") ?? "";

const isSameElement = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && idOf(a) === idOf(b);

const morphChildren = (from, to) => {
  const byId = new Map([...from.children].filter(idOf).map((child) => [idOf(child), child]));
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const known = byId.get(idOf(wanted));
    if (known && known !== here) from.insertBefore(known, here);
    const match = known || (here && isSameElement(here, wanted) ? here : null);
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

// Makes `from` equal to `to` and touches only what differs, so that focus, selection and
// scroll position stay. Form fields keep what the reader typed.
const morph = (from, to) => {
  if (from.isEqualNode(to)) return;
  if (from.nodeType !== Node.ELEMENT_NODE) {
    from.nodeValue = to.nodeValue;
    return;
  }
  if (from.matches("input:not([type=hidden]), select, textarea")) return;
  copyAttributes(from, to);
  morphChildren(from, to);
};

// Brings every element with `data-region` up to date from the one with the same id in `fresh`,
// a document or a fragment.
export const updateRegions = (fresh) => {
  const focused = document.activeElement;
  showLocalTimes(fresh);
  for (const region of fresh.querySelectorAll("[data-region]")) {
    // A region within a region is brought up to date with it.
    if (region.parentElement?.closest("[data-region]")) continue;
    const shown = document.getElementById(region.id);
    if (!shown) continue;
    morph(shown, region);
    followScrolling(shown);
  }
  // A row that has moved up to the place of a removed one has lost the focus.
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
};

// Puts the elements with these ids, which have one parent, in this order.
export const orderElements = (ids) => {
  const parent = document.getElementById(ids[0])?.parentElement;
  const focused = document.activeElement;
  let here = parent?.firstElementChild;
  for (const id of ids) {
    const element = document.getElementById(id);
    if (!element || element.parentElement !== parent) continue;
    if (element === here) here = here.nextElementSibling;
    else parent.insertBefore(element, here);
  }
  // An element that is moved loses the focus.
  if (focused !== document.activeElement && parent?.contains(focused)) focused.focus({ preventScroll: true });
};

// The server has answered a request of a page with an error. `status` is that of HTTP.
export class AnswerError extends Error {
  constructor(answer) {
    super(`${answer.status} ${answer.statusText}`);
    this.status = answer.status;
  }
}

// Loads a page and brings the regions of this one up to date from it. A request that another
// one has superseded is aborted through `signal`. Throws an `AnswerError` for an answer that is no page.
export const loadRegions = async (address, signal) => {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, signal });
  // Logged out: the server has redirected to the login page.
  if (answer.redirected) location.assign(answer.url);
  if (!answer.ok) throw new AnswerError(answer);
  updateRegions(new DOMParser().parseFromString(await answer.text(), "text/html"));
};
