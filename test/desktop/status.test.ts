import { describe, expect, it } from 'vitest';
import type {
  Announcement,
  CoreEvent,
  LinkPhase,
  LinkState,
  RecordingState,
} from '../../main/core/contract.ts';
import { type Status, statusAfter, trayWords } from '../../main/shell/status.ts';

function link(endpoint: 'trades' | 'candles', phase: LinkPhase, message?: string): LinkState {
  return {
    endpoint,
    url: 'wss://feed.example/ws',
    phase,
    since: 0,
    problem:
      message === undefined
        ? null
        : { kind: 'unauthorized', status: 401, serverWords: 'no', message, action: 'Enter the key.' },
    retryAt: null,
    attempt: 0,
    connections: 0,
    messagesPerSecond: 0,
    bytesPerSecond: 0,
    lagP50: null,
    lagP95: null,
    lagP99: null,
    clockOffset: null,
    roundTrip: null,
    refused: 0,
  };
}

const RECORDING: RecordingState = { state: 'recording', session: null, problem: null };

const status = (trades: LinkPhase, candles: LinkPhase, recording = RECORDING): Status => ({
  source: 'live',
  links: { trades: link('trades', trades), candles: link('candles', candles) },
  recording,
  announcements: { items: [], mutedUntil: null },
});

const alert: Announcement = {
  id: 1,
  kind: 'alert',
  title: 'tall',
  body: '',
  target: { view: 'live', market: 'm', at: 0 },
  at: 0,
  count: 1,
  state: 'passed',
  seen: false,
};
const alerted = (before: Status, over: Partial<Announcement> = {}): Status => ({
  ...before,
  announcements: { items: [{ ...alert, ...over }], mutedUntil: null },
});

describe('the words of the tray', () => {
  it.each([
    ['live', 'live', 'live'],
    ['live', 'waiting', 'degraded'],
    ['stale', 'live', 'degraded'],
    ['waiting', 'refused', 'disconnected'],
    ['connecting', 'handshaking', 'disconnected'],
  ] as const)('trades %s and candles %s is %s', (trades, candles, shape) => {
    expect(trayWords(status(trades, candles)).shape).toBe(shape);
  });

  it('says above all that nothing is recorded, and why', () => {
    const problem = { kind: 'storage', message: 'The disk is full.' } as const;
    const words = trayWords(status('live', 'live', { state: 'failed', session: null, problem }));
    expect(words.shape).toBe('not-recording');
    expect(words.lines).toEqual(['Not recording: The disk is full.', 'Trades live', 'Candles live']);
  });

  it('tells a pause of the user’s from what cannot be recorded', () => {
    const paused: RecordingState = {
      state: 'stopped',
      session: null,
      problem: null,
      pausedSince: Date.parse('2024-01-15T18:02:00Z'),
    };
    const words = trayWords(status('live', 'live', paused));
    expect(words).toEqual({
      shape: 'paused',
      title: 'Quipu: recording is paused',
      lines: ['Paused since 15 Jan 18:02 UTC: nothing is recorded', 'Trades live', 'Candles live'],
    });
    const none: RecordingState = { state: 'stopped', session: null, problem: null };
    expect(trayWords(status('idle', 'idle', none)).shape).toBe('not-recording');
  });

  it('shows an alert until it was seen, after what hinders the record', () => {
    expect(trayWords(alerted(status('live', 'live')))).toMatchObject({
      shape: 'alert',
      title: 'Quipu: 1 alert',
    });
    expect(trayWords(alerted(status('live', 'waiting'))).shape).toBe('alert');
    expect(trayWords(alerted(status('waiting', 'waiting')))).toMatchObject({
      shape: 'disconnected',
      title: 'Quipu: disconnected, 1 alert',
    });
    expect(trayWords(alerted(status('live', 'live'), { seen: true })).shape).toBe('live');
    expect(trayWords(alerted(status('live', 'live'), { kind: 'gap-lost' })).shape).toBe('live');
  });

  it('is not recording before the core is there', () => {
    expect(trayWords(null).shape).toBe('not-recording');
  });

  it('follows each event by itself', () => {
    const before = status('live', 'live');
    const refused: CoreEvent = {
      type: 'link',
      link: link('trades', 'refused', 'The server does not accept this API key.'),
    };
    const after = statusAfter(before, refused);
    expect(trayWords(after)).toEqual({
      shape: 'degraded',
      title: 'Quipu: one of two endpoints is live',
      lines: ['Recording', 'Trades refused: The server does not accept this API key.', 'Candles live'],
    });
    expect(statusAfter(null, refused)).toBeNull();
    expect(statusAfter(before, { type: 'ticks', ticks: [] })).toBe(before);
  });
});
