// The steps between which an exclusion of a funnel counts. An exclusion names them by number, and
// its numbers follow them when steps are moved or removed.

// Returns the number that a field has after a change of the steps, "" where its step is gone. A text
// that names no step stays, so that the reader sees it again with the server's message.
const numberAfter = (text, before, now) => {
  const step = /^\d+$/.test(text.trim()) ? before[Number(text) - 1] : undefined;
  return step ? String(now.indexOf(step) + 1 || "") : text;
};

const renumberExclusion = (after, before, oldSteps, newSteps) => {
  const hadPlaces = after.value.trim() !== "" && before.value.trim() !== "";
  const [start, end] = [after, before].map((field) => numberAfter(field.value, oldSteps, newSteps));
  // Two steps that have changed places are still the two between which the exclusion counts.
  const isTurned = start !== "" && end !== "" && Number(start) > Number(end);
  [after.value, before.value] = isTurned ? [end, start] : [start, end];
  // Of a pair whose other step is gone, nothing follows the last step, and nothing precedes the first.
  if (hadPlaces && end === "" && start === String(newSteps.length)) after.value = "";
  if (hadPlaces && start === "" && end === "1") before.value = "";
};

// Renumbers the fields of all exclusions after the steps `oldSteps` became `newSteps`: elements, in order.
export const renumberExclusions = (form, oldSteps, newSteps) => {
  for (const after of form.querySelectorAll("[data-place=after]")) {
    const before = after.closest("[data-row]").querySelector("[data-place=before]");
    renumberExclusion(after, before, oldSteps, newSteps);
  }
};
