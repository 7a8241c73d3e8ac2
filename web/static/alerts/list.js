// Ticks all alerts of the list at once, and says how many are ticked. Live updates keep the ticks.

import { t } from "../lib/texts.js";

const SELECTED = 'input[name="id"][form="bulk"]';

const ticks = () => [...document.querySelectorAll(SELECTED)];

const show = () => {
  const chosen = ticks().filter((tick) => tick.checked).length;
  const button = document.querySelector("[data-bulk-button]");
  const all = document.querySelector("[data-tick-all]");
  if (!button) return;
  const text = t("Acknowledge selected (%(count)s)", { count: chosen });
  // Writing the same text again would be a change that the observer reports.
  if (button.textContent !== text) button.textContent = text;
  if (!all) return;
  all.hidden = false;
  all.checked = chosen > 0 && chosen === ticks().length;
  all.indeterminate = chosen > 0 && !all.checked;
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-tick-all]")) {
    for (const tick of ticks()) tick.checked = event.target.checked;
  }
  if (event.target.matches(`[data-tick-all], ${SELECTED}`)) show();
});

// Rows come and go with the live updates, and each writes the button anew.
new MutationObserver(show).observe(document.getElementById("alerts"), { childList: true, subtree: true });
show();
