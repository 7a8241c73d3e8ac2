// A new panel, with the defaults of the server's definition.

export const blankPanel = (id, kind, place) => ({
  id, kind, title: "", description: "", place, queries: [], unit: "", decimals: null, min: null, max: null, thresholds: [], percent: false, reduce: "last",
  stacked: false, legend: true, legend_values: [], legend_place: "bottom", style: {}, overrides: [], transformations: [], color_mode: "value", text_mode: "auto",
  sparkline: false, all_rows: false, text: "", collapsed: false, repeat: "", repeat_down: false, links: [], original: "", unsupported: [],
});
