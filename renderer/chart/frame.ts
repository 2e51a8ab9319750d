/** A draw that is asked for any number of times and happens once in the next animation frame. */
export interface Frame {
  request(): void;
  cancel(): void;
}

export function createFrame(draw: () => void): Frame {
  let pending = 0;
  return {
    request() {
      if (pending !== 0) return;
      pending = requestAnimationFrame(() => {
        pending = 0;
        draw();
      });
    },
    cancel() {
      cancelAnimationFrame(pending);
      pending = 0;
    },
  };
}

/**
 * Sizes a canvas to `width` x `height` CSS pixels at the screen's density, clears it, and gives its
 * context in CSS pixels; null when there is nothing to draw on.
 */
export function prepareCanvas(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): { ctx: CanvasRenderingContext2D; ratio: number } | null {
  const ctx = canvas.getContext('2d');
  if (ctx === null || width <= 0 || height <= 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  return { ctx, ratio };
}
