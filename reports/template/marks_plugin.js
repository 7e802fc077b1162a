// @ts-check
/**
 * Drawings that chart.js does not have: intervals on bars, and a round as whiskers, box and median.
 *
 * @module
 */

/**
 * Returns a plugin that draws, over each bar of the first dataset (index axis y), a line from low
 * to high with caps.
 *
 * @param {([number, number] | null)[]} bounds in the unit of the x axis, null for none
 * @param {string} colour
 * @returns {import("chart.js").Plugin}
 */
export function boundsPlugin(bounds, colour) {
  return {
    id: "bounds",
    afterDatasetsDraw(chart) {
      const { ctx, scales } = chart;
      ctx.save();
      ctx.strokeStyle = colour;
      ctx.lineWidth = 1.5;
      chart.getDatasetMeta(0).data.forEach((bar, i) => {
        const pair = bounds[i];
        if (pair === null || pair === undefined) return;
        const [low, high] = pair.map((value) => scales.x.getPixelForValue(value));
        ctx.beginPath();
        ctx.moveTo(low, bar.y);
        ctx.lineTo(high, bar.y);
        for (const x of [low, high]) {
          ctx.moveTo(x, bar.y - 4);
          ctx.lineTo(x, bar.y + 4);
        }
        ctx.stroke();
      });
      ctx.restore();
    },
  };
}

/**
 * Returns a plugin that shades spans of the x axis behind everything else.
 *
 * @param {{ from: number, to: number }[]} bands in the unit of the x axis
 * @param {string} colour
 * @returns {import("chart.js").Plugin}
 */
export function bandsPlugin(bands, colour) {
  return {
    id: "bands",
    beforeDraw({ ctx, scales, chartArea }) {
      ctx.save();
      ctx.globalAlpha = 0.22;
      ctx.fillStyle = colour;
      for (const { from, to } of bands) {
        const left = Math.max(chartArea.left, scales.x.getPixelForValue(from));
        const right = Math.min(chartArea.right, scales.x.getPixelForValue(to));
        // a launch is seen however long the run was
        if (right >= left) {
          ctx.fillRect(left, chartArea.top, Math.max(2, right - left), chartArea.height);
        }
      }
      ctx.restore();
    },
  };
}

/**
 * @typedef {object} RoundMark
 * @property {number} y
 * @property {number} p5
 * @property {number} p25
 * @property {number} p50
 * @property {number} p75
 * @property {number} p95
 * @property {string} colour
 */

/**
 * Returns a plugin that draws one thin box per round: whiskers from p5 to p95, a bar from p25 to
 * p75.
 *
 * @param {RoundMark[]} marks
 * @param {number} thicknessPx
 * @returns {import("chart.js").Plugin}
 */
export function roundsPlugin(marks, thicknessPx) {
  return {
    id: "rounds",
    beforeDatasetsDraw({ ctx, scales, chartArea }) {
      ctx.save();
      ctx.beginPath();
      ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
      ctx.clip();
      for (const { y, p5, p25, p75, p95, colour } of marks) {
        const at = scales.y.getPixelForValue(y);
        const x = (/** @type {number} */ value) => scales.x.getPixelForValue(value);
        ctx.strokeStyle = colour;
        ctx.lineWidth = 1;
        ctx.beginPath();
        ctx.moveTo(x(p5), at);
        ctx.lineTo(x(p95), at);
        ctx.stroke();
        ctx.globalAlpha = 0.45;
        ctx.lineWidth = thicknessPx;
        ctx.beginPath();
        ctx.moveTo(x(p25), at);
        ctx.lineTo(Math.max(x(p75), x(p25) + 1), at);
        ctx.stroke();
        ctx.globalAlpha = 1;
      }
      ctx.restore();
    },
  };
}

/**
 * Returns a plugin that draws vertical lines from min to max behind the points of the timeline.
 *
 * @param {{ x: number, low: number, high: number, colour: string }[]} spans
 * @returns {import("chart.js").Plugin}
 */
export function spansPlugin(spans) {
  return {
    id: "spans",
    beforeDatasetsDraw({ ctx, scales }) {
      ctx.save();
      ctx.globalAlpha = 0.4;
      for (const { x, low, high, colour } of spans) {
        const at = scales.x.getPixelForValue(x);
        ctx.strokeStyle = colour;
        ctx.beginPath();
        ctx.moveTo(at, scales.y.getPixelForValue(low));
        ctx.lineTo(at, scales.y.getPixelForValue(high));
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}

/**
 * Returns a plugin that draws, behind each point of the first dataset, a line from low to high.
 *
 * @param {([number, number] | null)[]} bounds in the unit of the y axis, null for none
 * @param {string} colour
 * @returns {import("chart.js").Plugin}
 */
export function boundsOfPointsPlugin(bounds, colour) {
  return {
    id: "boundsOfPoints",
    beforeDatasetsDraw(chart) {
      const { ctx, scales } = chart;
      ctx.save();
      ctx.strokeStyle = colour;
      ctx.globalAlpha = 0.45;
      ctx.lineWidth = 2;
      chart.getDatasetMeta(0).data.forEach((point, i) => {
        const pair = bounds[i];
        if (pair === null || pair === undefined) return;
        ctx.beginPath();
        ctx.moveTo(point.x, scales.y.getPixelForValue(pair[0]));
        ctx.lineTo(point.x, scales.y.getPixelForValue(pair[1]));
        ctx.stroke();
      });
      ctx.restore();
    },
  };
}

/**
 * Returns a plugin that draws a dashed line where a lasting change begins.
 *
 * @param {{ x: number, worse: boolean }[]} changes
 * @param {import("./theme.js").Palette} colours
 * @returns {import("chart.js").Plugin}
 */
export function changesPlugin(changes, colours) {
  return {
    id: "changes",
    afterDatasetsDraw({ ctx, scales, chartArea }) {
      ctx.save();
      ctx.setLineDash([5, 4]);
      ctx.lineWidth = 1.5;
      for (const { x, worse } of changes) {
        const at = scales.x.getPixelForValue(x);
        ctx.strokeStyle = colours.series(worse ? 1 : 2);
        ctx.beginPath();
        ctx.moveTo(at, chartArea.top);
        ctx.lineTo(at, chartArea.bottom);
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}
