/** The user's wish to end a command that runs until then. */

/** npm hands a terminal's Ctrl-C on to us, who had it from the terminal already: that is one wish. */
const SAME_WISH_MS = 1_000;

const LOOK_MS = 500;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP, and when the npm that started this command is gone:
 * npm hands SIGTERM to the shell between them, which ends without telling us. A later signal ends the
 * process at once.
 */
export function ended(): Promise<void> {
  return new Promise((resolve) => {
    if (process.env['npm_lifecycle_event'] !== undefined && process.platform !== 'win32') {
      const parent = process.ppid;
      const look = setInterval(() => {
        if (process.ppid === parent) return;
        clearInterval(look);
        resolve();
      }, LOOK_MS);
      look.unref();
    }
    let askedAt: number | null = null;
    const ask = (signal: NodeJS.Signals): void => {
      if (askedAt === null) {
        askedAt = performance.now();
        resolve();
      } else if (performance.now() - askedAt > SAME_WISH_MS) {
        // 128 + the signal's number, as shells have it.
        process.exit(signal === 'SIGINT' ? 130 : 143);
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  });
}
