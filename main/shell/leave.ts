/** The way out: what was received is saved first, and the user is asked when that cannot be done. */

export type LeaveAnswer = 'wait' | 'leave';

export interface WayOut {
  /** Why what was received cannot be saved at present; null: nothing is known to be wrong. */
  readonly trouble: () => string | null;
  /** Saves and closes. The first call counts; what the disk refuses by then is not tried again. */
  readonly close: () => Promise<void>;
  /** Asks the user, who may take for ever; `over`: there is no need to any more. null: nobody is there to ask. */
  readonly ask: ((why: string, over: AbortSignal) => Promise<LeaveAnswer>) | null;
  /** How long it may take before the user is asked, and between questions, ms. */
  readonly patience: number;
  /** How often `trouble` is looked at while it is waited for to end, ms. */
  readonly look: number;
}

/**
 * @returns null when all was saved, else why not, for the user
 */
export async function leave(way: WayOut): Promise<string | null> {
  const left = await waitForDisk(way);
  const closing = way.close().then(
    () => ({ why: null }),
    (error: unknown) => ({ why: error instanceof Error ? error.message : String(error) }),
  );
  for (;;) {
    const done = await Promise.race([closing, after(way.patience)]);
    if (done !== undefined) return left ?? done.why;
    const why = `Saving takes longer than ${Math.round(way.patience / 1000)} s.`;
    if (left !== null || way.ask === null) return left ?? why;
    if (
      (await askUntil(
        way.ask,
        why,
        closing.then(() => undefined),
      )) === 'leave'
    )
      return why;
  }
}

/** Closing tries once, so a disk that refuses is waited for before. @returns why it was not waited for longer */
async function waitForDisk(way: WayOut): Promise<string | null> {
  for (;;) {
    const why = way.trouble();
    if (why === null) return null;
    if (way.ask === null) return why;
    const healed = new AbortController();
    const answer = await askUntil(
      way.ask,
      why,
      waitUntil(() => way.trouble() === null, way.look, healed.signal),
    );
    healed.abort();
    if (answer === 'leave') return why;
    const patient = new AbortController();
    await Promise.race([
      after(way.patience),
      waitUntil(() => way.trouble() === null, way.look, patient.signal),
    ]);
    patient.abort();
  }
}

/** The user's answer; `wait` when there is no need to ask any more, and the question is taken back. */
async function askUntil(
  ask: NonNullable<WayOut['ask']>,
  why: string,
  needless: Promise<void>,
): Promise<LeaveAnswer> {
  const over = new AbortController();
  const answer = await Promise.race([ask(why, over.signal), needless.then((): LeaveAnswer => 'wait')]);
  over.abort();
  return answer;
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}

/** Resolves when `holds`, or when `end` says that nobody waits. */
async function waitUntil(holds: () => boolean, look: number, end: AbortSignal): Promise<void> {
  while (!holds() && !end.aborted) await after(look);
}
