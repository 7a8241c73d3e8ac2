// The range of time that all queries of the page share: a length, an end and a step.

import { durationSeconds, durationText, inputMoment, inputTime } from "../lib/format.js";
import { t } from "../lib/texts.js";

const DEFAULT_LENGTH = "1h";
const WANTED_POINTS = 250;
const MOST_POINTS = 11000;
const SHORTEST_ZOOM_S = 10;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

const DEFAULT = { length: DEFAULT_LENGTH, until_ms: null, step: "" };

export const spanText = (length_s) => durationText(Math.round(length_s * 1000));

const problemOf = ({ length, until_ms, step }) => {
  const length_s = durationSeconds(length);
  if (!(length_s > 0)) return t("Range: enter a duration such as 30m, 6h or 2d.");
  const step_s = step ? durationSeconds(step) : 1;
  if (!(step_s > 0)) return t("Step: enter a duration such as 15s or 5m, or leave it empty.");
  if (step && length_s / step_s > MOST_POINTS) return t("Step: a graph has at most 11,000 points. Enter a longer step.");
  if (Number.isNaN(until_ms)) return t("Until: enter a date and a time.");
  return "";
};

// The form of the range; `changed` is called when the reader has chosen another one.
export const createTimeRange = (form, problem, changed) => {
  const [lengthField, untilField, stepField] = ["range", "until", "step"].map((name) => form.elements[name]);
  const presets = form.querySelectorAll("[data-range]");
  let state = DEFAULT;

  // The times of a query: {start_s, end_s, step_s, points}. Without an end it ends now.
  const grid = () => {
    const length_s = durationSeconds(state.length);
    const least_s = length_s / WANTED_POINTS;
    const step_s = state.step ? durationSeconds(state.step) : STEPS_S.find((each) => each >= least_s) ?? Math.ceil(least_s);
    const end_s = Math.floor(state.until_ms ?? Date.now()) / 1000;
    const points = Math.floor(length_s / step_s + 1e-9) + 1;
    return { start_s: end_s - (points - 1) * step_s, end_s, step_s, points };
  };

  const show = () => {
    lengthField.value = state.length;
    untilField.value = state.until_ms === null ? "" : inputTime(new Date(state.until_ms));
    stepField.value = state.step;
    stepField.placeholder = t("auto: %(step)s", { step: spanText(grid().step_s) });
    for (const link of presets) link.toggleAttribute("aria-current", link.dataset.range === state.length);
  };

  const move = (part) => {
    const next = { ...state, ...part };
    problem.textContent = problemOf(next);
    problem.hidden = !problem.textContent;
    if (problem.textContent) return;
    state = next;
    show();
    changed();
  };

  const typed = () => ({
    length: lengthField.value.trim() || DEFAULT_LENGTH,
    step: stepField.value.trim(),
    until_ms: untilField.value ? inputMoment(untilField.value).getTime() : null,
  });

  const shift = (direction) =>
    move({ until_ms: Math.round((grid().end_s + (direction * durationSeconds(state.length)) / 2) * 1000) });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    move(typed());
  });
  for (const field of [lengthField, untilField, stepField]) field.addEventListener("change", () => move(typed()));
  for (const link of presets) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      move({ length: link.dataset.range });
    });
  }
  form.querySelector("#earlier").addEventListener("click", () => shift(-1));
  form.querySelector("#later").addEventListener("click", () => shift(1));
  form.querySelector("#now").addEventListener("click", () => move({ until_ms: null }));

  return {
    grid,
    zoom: (start_s, end_s) => {
      const length_s = Math.max(SHORTEST_ZOOM_S, Math.round(end_s - start_s));
      move({ length: spanText(length_s), until_ms: Math.round(end_s * 1000), step: "" });
    },
    // Takes the range from the parameters of the page's address, without calling `changed`.
    read: (parameters) => {
      const until = parameters.get("until");
      const wanted = {
        length: parameters.get("range") ?? DEFAULT_LENGTH,
        step: parameters.get("step") ?? "",
        until_ms: until === null ? null : Date.parse(until),
      };
      state = problemOf(wanted) ? DEFAULT : wanted;
      show();
    },
    write: (parameters) => {
      if (state.length !== DEFAULT_LENGTH) parameters.set("range", state.length);
      if (state.until_ms !== null) parameters.set("until", new Date(state.until_ms).toISOString());
      if (state.step) parameters.set("step", state.step);
    },
  };
};
