import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeWindow, SMALLEST, type WindowPlace } from '../../main/shell/window-place.ts';

const USUAL = { width: 1440, height: 900 };
const FIRST = { x: 0, y: 25, width: 1920, height: 1055 };
const SECOND = { x: 1920, y: 0, width: 2560, height: 1440 };
const was = (x: number, y: number, width = 1000, height = 700): WindowPlace => ({
  x,
  y,
  width,
  height,
  isMaximized: false,
});

describe('where a window goes', () => {
  it('the first time in the middle of the main screen, and never beyond it', () => {
    expect(placeWindow(null, USUAL, [FIRST, SECOND], [])).toEqual(was(240, 103, 1440, 900));
    expect(placeWindow(null, USUAL, [{ x: 0, y: 0, width: 1024, height: 768 }], [])).toEqual(
      was(0, 0, 1024, 768),
    );
  });

  it('where it was, on whichever screen, also partly beyond an edge', () => {
    for (const place of [was(100, 100), was(2000, 50), was(-400, 100), was(1500, 200), was(4300, 1300)])
      expect(placeWindow(place, USUAL, [FIRST, SECOND], [])).toEqual(place);
    expect(placeWindow({ ...was(2000, 50), isMaximized: true }, USUAL, [FIRST, SECOND], []).isMaximized).toBe(
      true,
    );
  });

  it.each([
    ['its screen is gone', was(2000, 50)],
    ['too little of it is on one', was(1850, 100)],
    ['its top is above the screen', was(100, -200)],
    ['its top is below the screen', was(100, 1070)],
  ])('back in the middle when %s', (_why, place) => {
    expect(placeWindow(place, USUAL, [FIRST], [])).toEqual(was(460, 203));
  });

  it('beside another of its kind', () => {
    const one = placeWindow(was(100, 100), USUAL, [FIRST], [was(100, 100)]);
    expect(one).toEqual(was(128, 128));
    expect(placeWindow(was(100, 100), USUAL, [FIRST], [was(100, 100), one])).toEqual(was(156, 156));
  });

  it('can always be taken hold of', () => {
    const size = fc.integer({ min: 1, max: 8_000 });
    const point = fc.integer({ min: -10_000, max: 10_000 });
    const place = fc.record({ x: point, y: point, width: size, height: size, isMaximized: fc.boolean() });
    fc.assert(
      fc.property(fc.option(place), fc.array(place, { maxLength: 30 }), (remembered, taken) => {
        const { x, y, width, height } = placeWindow(remembered, USUAL, [FIRST, SECOND], taken);
        expect(width).toBeGreaterThanOrEqual(SMALLEST.width);
        expect(height).toBeGreaterThanOrEqual(SMALLEST.height);
        const isHeld = [FIRST, SECOND].some(
          (area) =>
            Math.min(x + width, area.x + area.width) - Math.max(x, area.x) >= 120 &&
            y >= area.y - 16 &&
            y <= area.y + area.height - 32,
        );
        expect(isHeld).toBe(true);
      }),
      // Held by its last point, which it loses when it is made to fit.
      { examples: [[{ x: -521, y: 0, width: 2561, height: 1, isMaximized: false }, []]] },
    );
  });
});
