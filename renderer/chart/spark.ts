/**
 * Points of a sparkline of `values` (oldest first) in a box of `width` x `height` pixels, y
 * downwards. A flat line lies in the middle; values that are not finite leave no point.
 */
export function sparkPoints(
  values: readonly number[],
  width: number,
  height: number,
): [x: number, y: number][] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [];
  const points: [number, number][] = [];
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  values.forEach((value, index) => {
    if (!Number.isFinite(value)) return;
    const share = high > low ? (value - low) / (high - low) : 0.5;
    points.push([index * step, (1 - share) * height]);
  });
  if (points.length === 1) {
    const [only] = points;
    if (only !== undefined)
      return [
        [0, only[1]],
        [width, only[1]],
      ];
  }
  return points;
}
