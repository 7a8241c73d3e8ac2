// The query box: coloured, underlined where the query is wrong, with completions below the caret.

import { element } from "../lib/dom.js";
import { completionsFor, isTruncatedAt, narrowAt, prepareCompletions, turnTo } from "./completions.js";
import { contextAt, tokens, variableAt } from "./promql.js";

// Until the server is asked for names: a key that is held down repeats within this time.
const DELAY_MS = 30;
// Until it is asked for the names that fit what is typed, where there are too many to load them all: a
// request for every word, not for every key.
const NARROW_MS = 200;
const PAIRS = { "(": ")", "{": "}", "[": "]" };

let editors = 0;

// Replaces the selected text; the browser's undo takes it back.
const insertText = (box, text) => {
  if (document.execCommand("insertText", false, text)) return;
  box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
};

// The list of completions: which are shown and which one is chosen.
const createPopup = (root, box, accept) => {
  const popup = root.querySelector(".completion");
  const list = popup.querySelector("ul");
  const detail = popup.querySelector(".completion-detail");
  list.id = `completion-${(editors += 1)}`;
  box.setAttribute("aria-controls", list.id);
  let offered = [];
  let chosen = -1;

  const choose = (index) => {
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = (index + offered.length) % offered.length;
    const item = list.children[chosen];
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", item.id);
    detail.textContent = offered[chosen].detail ?? "";
    detail.hidden = !detail.textContent;
  };

  const itemOf = (candidate, index) => {
    const item = element("li");
    item.role = "option";
    item.id = `${list.id}-${index}`;
    item.append(element("span", "completion-name", candidate.name), element("span", "completion-tag", candidate.tag));
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      choose(index);
      accept();
    });
    return item;
  };

  return {
    get isOpen() {
      return !popup.hidden && offered.length > 0;
    },
    get chosen() {
      return offered[chosen];
    },
    move: (step) => choose(chosen + step),
    hide: () => {
      popup.hidden = true;
      offered = [];
      chosen = -1;
      box.removeAttribute("aria-activedescendant");
    },
    show: (candidates, caret) => {
      offered = candidates;
      chosen = -1;
      list.replaceChildren(...candidates.map(itemOf));
      popup.hidden = false;
      choose(0);
      const frame = root.getBoundingClientRect();
      const room = frame.width - popup.offsetWidth;
      popup.style.left = `${Math.max(0, Math.min(caret.left - frame.left - 8, room))}px`;
      popup.style.top = `${caret.top - frame.top + 24}px`;
      // Near the end of a page or a dialog, the list would begin out of sight.
      popup.scrollIntoView({ block: "nearest" });
    },
  };
};

// Where a character of the painted text stands on the screen.
const placeOf = (painted, offset) => {
  const range = document.createRange();
  const walker = document.createTreeWalker(painted, NodeFilter.SHOW_TEXT);
  let left = offset;
  let node = walker.nextNode();
  while (node && left > node.length) {
    left -= node.length;
    node = walker.nextNode();
  }
  if (!node) return null;
  range.setStart(node, left);
  range.collapse(true);
  return range.getClientRects()[0] ?? painted.getBoundingClientRect();
};

