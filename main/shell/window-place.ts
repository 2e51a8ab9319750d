/** Where a window goes: where it was, on the screens that there are now. */

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowPlace extends Rect {
  readonly isMaximized: boolean;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const SMALLEST: Size = { width: 720, height: 480 };
/** So much of a window's top edge must be on a screen for it to be taken hold of, in points. */
const GRIP: Size = { width: 120, height: 32 };
/** From one window to the next of its kind, so that it does not hide it. */
const STEP = 28;

/**
 * @param remembered where the last window of its kind was; null: in the middle of the first screen
 * @param areas of the screens, without docks and panels, the main one first
 * @param taken where windows are now
 */
export function placeWindow(
  remembered: WindowPlace | null,
  usual: Size,
  areas: readonly Rect[],
  taken: readonly Rect[],
): WindowPlace {
  const [main] = areas;
  const isMaximized = remembered?.isMaximized ?? false;
  if (main === undefined) return { x: 0, y: 0, ...(remembered ?? usual), isMaximized };
  const area = remembered === null ? main : (areas.find((each) => isHeld(remembered, each)) ?? main);
  const width = fit(remembered?.width ?? usual.width, SMALLEST.width, area.width);
  const height = fit(remembered?.height ?? usual.height, SMALLEST.height, area.height);
  const start =
    remembered !== null && isHeld({ x: remembered.x, y: remembered.y, width, height }, area)
      ? { x: remembered.x, y: remembered.y }
      : {
          x: Math.round(area.x + (area.width - width) / 2),
          y: Math.round(area.y + (area.height - height) / 2),
        };
  return { ...beside(start, { width, height }, area, taken), isMaximized };
}

/** Whether enough of the top edge is in `area`. */
function isHeld(rect: Rect, area: Rect): boolean {
  const wide = Math.min(rect.x + rect.width, area.x + area.width) - Math.max(rect.x, area.x);
  const isLow = rect.y >= area.y - GRIP.height / 2 && rect.y <= area.y + area.height - GRIP.height;
  return wide >= Math.min(GRIP.width, rect.width) && isLow;
}

function fit(value: number, least: number, most: number): number {
  return Math.round(Math.min(Math.max(value, least), Math.max(most, least)));
}

/** Down and to the right of windows that are at the same place, and from the area's corner again at its end. */
function beside(start: { x: number; y: number }, size: Size, area: Rect, taken: readonly Rect[]): Rect {
  let { x, y } = start;
  for (let tried = 0; tried <= taken.length; tried++) {
    if (!taken.some((each) => Math.abs(each.x - x) < STEP / 2 && Math.abs(each.y - y) < STEP / 2)) break;
    x += STEP;
    y += STEP;
    if (x + size.width > area.x + area.width || y + size.height > area.y + area.height) {
      x = area.x + STEP * (tried % 4);
      y = area.y;
    }
  }
  return { x, y, ...size };
}
