/** The steps in which pages are made larger and smaller, as browsers have them. */
export const ZOOMS: readonly number[] = [0.5, 0.67, 0.75, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** The next step up (1) or down (-1), or the last one there is. */
export function nextZoom(zoom: number, direction: 1 | -1): number {
  const found = direction === 1 ? ZOOMS.find((each) => each > zoom) : ZOOMS.findLast((each) => each < zoom);
  return found ?? zoom;
}
