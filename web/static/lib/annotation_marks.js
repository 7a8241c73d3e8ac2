// Annotations on a chart: a line at each moment, a band over each range; a plugin of uPlot.

const BAND_ALPHA = 0.12;
const DASH = [4, 4];

//   annotationsOf: returns the annotations {time, timeEnd, text}, times in milliseconds.
//   colourOf: returns the colour of an annotation's mark.
//   xOf: returns the place of a time on the x axis; by default the axis is in seconds.
export const annotationMarks = (annotationsOf, colourOf, xOf = (time_ms) => time_ms / 1000) => {
  const draw = (plot) => {
    const { ctx, bbox } = plot;
    const place = (time_ms) => plot.valToPos(xOf(time_ms), "x", true);
    const right = bbox.left + bbox.width;
    ctx.save();
    ctx.lineWidth = globalThis.devicePixelRatio;
    ctx.setLineDash(DASH);
    for (const annotation of annotationsOf()) {
      const { time, timeEnd } = annotation;
      ctx.strokeStyle = ctx.fillStyle = colourOf(annotation);
      const begin = place(time);
      const end = place(timeEnd);
      if (end < bbox.left || begin > right) continue;
      const from = Math.max(begin, bbox.left);
      ctx.globalAlpha = BAND_ALPHA;
      ctx.fillRect(from, bbox.top, Math.min(end, right) - from, bbox.height);
      ctx.globalAlpha = 1;
      for (const x of new Set([begin, end])) {
        if (x < bbox.left || x > right) continue;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
    ctx.restore();
  };
  return { hooks: { draw } };
};

// The texts of the annotations that touch a stretch of time, in milliseconds.
export const textsBetween = (annotations, start_ms, end_ms) =>
  annotations.filter(({ time, timeEnd }) => time < end_ms && timeEnd >= start_ms).map(({ text }) => text);