// An editor in `root`.
//   run: called when the reader presses Enter; without it, Enter starts a new line.
//   variables(): the variables of a dashboard that are completed after "$", {name, detail}.
export const createEditor = (root, { run = null, variables = () => [] } = {}) => {
  const box = root.querySelector("textarea");
  // The coloured text lies exactly under the box, whose own text is transparent.
  const painted = root.querySelector(".editor-text");
  let context = null;
  let wrongAt = null;
  let latest = 0; // number of the text's latest state; completions of an earlier one are not shown
  let timer = null;

  const paint = () => {
    const text = box.value;
    const parts = tokens(text).map((token) => {
      const part = element("span", `token-${token.kind}`, token.text);
      if (wrongAt !== null && wrongAt >= token.start && wrongAt < token.end) part.classList.add("wrong");
      return part;
    });
    if (wrongAt !== null && wrongAt >= text.length) parts.push(element("span", "wrong", " "));
    // Without the line break an empty last line would have no height.
    painted.replaceChildren(...parts, "\n");
  };

  const close = () => {
    clearTimeout(timer);
    latest += 1;
    popup.hide();
  };

  // Ctrl+Space forces completions; otherwise they wait for the first letter of a name.
  const placeAtCaret = (isForced) => {
    const { value, selectionStart: place, selectionEnd } = box;
    const found = place === selectionEnd ? variableAt(value, place, variables()) ?? contextAt(value, place) : null;
    const isReady = found && (isForced || found.typed || ["label", "value", "matcher", "duration", "variable"].includes(found.kind));
    return isReady ? found : null;
  };

  const show = async (found, isForced) => {
    const mine = latest;
    const candidates = await completionsFor(found);
    if (mine !== latest) return;
    const caret = placeOf(painted, found.from);
    if (!caret || !candidates.length || (!isForced && candidates[0].name === found.typed)) return popup.hide();
    context = found;
    popup.show(candidates, caret);
  };

  const offerAt = async (found, isForced) => {
    const mine = latest;
    await show(found, isForced);
    if (mine !== latest || !isTruncatedAt(found)) return;
    timer = setTimeout(async () => {
      await narrowAt(found);
      if (mine === latest) show(found, isForced);
    }, NARROW_MS);
  };

  const offer = (isForced = false) => {
    clearTimeout(timer);
    latest += 1;
    const found = placeAtCaret(isForced);
    const isKnown = turnTo(found);
    if (!found) close();
    else if (isKnown || isForced) offerAt(found, isForced);
    else timer = setTimeout(() => offerAt(found, isForced), DELAY_MS);
  };

  const accept = () => {
    const { insert, again } = popup.chosen;
    const caret = box.selectionStart;
    let end = Math.max(context.to ?? caret, caret);
    // Replace the rest of the word that the caret stands in, too.
    if (context.to === undefined) end += /^[a-zA-Z0-9_:]*/.exec(box.value.slice(caret))[0].length;
    const next = box.value[end];
    let text = insert;
    if (text.endsWith("(") && next === "(") text = text.slice(0, -1);
    if (context.kind === "duration" && next !== "]") text += "]";
    box.setSelectionRange(context.from, end);
    insertText(box, text);
    close();
    if (again) offer();
  };

  const popup = createPopup(root, box, accept);

  // A list that came now would take the choice back.
  const move = (step) => {
    clearTimeout(timer);
    latest += 1;
    popup.move(step);
  };

  // What a key does; null for the browser's own behaviour.
  const actionOf = (event) => {
    const { key, shiftKey, ctrlKey } = event;
    if (key === " " && ctrlKey) return () => offer(true);
    if (popup.isOpen) {
      if (key === "ArrowDown") return () => move(1);
      if (key === "ArrowUp") return () => move(-1);
      if (key === "Escape") return close;
      if ((key === "Enter" || key === "Tab") && !shiftKey && !ctrlKey) return accept;
    }
    if (run && key === "Enter" && !shiftKey && !event.isComposing) {
      return () => {
        close();
        run();
      };
    }
    if (PAIRS[key] && box.selectionStart !== box.selectionEnd) {
      // Put the selected text in parentheses.
      return () => insertText(box, key + box.value.slice(box.selectionStart, box.selectionEnd) + PAIRS[key]);
    }
    return null;
  };

  box.addEventListener("keydown", (event) => {
    const action = actionOf(event);
    if (action) {
      event.preventDefault();
      action();
    } else if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) {
      close();
    }
  });
  box.addEventListener("input", () => {
    wrongAt = null;
    paint();
    offer();
  });
  box.addEventListener("focus", prepareCompletions);
  box.addEventListener("blur", close);
  box.addEventListener("click", close);
  box.addEventListener("scroll", () => {
    painted.scrollTop = box.scrollTop;
  });

  return {
    get text() {
      return box.value;
    },
    set text(value) {
      box.value = value;
      wrongAt = null;
      paint();
    },
    focus: () => box.focus(),
    underline: (offset) => {
      wrongAt = offset;
      paint();
    },
  };
};
