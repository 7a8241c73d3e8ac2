// The form of a report: dates appear when they are chosen, empty fields stay out of the address.

const form = document.querySelector("[data-ask]");
const choice = form.querySelector("[data-range-choice]");
const dates = form.querySelector("[data-range-dates]");

const showDates = () => {
  dates.hidden = choice.value !== "";
};

choice.addEventListener("change", () => {
  showDates();
  if (!dates.hidden) dates.querySelector("input").focus();
});
showDates();

form.addEventListener("submit", () => {
  const unused = [...form.elements].filter((field) => field.name && (field.value === "" || (dates.hidden && dates.contains(field))));
  for (const field of unused) field.disabled = true;
  // A page that the browser shows again from its memory has its fields back.
  setTimeout(() => unused.forEach((field) => (field.disabled = false)));
});
