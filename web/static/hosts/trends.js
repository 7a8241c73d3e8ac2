// Sparklines of the hosts page: the CPU of the last hour in each row that has room for it.

const REFRESH_MS = 60000;
const NAMESPACE = "http://www.w3.org/2000/svg";

// The path of percentages over a field of 100 by 20; a gap where there is none.
export const trendPath = (values) => {
  const step = 100 / Math.max(1, values.length - 1);
  let drawn = false;
  return values.map((value, index) => {
    const begins = !drawn;
    drawn = value !== null;
    if (!drawn) return "";
    return `${begins ? "M" : "L"}${(index * step).toFixed(1)} ${(19 - value * 0.18).toFixed(1)}`;
  }).join("");
};

export const drawTrends = (root) => {
  let trends = null;

  const draw = () => {
    if (!trends) return;
    for (const field of root.querySelectorAll("svg[data-trend]")) {
      const values = trends.hosts[field.dataset.trend];
      const path = values ? trendPath(values) : "";
      if (field.firstElementChild?.getAttribute("d") === path) continue;
      const line = document.createElementNS(NAMESPACE, "path");
      line.setAttribute("d", path);
      field.replaceChildren(line);
    }
  };

  const load = async () => {
    if (document.hidden || !root.querySelector("svg[data-trend]")) return;
    const answer = await fetch("/api/fleet/trends", { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    trends = await answer.json();
    draw();
  };

  load();
  setInterval(load, REFRESH_MS);
  // An updated row has an empty field again.
  new MutationObserver(draw).observe(root, { childList: true, subtree: true });
};
