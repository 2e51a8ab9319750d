/** A core that stands by while another records into the folder, both whole. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CommandArgs, CommandName, RecordingState } from '../../main/core/contract.ts';
import { type Core, createCore } from '../../main/core/core.ts';
import type { Result } from '../../main/core/result.ts';
import { nodePorts } from '../../main/headless/ports.ts';
import { type TemporaryFolder, temporaryFolder } from '../helpers/quipu.ts';

const WAIT = { timeout: 30_000 };

interface View {
  readonly core: Core;
  readonly recording: () => RecordingState | null;
  readonly ask: <N extends CommandName>(command: N, args: CommandArgs<N>) => Promise<Result<unknown>>;
}

let folder: TemporaryFolder;
const open: View[] = [];

async function start(standsBy: boolean): Promise<View> {
  const core = await createCore({
    ...{ host: 'browser', version: '0', folder: folder.path, addresses: {}, environmentKey: null, standsBy },
    ports: { ...nodePorts(), logger: { log: () => undefined } },
  });
  let recording: RecordingState | null = null;
  const waiting = new Map<number, (result: Result<unknown>) => void>();
  const client = core.connect((message) => {
    if (message.kind === 'reply') waiting.get(message.id)?.(message.result);
    else if (message.event.type === 'snapshot') recording = message.event.snapshot.recording;
    else if (message.event.type === 'recording') recording = message.event.recording;
  });
  let id = 0;
  const view: View = {
    core,
    recording: () => recording,
    ask: (command, args) =>
      new Promise((done) => {
        waiting.set(++id, done);
        client.request({ id, command, args });
      }),
  };
  open.push(view);
  return view;
}

async function states({ ask }: View): Promise<string[]> {
  const listed = await ask('sessions.list', {});
  if (!listed.ok) throw new Error(listed.error.message);
  return (listed.value as { sessions: { state: string }[] }).sessions.map(({ state }) => state);
}

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(async () => {
  for (const { core } of open.splice(0)) await core.close();
  folder.remove();
});

it('reads the record of the demo feed for as long as the other one watches it', async () => {
  const first = await start(false);
  await first.core.start('demo');
  const second = await start(true);
  await second.core.resume();

  await expect.poll(() => states(second), WAIT).toEqual(['recording']);
  expect(second.recording()?.problem?.action).toContain('of the demo feed can be read here');
  expect(await second.ask('sessions.edit', { session: 1, name: 'mine' })).toMatchObject({
    ok: false,
    error: { kind: 'in-use', action: second.recording()?.problem?.action },
  });

  // The user's own record has no session.
  await first.ask('source.set', { source: 'none' });
  await expect.poll(() => states(second), WAIT).toEqual([]);
  expect(second.recording()?.problem?.action).not.toContain('demo');

  await first.ask('source.set', { source: 'demo' });
  await expect.poll(() => states(second), WAIT).toEqual(['ended', 'recording']);
});

it('goes on with the demo feed once the other one has ended', async () => {
  const first = await start(false);
  await first.core.start('demo');
  const second = await start(true);
  await second.core.resume();
  await expect.poll(() => states(second), WAIT).toEqual(['recording']);
  await first.core.close();
  await expect.poll(() => second.recording()?.state, WAIT).toBe('recording');
  expect(await states(second)).toEqual(['ended', 'recording']);
});
