/**
 * Wrong calls of every command: in the core's own process, through a MessagePort and through the loopback
 * host. None may be taken, none may do anything, and a right one must be answered after all of them.
 */
import assert from 'node:assert/strict';
import type { CommandName, Message, Snapshot } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import type { SecretStore } from '../../main/core/ports.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { TRANSPORTS, type View } from './transports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';
import { between, chance, type Chance, pick } from '../faults/chance.ts';
import { isRight, nearTo, SHAPES } from './command-shapes.ts';

export interface CommandFuzz {
  readonly seed: number;
  /** Wrong calls of each command by each way. */
  readonly calls: number;
  readonly commands: number;
  /** By way, all that were refused with `bad-argument`. */
  readonly refused: Readonly<Record<string, number>>;
  /** Messages that were no request at all, or named no command. */
  readonly foreign: number;
}

const NOWHERE = 'ws://127.0.0.1:1/none';
const COMMANDS = Object.keys(SHAPES) as CommandName[];
/** Sent before the answers of the former are waited for. */
const AT_ONCE = 500;

/** What reaches the core of what was sent: itself, its clone, or what JSON keeps of it. */
const CARRIED: Readonly<Record<string, (args: unknown) => unknown>> = {
  'in its process': (args) => args,
  'a MessagePort': (args) => structuredClone(args),
  'the loopback WebSocket': (args) => JSON.parse(JSON.stringify({ args })) as unknown,
};

/** @param calls of each command by each way */
export async function fuzzCommands(
  calls: Readonly<Record<string, number>>,
  seed: number,
): Promise<CommandFuzz> {
  const folder = temporaryFolder();
  const did: string[] = [];
  const core = await openCore(folder, did);
  const refused: Record<string, number> = {};
  let foreign = 0;
  try {
    for (const [way, count] of Object.entries(calls)) {
      const transport = way === 'in its process' ? null : await (TRANSPORTS[way]?.(core) ?? null);
      const view = await (transport === null ? inProcess(core) : transport.open());
      const random = chance(seed);
      try {
        const asked = new Asked(view, seed);
        const before = JSON.stringify(await asked.state(core));
        refused[way] = 0;
        for (const command of COMMANDS) refused[way] += await wrongCalls(asked, way, command, count, random);
        foreign += await foreignCalls(asked, Math.min(count, 2_000), random, transport !== null);
        assert.equal(JSON.stringify(await asked.state(core)), before, 'nothing has changed');
        assert.deepEqual(did, [], 'nothing was done');
        assert.equal((await asked.ask('sessions.list', {})).ok, true, 'what is right is answered');
      } finally {
        view.close();
        await transport?.close();
      }
    }
  } finally {
    await core.close();
    folder.remove();
  }
  const most = Math.max(...Object.values(calls));
  return { seed, calls: most, commands: COMMANDS.length, refused, foreign };
}

/** @param did gets a word for each effect that a call could have outside of the core */
function openCore(folder: TemporaryFolder, did: string[]): Promise<Core> {
  const secrets: SecretStore = {
    get: async () => null,
    set: async () => void did.push('key kept'),
    forget: async () => void did.push('key forgotten'),
  };
  const ports = nodePorts();
  return createCore({
    ...{ host: 'browser', version: '0', folder: folder.path, environmentKey: null },
    addresses: { trades: NOWHERE, candles: NOWHERE, dictionary: 'http://127.0.0.1:1' },
    ports: {
      ...ports,
      secrets,
      logger: { log: (level, message) => void (level === 'error' && did.push(message)) },
      sockets: (...given) => {
        did.push('socket opened');
        return ports.sockets(...given);
      },
      startDemoFeed: () => {
        did.push('demo feed started');
        return ports.startDemoFeed();
      },
    },
  });
}

/** No transport: what a view sends is what the core gets, prototypes and all. */
function inProcess(core: Core): View {
  let listener: (message: Message) => void = () => undefined;
  const client = core.connect((message) => listener(message));
  return {
    send: (request) => client.request(request),
    sendRaw: (value) => client.request(value),
    onMessage: (given) => {
      listener = given;
    },
    onClose: () => undefined,
    close: () => client.close(),
  };
}

type Reply = Extract<Message, { kind: 'reply' }>['result'];

/** A view's answers, by their number. */
class Asked {
  readonly view: View;
  readonly seed: number;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #id = 0;
  closed: string | null = null;

