import { describe, expect, it } from 'vitest';
import { leave, type LeaveAnswer, type WayOut } from '../../main/shell/leave.ts';

interface Made {
  readonly way: WayOut;
  readonly questions: string[];
  /** Questions that were taken back. */
  taken: number;
  closed: number;
}

/** @param answers in their order; null: the user does not answer */
function wayOut(given: Partial<WayOut>, answers: readonly (LeaveAnswer | null)[] = []): Made {
  const left = [...answers];
  const made: Made = {
    questions: [],
    taken: 0,
    closed: 0,
    way: {
      trouble: () => null,
      patience: 5,
      look: 1,
      ask: (why, over) => {
        made.questions.push(why);
        const answer = left.shift() ?? null;
        if (answer !== null) return Promise.resolve(answer);
        return new Promise((done) => {
          over.addEventListener('abort', () => {
            made.taken++;
            done('wait');
          });
        });
      },
      ...given,
      close: () => {
        made.closed++;
        return given.close?.() ?? Promise.resolve();
      },
    },
  };
  return made;
}

const FULL = 'The disk is full.';

describe('the way out', () => {
  it('asks nothing when all is saved', async () => {
    const made = wayOut({});
    expect(await leave(made.way)).toBeNull();
    expect(made).toMatchObject({ questions: [], closed: 1 });
  });

  it('waits for a disk that refuses, and takes the question back once it does not', async () => {
    let full = true;
    const made = wayOut({ trouble: () => (full ? FULL : null) }, [null]);
    const left = leave(made.way);
    await Promise.resolve();
    expect(made).toMatchObject({ questions: [FULL], closed: 0 });
    full = false;
    expect(await left).toBeNull();
    expect(made).toMatchObject({ questions: [FULL], taken: 1, closed: 1 });
  });

  it('asks again after a while, and leaves when it is told to', async () => {
    const made = wayOut({ trouble: () => FULL }, ['wait', 'wait', 'leave']);
    expect(await leave(made.way)).toBe(FULL);
    expect(made).toMatchObject({ questions: [FULL, FULL, FULL], closed: 1 });
  });

  it('asks when saving takes long, and ends by itself when it is done', async () => {
    let done = (): void => undefined;
    const close = (): Promise<void> => new Promise((resolve) => (done = resolve));
    const made = wayOut({ close }, ['wait', null]);
    const left = leave(made.way);
    await expect.poll(() => made.questions.length).toBe(2);
    done();
    expect(await left).toBeNull();
    expect(made).toMatchObject({ taken: 1, closed: 1 });
  });

  it('leaves what takes for ever', async () => {
    const made = wayOut({ close: () => new Promise(() => undefined) }, ['leave']);
    expect(await leave(made.way)).toMatch('longer than');
  });

  it('tells why it could not be closed', async () => {
    const made = wayOut({ close: () => Promise.reject(new Error('No.')) });
    expect(await leave(made.way)).toBe('No.');
    expect(made.questions).toEqual([]);
  });

  it('waits for nobody when nobody is there', async () => {
    const made = wayOut({ ask: null, trouble: () => FULL });
    expect(await leave(made.way)).toBe(FULL);
    expect(made.closed).toBe(1);
    expect(await leave(wayOut({ ask: null, close: () => new Promise(() => undefined) }).way)).toMatch(
      'longer than',
    );
  });
});
