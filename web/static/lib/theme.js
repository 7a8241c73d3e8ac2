// Tells the parts of a page that are drawn in JavaScript when the colours change.

const listeners = new Set();

export const announceTheme = () => listeners.forEach((listener) => listener());

// Calls `listener` on every change of the theme until the returned function is called.
export const onThemeChange = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
