/** A view that remembers what it was sent. */
import type { CommandArgs, CommandName, CommandValue, CoreEvent, Message } from '../../main/core/contract.ts';
import type { Result } from '../../main/core/result.ts';
import type { View } from './transports.ts';

export class Client {
  readonly view: View;
  readonly messages: Message[] = [];
  closed: string | null = null;
  readonly #waiting = new Map<number, (result: Result<unknown>) => void>();
  #nextId = 1;

  constructor(view: View) {
    this.view = view;
    view.onMessage((message) => {
      this.messages.push(message);
      if (message.kind !== 'reply') return;
      this.#waiting.get(message.id)?.(message.result);
      this.#waiting.delete(message.id);
    });
    view.onClose((why) => {
      this.closed = why;
    });
  }

  get events(): CoreEvent[] {
    return this.messages.flatMap((message) => (message.kind === 'event' ? [message.event] : []));
  }

  eventsOf<T extends CoreEvent['type']>(type: T): Extract<CoreEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<CoreEvent, { type: T }> => event.type === type);
  }

  /** Whatever it is called and given. */
  ask(command: string, args: unknown): Promise<Result<unknown>> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.view.send({ id, command, args });
    });
  }

  /** @throws when it is refused */
  async call<N extends CommandName>(command: N, args: CommandArgs<N>): Promise<CommandValue<N>> {
    const result = await this.ask(command, args);
    if (!result.ok) throw new Error(`${command}: ${result.error.kind}: ${result.error.message}`);
    return result.value as CommandValue<N>;
  }
}
