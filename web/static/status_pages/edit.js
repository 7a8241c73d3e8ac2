// Offers probes or hosts as the kind of a component says, knows the kind of a name that is typed, and sends the logo.

import { JSON_HEADERS, t } from "../lib/texts.js";

// What a list of suggestions knows: probes by name, hosts by instance and by name.
const names = (id) => new Set([...document.getElementById(id).options].flatMap(({ value, label }) => [value, label]));

for (const row of document.querySelectorAll("[data-row]")) {
  const [kind, check] = row.querySelectorAll("select");
  const reference = row.querySelector("input[list], input[data-list]");
  const follow = () => {
    reference.setAttribute("list", kind.value === "probe" ? "known-probes" : kind.value === "query" ? "" : "known-hosts");
    check.disabled = kind.value !== "check";
  };
  kind.addEventListener("change", follow);
  reference.addEventListener("change", () => {
    const isHost = names("known-hosts").has(reference.value.trim());
    const isProbe = names("known-probes").has(reference.value.trim());
    if (kind.value === "probe" && isHost && !isProbe) kind.value = "host";
    if (kind.value === "host" && isProbe && !isHost) kind.value = "probe";
    follow();
  });
  follow();
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
