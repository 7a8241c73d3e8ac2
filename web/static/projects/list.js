// The form for a new project offers the reader's own time zone.

const zone = document.getElementById("field-time_zone");
if (zone && !zone.dataset.given) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
