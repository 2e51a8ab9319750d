/** A hidden window gets no animation frames; its state still moves on this often. */
const HIDDEN_MS = 1000;

/** A function that has `run` called once at the next animation frame, however often it is called before. */
export function onNextFrame(run: () => void): () => void {
  let frame: number | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const go = (): void => {
    if (frame !== null) cancelAnimationFrame(frame);
    if (timer !== null) clearTimeout(timer);
    frame = null;
    timer = null;
    run();
  };
  return () => {
    if (frame !== null) return;
    frame = requestAnimationFrame(go);
    timer = setTimeout(go, HIDDEN_MS);
  };
}
