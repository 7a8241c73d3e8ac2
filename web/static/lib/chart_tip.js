// The values under a chart's cursor, in a box beside it: a plugin of uPlot.

import { dataElement, element } from "./dom.js";

//   rowsAt: returns the rows {name, colour, text} at an index of the data.
//   titleAt: returns the text above them, usually a time.
export const chartTip = (rowsAt, titleAt) => {
  const box = element("div", "chart-tip");
  box.hidden = true;

  const place = (plot) => {
    const { left, top } = plot.cursor;
    const { clientWidth: width, clientHeight: height, offsetLeft: axis } = plot.over;
    const field = plot.root.parentElement.clientWidth;
    box.style.maxWidth = `${field}px`;
    const beside = left > width / 2 ? left - box.offsetWidth - 12 : left + 12;
    // What reaches beyond the field is cut off.
    const x = Math.max(-axis, Math.min(beside, field - axis - box.offsetWidth));
    const y = Math.max(0, Math.min(top - 20, height - box.offsetHeight));
    box.style.transform = `translate(${x}px, ${y}px)`;
  };

  const show = (plot) => {
    const { idx, left } = plot.cursor;
    box.hidden = idx === null || idx === undefined || left < 0;
    if (box.hidden) return;
    const rows = rowsAt(idx).map(({ name, colour, text }) => {
      const row = element("p");
      const key = element("i");
      key.style.background = colour;
      row.append(key, dataElement("span", "", name), element("b", "", text));
      return row;
    });
    box.replaceChildren(element("p", "chart-tip-time", titleAt(idx)), ...rows);
    place(plot);
  };

  return { hooks: { init: (plot) => plot.over.append(box), setCursor: show } };
};
