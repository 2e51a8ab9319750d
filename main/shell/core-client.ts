/** The shell as a view of the core: it hears the events and gives commands as a page does. */
import type { CommandArgs, CommandName, CommandValue, CoreEvent } from '../core/contract.ts';
import type { Core } from '../core/core.ts';
import type { Result } from '../core/result.ts';

export interface ShellClient {
  ask<N extends CommandName>(command: N, args: CommandArgs<N>): Promise<Result<CommandValue<N>>>;
}

/** @param take gets a snapshot before this returns, then every event that all views get */
export function shellClient(core: Core, take: (event: CoreEvent) => void): ShellClient {
  const waiting = new Map<number, (result: Result<unknown>) => void>();
  let lastId = 0;
  const client = core.connect((message) => {
    if (message.kind === 'event') {
      take(message.event);
      return;
    }
    waiting.get(message.id)?.(message.result);
    waiting.delete(message.id);
  });
  return {
    ask: <N extends CommandName>(command: N, args: CommandArgs<N>) =>
      new Promise<Result<CommandValue<N>>>((resolve) => {
        const id = ++lastId;
        // The contract says what a command's value is.
        waiting.set(id, (result) => resolve(result as Result<CommandValue<N>>));
        client.request({ id, command, args });
      }),
  };
}
