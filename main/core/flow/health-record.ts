/** The health of both links by minutes of the session, for the record. */
import { type Endpoint, ENDPOINTS, type HealthMinute, type Micros, type Millis } from '../contract.ts';
import type { LinkMeter } from '../session/health.ts';
import { Histogram } from './histogram.ts';

const MINUTE_MS = 60_000;
/** Minutes that wait for a disk that refuses them: a day of two links. */
const MAX_MINUTES = 2_880;

interface Tally {
  messages: number;
  bytes: number;
  /** Every lag of the minute, whatever their number; see histogram.ts for the error. */
  readonly lags: Histogram;
  roundTrip: number | null;
  reconnects: number;
  refused: number;
  /** The last handshake's, which outlasts the minute. */
  clockOffset: number | null;
  /** The session had a connection: a further one is a reconnect. */
  opened: boolean;
}

export class HealthRecord {
  readonly #now: () => Micros;
  readonly #links: Record<Endpoint, Tally> = { trades: newTally(), candles: newTally() };
  #session: number | null = null;
  /** The start of the minute that is being counted. */
  #minute: Millis = 0;
  #ended: HealthMinute[] = [];

  /** @param now must not go back, or a minute would come twice */
  constructor(now: () => Micros) {
    this.#now = now;
  }

  /** What the link of that endpoint is to report to. */
  meter(endpoint: Endpoint): LinkMeter {
    const link = this.#links[endpoint];
    return {
      frame: (bytes) => {
        this.roll();
        link.messages++;
        link.bytes += bytes;
      },
      lag: (ms) => link.lags.add(ms),
      roundTrip: (ms) => {
        this.roll();
        link.roundTrip = ms;
      },
      clockOffset: (ms) => {
        this.roll();
        link.clockOffset = ms;
      },
    };
  }

  connected(endpoint: Endpoint): void {
    this.roll();
    const link = this.#links[endpoint];
    if (link.opened) link.reconnects++;
    link.opened = true;
  }

  /** Of the frame that was told last. */
  refused(endpoint: Endpoint): void {
    this.#links[endpoint].refused++;
  }

  /** @param connected the links that are open already */
  begin(session: number, connected: Readonly<Record<Endpoint, boolean>>): void {
    this.#session = session;
    this.#minute = this.#minuteNow();
    this.#ended = [];
    for (const endpoint of ENDPOINTS) {
      clear(this.#links[endpoint]);
      this.#links[endpoint].opened = connected[endpoint];
    }
  }

  /** The minute that runs ends with the session. */
  end(): void {
    this.roll();
    this.#close();
    this.#session = null;
  }

  /** To be called about once a second too, for minutes in which nothing comes. */
  roll(): void {
    const minute = this.#minuteNow();
    if (minute <= this.#minute) return;
    this.#close();
    this.#minute = minute;
  }

  /** The minutes that ended and were not taken before. */
  take(): HealthMinute[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** What was taken could not be stored: it is taken again. */
  back(minutes: readonly HealthMinute[]): void {
    this.#ended = [...minutes, ...this.#ended].slice(-MAX_MINUTES);
  }

  #minuteNow(): Millis {
    return Math.floor(this.#now() / 1000 / MINUTE_MS) * MINUTE_MS;
  }

  #close(): void {
    const session = this.#session;
    if (session === null) return;
    for (const endpoint of ENDPOINTS) {
      const link = this.#links[endpoint];
      const { bytes, clockOffset, lags, messages, reconnects, refused, roundTrip } = link;
      this.#ended.push({
        session,
        endpoint,
        at: this.#minute,
        messages,
        bytes,
        lagP50: lags.quantile(0.5),
        lagP95: lags.quantile(0.95),
        lagP99: lags.quantile(0.99),
        clockOffset,
        roundTrip,
        reconnects,
        refused,
      });
      clear(link);
    }
  }
}

function newTally(): Tally {
  return {
    messages: 0,
    bytes: 0,
    lags: new Histogram(),
    roundTrip: null,
    reconnects: 0,
    refused: 0,
    clockOffset: null,
    opened: false,
  };
}

function clear(link: Tally): void {
  link.messages = 0;
  link.bytes = 0;
  link.lags.clear();
  link.roundTrip = null;
  link.reconnects = 0;
  link.refused = 0;
}
