/** The user's wish to end a command that runs until then. */

/** Resolves at the first SIGINT, SIGTERM or SIGHUP. A second one ends the process at once. */
export function ended(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (signal: NodeJS.Signals): void => {
      // 128 + the signal's number, as shells have it.
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
      asked = true;
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, ask);
  });
}
