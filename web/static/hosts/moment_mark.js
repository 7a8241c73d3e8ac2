// The moment that the reader picked, and the time around it: a plugin of uPlot.

const BAND_ALPHA = 0.1;
const MOST_MOVED_PX = 4;

//   momentOf: returns {time_ms, window_ms}, null for none.
//   pick: called when the reader clicks without dragging, with the time there in seconds.
//   colourOf: returns the colour.
export const momentMark = (momentOf, pick, colourOf) => {
  const draw = (plot) => {
    const moment = momentOf();
    if (!moment) return;
    const { ctx, bbox } = plot;
    const right = bbox.left + bbox.width;
    const place = (time_ms) => Math.max(bbox.left, Math.min(right, plot.valToPos(time_ms / 1000, "x", true)));
    const [from, to] = [-1, 1].map((side) => place(moment.time_ms + (side * moment.window_ms) / 2));
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colourOf();
    // uPlot leaves the dashes of the last line.
    ctx.setLineDash([]);
    ctx.lineWidth = globalThis.devicePixelRatio;
    ctx.globalAlpha = BAND_ALPHA;
    ctx.fillRect(from, bbox.top, to - from, bbox.height);
    ctx.globalAlpha = 1;
    const x = place(moment.time_ms);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  };

  const listen = (plot) => {
    let pressed_px = null;
    plot.over.addEventListener("mousedown", (event) => { pressed_px = event.clientX; });
    plot.over.addEventListener("click", (event) => {
      // The second click of a double click goes back to the range.
      if (event.detail > 1 || pressed_px === null || Math.abs(event.clientX - pressed_px) > MOST_MOVED_PX) return;
      pick(plot.posToVal(event.clientX - plot.over.getBoundingClientRect().left, "x"));
    });
  };

  return { hooks: { init: listen, draw } };
};
