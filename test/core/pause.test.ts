/** A pause of the user's, through the whole core with the demo feed. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CommandArgs, CommandName, CoreEvent, RecordingState } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

let folder: TemporaryFolder;
let core: Core;
let recording: RecordingState | null;
let mutedUntil: number | null;
let ask: <N extends CommandName>(command: N, args: CommandArgs<N>) => Promise<void>;

async function open(): Promise<void> {
  core = await createCore({
    host: 'browser',
    version: '0',
    folder: folder.path,
    addresses: {},
    environmentKey: null,
    ports: { ...nodePorts(), logger: { log: () => undefined } },
  });
  const waiting = new Map<number, () => void>();
  const take = (event: CoreEvent): void => {
    if (event.type === 'snapshot') {
      recording = event.snapshot.recording;
      mutedUntil = event.snapshot.announcements.mutedUntil;
    } else if (event.type === 'recording') recording = event.recording;
  };
  const client = core.connect((message) => {
    if (message.kind === 'event') take(message.event);
    else waiting.get(message.id)?.();
  });
  let id = 0;
  ask = (command, args) =>
    new Promise((done) => {
      waiting.set(++id, done);
      client.request({ id, command, args });
    });
}

beforeEach(async () => {
  folder = temporaryFolder();
  recording = null;
  await open();
});

afterEach(async () => {
  await core.close();
  folder.remove();
});

it('is told from a recording that has no feed, and ends with resume, another feed and a restart', async () => {
  expect(recording).toEqual({ state: 'stopped', session: null, problem: null });
  await core.start('demo');
  expect(recording?.state).toBe('recording');

  const before = Date.now();
  await ask('recording.set', { on: false });
  expect(recording?.state).toBe('stopped');
  expect(recording?.pausedSince).toBeGreaterThanOrEqual(before);
  await ask('recording.set', { on: true });
  expect(recording).toMatchObject({ state: 'recording' });
  expect(recording).not.toHaveProperty('pausedSince');

  await ask('recording.set', { on: false });
  await core.start('demo');
  expect(recording).toMatchObject({ state: 'recording' });

  await ask('recording.set', { on: false });
  await core.close();
  await open();
  await core.resume();
  expect(recording).toMatchObject({ state: 'recording' });
});

it('a mute survives a restart', async () => {
  await ask('announcements.mute', { for: 'hour' });
  await core.close();
  await open();
  expect(mutedUntil).toBeGreaterThan(Date.now() + 3_500_000);
  await ask('announcements.mute', { for: 'off' });
  await core.close();
  await open();
  expect(mutedUntil).toBeNull();
});
