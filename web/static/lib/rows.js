// Rows of tables open what they stand for: the link in the row's heading. The link stays the way of
// the keyboard and of screen readers; the rest of its row is a larger target for the pointer.

// Where a click means something else.
const OWN = "a, button, input, select, textarea, label, summary, details, form, [contenteditable]";
const DRAG_PX = 4;

let pressed = null;

// The link that a row stands for, or null.
const linkOf = (row) => row?.querySelector(":scope > th[scope=row] a[href]") ?? null;

const linkAt = (target) => {
  const cell = target.closest?.(".grid > tbody > tr > *");
  // A cell with a control beside its text: who misses the control does not want to leave.
  if (!cell || target.closest(OWN) || cell.querySelector(":scope input, :scope select, :scope button")) return null;
  return linkOf(cell.parentElement);
};

const wasDragged = (event) =>
  !pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > DRAG_PX;

const selects = (row) => {
  const selection = getSelection();
  return !selection.isCollapsed && selection.containsNode(row, true);
};

const follow = (event) => {
  if (event.defaultPrevented || event.shiftKey || event.altKey || wasDragged(event)) return;
  const link = linkAt(event.target);
  if (!link || selects(link.closest("tr"))) return;
  event.preventDefault();
  if (event.button === 1 || event.ctrlKey || event.metaKey) open(link.href, "_blank", "noopener");
  else link.click();
};

// Makes the rows of all tables of the page open their links, those of tables that come later too.
export const openRows = (root) => {
  root.addEventListener("pointerdown", (event) => {
    pressed = { x: event.clientX, y: event.clientY };
  });
  root.addEventListener("click", follow);
  root.addEventListener("auxclick", (event) => event.button === 1 && follow(event));
};
