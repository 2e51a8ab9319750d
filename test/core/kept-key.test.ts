/** The key of a keychain that changes while the feed is watched: a real core and a real feed, whose server turns other keys away. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CommandArgs, CommandName, LinkPhase, Message } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { KeychainError } from '../../main/core/keychain.ts';
import type { SecretStore } from '../../main/core/ports.ts';
import { type DemoFeed, startDemoFeed } from '../../main/demo/feed.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const WAIT = { timeout: 20_000 };
const RIGHT = 'the-right-key';
const OTHER = 'another-key';

let folder: TemporaryFolder;
let feed: DemoFeed;
let core: Core;
let kept: string | null;
let isLocked: boolean;
let reads: number;
/** What the keychain calls once it was unlocked. */
let unlocked: () => void;
const secrets: SecretStore = {
  get: async () => {
    reads++;
    if (isLocked) throw new KeychainError('locked', 'The keychain is locked.', 'Unlock it.');
    return kept;
  },
  set: async (key) => void (kept = key),
  forget: async () => void (kept = null),
  unlocked: (listener) => (unlocked = listener),
};

beforeEach(async () => {
  folder = temporaryFolder();
  feed = await startDemoFeed({ port: 0, seed: 3, rate: 20, key: RIGHT });
  kept = RIGHT;
  isLocked = false;
  reads = 0;
});
afterEach(async () => {
  await core.close();
  await feed.close();
  folder.remove();
});

async function start(): Promise<void> {
  core = await createCore({
    ...{ host: 'browser', version: '0', folder: folder.path, environmentKey: null },
    addresses: feed.addresses,
    ports: { ...nodePorts(), logger: { log: () => undefined }, secrets },
  });
  await core.resume();
}

/** A command's value. */
function ask<N extends CommandName>(command: N, args: CommandArgs<N>): Promise<unknown> {
  return new Promise((resolve) => {
    const client = core.connect((message: Message) => {
      if (message.kind !== 'reply') return;
      client.close();
      resolve(message.result.ok ? message.result.value : message.result.error);
    });
    client.request({ id: 1, command, args });
  });
}

const phases = (): LinkPhase[] => Object.values(core.links()).map(({ phase }) => phase);
const become = (phase: LinkPhase): Promise<void> => expect.poll(phases, WAIT).toEqual([phase, phase]);

describe('the key of a keychain that was locked at the start', () => {
  it('is read when the user asks again, and then the feed is watched', async () => {
    isLocked = true;
    await start();
    await ask('key.retry', {});
    expect(phases()).toEqual(['idle', 'idle']);
    isLocked = false;
    await ask('key.retry', {});
    await become('live');
  });

  it('is read by itself once the keychain was unlocked', async () => {
    isLocked = true;
    await start();
    isLocked = false;
    unlocked();
    await become('live');
  });

  it('does not take the place of the demo feed', async () => {
    isLocked = true;
    await start();
    await core.start('demo');
    isLocked = false;
    await ask('key.retry', {});
    expect(feed.connections).toEqual({ trades: 0, candles: 0 });
    await become('live');
    await core.start('live');
    await become('live');
    expect(feed.connections).toEqual({ trades: 1, candles: 1 });
  });
});

describe('a key that another program changes', () => {
  it('is used once the server refuses the old one', async () => {
    await start();
    await become('live');
    kept = OTHER;
    feed.dropConnections();
    await become('live');
    expect(reads).toBe(1);

    const { port } = feed;
    await feed.close();
    feed = await startDemoFeed({ port, seed: 3, rate: 20, key: OTHER });
    await expect.poll(() => feed.connections, WAIT).toEqual({ trades: 1, candles: 1 });
    await become('live');
  });

  it('is used when the user tries a refused link again', async () => {
    kept = OTHER;
    await start();
    await become('refused');
    // Each refusal has it read again.
    await expect.poll(() => reads, WAIT).toBe(3);
    kept = RIGHT;
    await ask('link.retry', { endpoint: 'candles' });
    await become('live');
  });

  it('is what a test tries, and used from then on', async () => {
    await start();
    await become('live');
    kept = OTHER;
    const refused = { problem: { kind: 'unauthorized' } };
    expect(await ask('key.test', { key: null })).toMatchObject({ verdicts: [refused, refused] });
    await become('refused');
    kept = RIGHT;
    const accepted = { problem: null };
    expect(await ask('key.test', { key: null })).toMatchObject({ verdicts: [accepted, accepted] });
    await become('live');
  });

  it('of a keychain that is locked now, or has none any more, leaves the feed as it is', async () => {
    await start();
    await become('live');
    isLocked = true;
    const accepted = { problem: null };
    expect(await ask('key.test', { key: null })).toMatchObject({ verdicts: [accepted, accepted] });
    isLocked = false;
    kept = null;
    expect(await ask('key.test', { key: null })).toMatchObject({ verdicts: [accepted, accepted] });
    expect(phases()).toEqual(['live', 'live']);
    expect(kept).toBeNull();
  });
});
