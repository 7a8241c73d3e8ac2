// Offers probes or hosts as the kind of a component says, and sends the logo.

import { JSON_HEADERS, t } from "../lib/texts.js";

for (const row of document.querySelectorAll("[data-row]")) {
  const kind = row.querySelector("select");
  const reference = row.querySelector("input[list], input[data-list]");
  kind.addEventListener("change", () => {
    reference.setAttribute("list", kind.value === "probe" ? "known-probes" : kind.value === "query" ? "" : "known-hosts");
  });
}

const file = document.getElementById("logo-file");
const state = document.getElementById("logo-state");

async function send(method, body) {
  const answer = await fetch(file.dataset.logo, { method, body, headers: { ...JSON_HEADERS, ...(body && { "Content-Type": body.type }) } });
  if (answer.ok) state.textContent = body ? t("The logo is stored.") : t("The logo is removed.");
  else state.textContent = (await answer.json()).error;
}

file?.addEventListener("change", () => file.files[0] && send("PUT", file.files[0]));
document.getElementById("logo-remove")?.addEventListener("click", () => send("DELETE"));
