/**
 * Bounds of the IoU of two boxes whose sides are known within a tolerance.
 *
 * @module
 */

/** A box and how far each of its sides may be off, both in the same unit. */
export interface Box {
  /** x1, y1, x2, y2. */
  sides: readonly [number, number, number, number];
  offPx: number;
}

/**
 * Returns the least and the largest IoU that the boxes can have when each side moves by at most its
 * tolerance: bounds by interval arithmetic, so that no IoU is beyond them.
 */
export function iouBounds(a: Box, b: Box): { least: number; most: number } {
  /** Length that the boxes share on an axis when each side moves out (1) or in (-1). */
  const overlap = (low: 0 | 1, sign: 1 | -1) =>
    Math.max(
      0,
      Math.min(a.sides[low + 2] + sign * a.offPx, b.sides[low + 2] + sign * b.offPx) -
        Math.max(a.sides[low] - sign * a.offPx, b.sides[low] - sign * b.offPx),
    );
  const mostOverlap = overlap(0, 1) * overlap(1, 1);
  const leastOverlap = overlap(0, -1) * overlap(1, -1);
  const leastAreas = areaOf(a, -a.offPx) + areaOf(b, -b.offPx);
  const largestAreas = areaOf(a, a.offPx) + areaOf(b, b.offPx);
  return {
    least: leastOverlap === 0 ? 0 : leastOverlap / (largestAreas - leastOverlap),
    most: mostOverlap === 0 ? 0 : share(mostOverlap, leastAreas - mostOverlap),
  };
}

function share(part: number, whole: number): number {
  return whole <= part ? 1 : part / whole;
}

function areaOf({ sides: [x1, y1, x2, y2] }: Box, off: number): number {
  return Math.max(0, x2 - x1 + 2 * off) * Math.max(0, y2 - y1 + 2 * off);
}
