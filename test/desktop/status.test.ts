import { describe, expect, it } from 'vitest';
import type { CoreEvent, LinkPhase, LinkState, RecordingState } from '../../main/core/contract.ts';
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
