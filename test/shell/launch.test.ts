import { describe, expect, it } from 'vitest';
import { argumentsOf, LaunchError, parseLaunch, parseLink } from '../../main/shell/launch.ts';

const MAIN = { kind: 'main' };
const market = (id: string): unknown => ({ kind: 'market', market: id });
const session = (number: number): unknown => ({ kind: 'session', session: number });

describe('what the app is started with', () => {
  it.each([
    [[], MAIN],
    [['--no-sandbox', '--inspect=0', '.', 'some/file'], MAIN],
    [['--market', 'binance btc/usdt'], market('binance btc/usdt')],
    [['--market=a=b'], market('a=b')],
    [['--session', '12'], session(12)],
    [['--session=12', '--no-sandbox'], session(12)],
    [['quipu://market/a%2Fb%20c'], market('a/b c')],
    [['QUIPU://Session/7/'], session(7)],
  ])('%j', (args, place) => {
    expect(parseLaunch(args)).toEqual({ place, isHidden: false, isDemo: false });
  });

  it('flags stand beside it', () => {
    expect(parseLaunch(['--hidden', '--demo'])).toEqual({ place: MAIN, isHidden: true, isDemo: true });
  });

  it.each([
    [['--market']],
    [['--market', '--hidden']],
    [['--market=']],
    [['--market', 'x'.repeat(201)]],
    [['--market', 'a\nb']],
    [['--session']],
    [['--session', '0']],
    [['--session', '1e3']],
    [['--session=-1']],
    [['--session', '1', '--market', 'a']],
    [['quipu://market/a', 'quipu://market/a']],
    [['quipu:']],
    [['quipu://market']],
    [['quipu://market/a/b']],
    [['quipu://market/a?b']],
    [['quipu://market/%ff']],
    [['quipu://session/x']],
    [['quipu://settings/1']],
    [['quipu://user@market/a']],
  ])('refuses %j', (args) => {
    expect(() => parseLaunch(args)).toThrow(LaunchError);
  });

  it('shows of an address what cannot mislead', () => {
    expect(() => parseLink('quipu://\u202eevil\u0007/')).toThrow('“quipu://?evil?/”');
    expect(() => parseLink(`quipu://${'x'.repeat(5_000)}`)).toThrow(/^.{1,300}$/);
  });

  it('takes of another process nothing but a list of texts', () => {
    expect(argumentsOf({ args: ['--session', '1'] })).toEqual(['--session', '1']);
    for (const data of [
      null,
      undefined,
      1,
      'args',
      {},
      { args: 'x' },
      { args: [1] },
      { args: Array(300).fill('') },
      { args: ['x'.repeat(5_000)] },
    ])
      expect(argumentsOf(data)).toBeNull();
  });
});
