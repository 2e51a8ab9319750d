import { describe, expect, it } from 'vitest';
import { backoff } from '../../../main/core/session/backoff.ts';
import {
  endsAttempts,
  isBreach,
  problemOfClose,
  problemOfError,
  problemOfStatus,
  retryAfter,
  standingBreach,
} from '../../../main/core/session/problem.ts';

describe('statuses of the handshake', () => {
  it.each([
    [401, 'unauthorized', true],
    [403, 'forbidden', true],
    [429, 'rate-limited', false],
    [503, 'unavailable', false],
    [500, 'unavailable', false],
    [302, 'redirect', false],
    [200, 'portal', false],
    [404, 'rejected', false],
  ])('%i is %s', (status, kind, ends) => {
    const problem = problemOfStatus(status, {});
    expect(problem).toMatchObject({ kind, status, serverWords: null });
    expect(problem.action).not.toBe('');
    expect(endsAttempts(problem)).toBe(ends);
  });

  it('carries the server’s words, bounded and without control characters', () => {
    const words = `no\u202esuch\nkey ${'x'.repeat(5_000)}`;
    const { serverWords } = problemOfStatus(401, { 'x-inca-error-message': words });
    expect(serverWords).toMatch(/^no ?such key x+$/);
    expect(serverWords?.length).toBeLessThanOrEqual(500);
  });
});

describe('errors of the socket', () => {
  const error = (code: string): Error => Object.assign(new Error(code), { code });
  it.each([
    ['ENOTFOUND', 'dns'],
    ['ECONNREFUSED', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'timeout'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['ECONNRESET', 'broken'],
  ])('%s is %s', (code, kind) => {
    expect(problemOfError(error(code)).kind).toBe(kind);
  });

  it('a handshake that times out is a timeout', () => {
    expect(problemOfError(new Error('Opening handshake has timed out')).kind).toBe('timeout');
  });

  it('a close carries its reason as the server’s words', () => {
    expect(problemOfClose(1013, 'later')).toMatchObject({ kind: 'closed', serverWords: 'later' });
    expect(problemOfClose(1006, '').serverWords).toBeNull();
  });
});

it('a breach of policy that stands says what to do, and keeps the server’s words', () => {
  const breach = problemOfClose(1008, 'too many markets');
  expect([isBreach(breach), isBreach(problemOfClose(1013, ''))]).toEqual([true, false]);
  expect(standingBreach(breach)).toMatchObject({
    kind: 'policy',
    closeCode: 1008,
    serverWords: 'too many markets',
    action: expect.stringContaining('try again') as string,
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2024-01-15T18:00:00Z');
  it.each([
    ['30', 30_000],
    ['0', 1_000],
    ['99999999', 900_000],
    ['Mon, 15 Jan 2024 18:01:00 GMT', 60_000],
    ['Mon, 15 Jan 2024 17:00:00 GMT', 1_000],
    ['soon', null],
  ])('%s', (value, ms) => {
    expect(retryAfter({ 'retry-after': value }, now)).toBe(ms);
  });
  it('may be absent', () => expect(retryAfter({}, now)).toBeNull());
});

it('back-off has full jitter under a growing bound of at most 60 s', () => {
  expect(backoff(0, 0)).toBe(0);
  expect(backoff(0, 0.999)).toBeLessThanOrEqual(1_000);
  expect(backoff(3, 0.5)).toBe(4_000);
  expect(backoff(50, 0.999_999)).toBeLessThanOrEqual(60_000);
  expect(backoff(50, 0.999_999)).toBeGreaterThan(59_000);
});
