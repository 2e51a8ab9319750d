/** Values of the contract for the tests of the renderer. */
import type {
  ClientChannel,
  DictionaryState,
  Endpoint,
  LinkState,
  Message,
  Request,
  SessionSummary,
  Snapshot,
  WatchRow,
} from '../../main/core/contract.ts';
import { CONTRACT_VERSION, TRADE_BUY } from '../../main/core/contract.ts';
import { TradePacker } from '../../main/core/flow/trade-packer.ts';
import { narrowDigits, parseDecimal } from '../../main/core/protocol/decimal.ts';

/** A channel whose other end is the test. */
export class TestChannel implements ClientChannel {
  readonly sent: Request[] = [];
  closed = false;
  #onMessage: (message: Message) => void = () => {};
  #onClose: (why: string) => void = () => {};

  send(request: Request): void {
    this.sent.push(request);
  }

  onMessage(listener: (message: Message) => void): void {
    this.#onMessage = listener;
  }

  onClose(listener: (why: string) => void): void {
    this.#onClose = listener;
  }

  close(): void {
    this.closed = true;
  }

  tell(message: Message): void {
    this.#onMessage(message);
  }

  /** Answers the last request of `command`. */
  answer(command: string, value: unknown): void {
    const request = this.sent.findLast((sent) => sent.command === command);
    if (request === undefined) throw new Error(`nothing asked for ${command}`);
    this.tell({ kind: 'reply', id: request.id, result: { ok: true, value } });
  }

  lose(why: string): void {
    this.#onClose(why);
  }
}

export type TestTrade = readonly [time: number, price: number, size: number, flags?: number];

/** Trades in the contract's layout. */
export function tradeBytes(...trades: readonly TestTrade[]): Uint8Array {
  const packer = new TradePacker();
  for (const [time, price, size, flags = TRADE_BUY] of trades) {
    packer.add(time, ...decimalOf(price), ...decimalOf(size), flags);
  }
  return packer.take();
}

function decimalOf(value: number): [digits: bigint | number, scale: number] {
  const decimal = parseDecimal(String(value));
  if (decimal === null) throw new RangeError(`${value} is no decimal`);
  return [narrowDigits(decimal.digits), decimal.scale];
}

export function watchRow(id: string, over: Partial<WatchRow> = {}): WatchRow {
  return {
    market: { id, venue: 'binance', symbol: id, base: 'usdt', assetType: null, active: true, volume1h: null },
    trades: 'confirmed',
    candles: 'confirmed',
    refusal: null,
    last: 10,
    change: null,
    rate: 1,
    priceDigits: 2,
    sizeDigits: 0,
    spark: [
      [0, 9],
      [60_000, 10],
    ],
    ...over,
  };
}

export function link(endpoint: Endpoint, over: Partial<LinkState> = {}): LinkState {
  return {
    endpoint,
    url: `wss://example.org/${endpoint}`,
    phase: 'live',
    since: 0,
    problem: null,
    retryAt: null,
    attempt: 0,
    connections: 1,
    messagesPerSecond: 1,
    bytesPerSecond: 1,
    lagP50: 5,
    lagP95: 10,
    lagP99: 20,
    clockOffset: null,
    roundTrip: 5,
    refused: 0,
    ...over,
  };
}

export function dictionary(over: Partial<DictionaryState> = {}): DictionaryState {
  return {
    loading: false,
    pages: 1,
    totalPages: 1,
    markets: 3,
    totalMarkets: 3,
    known: 3,
    skipped: 0,
    read: 1_700_000_000_000,
    from: 'server',
    problem: null,
    retryAt: null,
    ...over,
  };
}

export function snapshot(over: Partial<Snapshot> = {}): Snapshot {
  return {
    version: CONTRACT_VERSION,
    app: { version: '0.1.0', host: 'browser' },
    now: 1_700_000_000_000,
    source: 'live',
    key: { place: 'keychain', problem: null },
    links: { trades: link('trades'), candles: link('candles') },
    recording: { state: 'recording', session: null, problem: null },
    watchlist: [watchRow('a'), watchRow('b'), watchRow('c')],
    dictionary: dictionary(),
    store: { folder: '/tmp/cache', bytes: 0, free: null, disk: null, trades: 0, candles: 0 },
    notice: null,
    settings: { theme: 'system' },
    dialect: { own: false, name: '', problem: null, file: null },
    known: null,
    announcements: { items: [], mutedUntil: null },
    ...over,
  };
}

export function summary(values: Partial<SessionSummary> = {}): SessionSummary {
  return {
    id: 1,
    started: 1_700_000_000_000,
    ended: 1_700_000_060_000,
    state: 'ended',
    markets: [],
    trades: 0,
    candles: 0,
    gaps: 0,
    name: null,
    note: null,
    pinned: false,
    ...values,
  };
}
