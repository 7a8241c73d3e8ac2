// Annotations on a chart: a line at each moment, a band over each range; a plugin of uPlot.

const BAND_ALPHA = 0.12;
const DASH = [4, 4];

// Ranges without overlaps, in order: bands that lie upon each other would hide the lines.
export const joined = (ranges) => {
  const found = [];
  for (const [from, to] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
};

//   annotationsOf: returns the annotations {time, timeEnd, text}, times in milliseconds.
//   colourOf: returns the colour of an annotation's mark.
//   xOf: returns the place of a time on the x axis; by default the axis is in seconds.
export const annotationMarks = (annotationsOf, colourOf, xOf = (time_ms) => time_ms / 1000) => {
  // The annotations in sight, by colour, as [begin, end] in pixels of the canvas.
  const inSight = (plot) => {
    const { left, width } = plot.bbox;
    const place = (time_ms) => plot.valToPos(xOf(time_ms), "x", true);
    const byColour = new Map();
    for (const annotation of annotationsOf()) {
      const range = [place(annotation.time), place(annotation.timeEnd)];
      if (range[1] < left || range[0] > left + width) continue;
      const colour = colourOf(annotation);
      byColour.set(colour, [...(byColour.get(colour) ?? []), range]);
    }
    return byColour;
  };

  // Below the lines of the chart.
  const drawBands = (plot) => {
    const { ctx, bbox } = plot;
    const right = bbox.left + bbox.width;
    ctx.save();
    ctx.globalAlpha = BAND_ALPHA;
    for (const [colour, ranges] of inSight(plot)) {
      ctx.fillStyle = colour;
      for (const [begin, end] of joined(ranges)) {
        const from = Math.max(begin, bbox.left);
        ctx.fillRect(from, bbox.top, Math.min(end, right) - from, bbox.height);
      }
    }
    ctx.restore();
  };

  const drawMoments = (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = globalThis.devicePixelRatio;
    ctx.setLineDash(DASH);
    for (const [colour, ranges] of inSight(plot)) {
      ctx.strokeStyle = colour;
      for (const x of new Set(ranges.flat())) {
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
    ctx.restore();
  };

  return { hooks: { drawClear: drawBands, draw: drawMoments } };
};

// The texts of the annotations that touch a stretch of time, in milliseconds.
export const textsBetween = (annotations, start_ms, end_ms) =>
  annotations.filter(({ time, timeEnd }) => time < end_ms && timeEnd >= start_ms).map(({ text }) => text);