  constructor(view: View, seed: number) {
    this.view = view;
    this.seed = seed;
    view.onMessage((message) => {
      if (message.kind !== 'reply') return;
      this.#waiting.get(message.id)?.(message.result);
      this.#waiting.delete(message.id);
    });
    view.onClose((why) => {
      this.closed = why;
    });
  }

  ask(command: string, args: unknown): Promise<Reply> {
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.view.send({ id, command, args });
    });
  }

  /** What calls could change. */
  state(core: Core): Promise<Partial<Snapshot>> {
    return new Promise((resolve) => {
      const client = core.connect((message) => {
        if (message.kind !== 'event' || message.event.type !== 'snapshot') return;
        const { dialect, key, notice, recording, settings, source, watchlist } = message.event.snapshot;
        resolve({ dialect, key, notice, recording, settings, source, watchlist });
      });
      client.close();
    });
  }
}

async function wrongCalls(
  asked: Asked,
  way: string,
  command: CommandName,
  count: number,
  random: Chance,
): Promise<number> {
  const shape = SHAPES[command];
  const carried = CARRIED[way] ?? ((args) => args);
  let made = 0;
  while (made < count) {
    const replies: Promise<void>[] = [];
    while (replies.length < AT_ONCE && made < count) {
      const args = nearTo(shape, random);
      let seen: unknown;
      try {
        seen = carried(args);
      } catch {
        // What cannot be cloned or written as JSON cannot be sent either.
        continue;
      }
      const arrives = way === 'the loopback WebSocket' ? (seen as { args?: unknown }).args : seen;
      if (isRight(shape, arrives)) continue;
      made++;
      replies.push(
        asked.ask(command, args).then((reply) => {
          if (!reply.ok && reply.error.kind === 'bad-argument') return;
          const text = JSON.stringify({ args: arrives, reply }).slice(0, 1_000);
          throw new Error(`seed ${asked.seed}, ${way}, ${command}: not refused\n${text}`);
        }),
      );
    }
    await Promise.all(replies);
  }
  assert.equal(asked.closed, null, `${way}: the view was ended`);
  return made;
}

/** Names that every object answers to, and none is a command. */
const NAMES: readonly [string, ...string[]] = [
  ...(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'then', ''] as const),
  ...['key.get', 'KEY.SET', 'key.set ', 'key', 'eval', '../key.set', 'x'.repeat(10_000)],
];

/** Messages that are no request get no answer; requests for no command get one that says so. */
async function foreignCalls(asked: Asked, count: number, random: Chance, json: boolean): Promise<number> {
  for (let n = 0; n < count; n++) {
    const id = pick<unknown>(random, ['1', null, [1], { valueOf: 1 }, true]);
    const request = { id, command: pick(random, COMMANDS as [CommandName]), args: {} };
    const wrong: readonly [unknown, ...unknown[]] = [
      ...([null, 7, 'key.forget', [], {}, request] as const),
      ...[{ ...request, id: 1, command: ['key.forget'] }, { id: 1, command: null }, [request]],
      ...[{ id: 1, command: { toString: 'key.forget' }, args: {} }],
    ];
    asked.view.sendRaw(pick(random, wrong));
    if (n % AT_ONCE !== 0) continue;
    const name =
      json || random() < 0.5 ? pick(random, NAMES) : `${pick(random, NAMES)}${between(random, 0, 9)}`;
    const reply = await asked.ask(name, {});
    assert.equal(reply.ok ? 'taken' : reply.error.kind, 'unknown-command', name.slice(0, 60));
    assert.ok(JSON.stringify(reply).length < 500, 'the answer does not repeat all of what was sent');
  }
  for (const name of NAMES) {
    const reply = await asked.ask(name, {});
    assert.equal(reply.ok ? 'taken' : reply.error.kind, 'unknown-command', name.slice(0, 60));
  }
  return count;
}

if (process.argv[1] === import.meta.filename) {
  const [calls = 10_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
  const begun = performance.now();
  const ways = Object.fromEntries(Object.keys(CARRIED).map((way) => [way, calls]));
  const report = await fuzzCommands(ways, seed);
  const seconds = (performance.now() - begun) / 1000;
  console.log(JSON.stringify({ seconds: Number(seconds.toFixed(1)), ...report }));
}
