/** What the decoder makes of a frame, and why, in words for whoever writes a dialect. */
import { GRANULARITY_MS, type PreviewField, type PreviewItem } from '../contract.ts';
import { SIDE_BUY, SIDE_SELL } from '../flow/batch.ts';
import type { Answer, DecodedCandle, DecodedTrade, FrameSink, MarketLookup, Refusal } from './decode.ts';
import { formatDecimal } from './decimal.ts';
import type { Dialect } from './dialect.ts';
import { type FieldName, TracedFields } from './fields.ts';
import type { JsonObject } from './json.ts';
import { formatMicros } from './time.ts';
import {
  CANDLE_TIMES,
  COUNTS,
  type DecodeTrace,
  FINALS,
  IDS,
  type Judged,
  PAIRS,
  type Scope,
  SIDES,
  SIZES,
  TIMES,
  TolerantDecoder,
  VENUES,
  VOLUMES,
} from './tolerant.ts';
import { cleanWords } from './words.ts';

/** Items that are told; the others are counted. */
const MOST_ITEMS = 200;
/** Markets of one answer that are told. */
const MOST_MARKETS = 20;

export interface Explained {
  readonly items: readonly PreviewItem[];
  readonly total: number;
}

/**
 * By the tolerant decoder, which gives what the fast path gives. Every traceId counts as one that waits,
 * since a pasted answer's request is long gone.
 */
export function explainFrame(dialect: Dialect, lookup: MarketLookup | null, frame: string): Explained {
  const explainer = new Explainer(dialect);
  new TolerantDecoder(dialect, lookup, explainer).decode(Buffer.from(frame), 0, () => true, explainer);
  return explainer;
}

const REASONS: Readonly<Record<string, string>> = {
  json: 'It is no JSON from here on.',
  utf8: 'It has bytes that are no UTF-8.',
  depth: 'It is nested too deeply.',
  size: 'Its size or volume is missing, or no number that can be kept.',
  price: 'A price is missing, or no number that can be kept.',
  time: 'Its time is missing, or cannot be read as one.',
  market: 'It has neither a market id, nor a venue and a pair that the dictionary knows.',
  id: 'Its id is no text or number that can be kept.',
  count: 'Its count of trades is no whole number.',
  shape: 'Its fields are neither those of a trade nor those of a candle.',
  granularity: 'Its granularity is neither 1m nor 1h.',
};

class Explainer implements DecodeTrace, FrameSink {
  readonly items: PreviewItem[] = [];
  readonly #dialect: Dialect;
  total = 0;
  #by: Judged = 'nothing';
  /** The message's type in quotes; null without one. */
  #type: string | null = null;
  #scope: Scope | null = null;
  #granularity: string | null = null;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  fields(object: JsonObject, granularity: string | null): TracedFields {
    return new TracedFields(object, granularity);
  }

  judged(by: Judged, type: string | null): void {
    this.#by = by;
    this.#type = type === null ? null : `“${cleanWords(type, 100)}”`;
  }

  item(scope: Scope, name: string | null): void {
    this.#scope = scope;
    this.#granularity = name;
  }

  trade(trade: DecodedTrade): void {
    const { priceDigits, priceScale, sizeDigits, sizeScale, side } = trade;
    this.#add('trade', this.#dataWhy('a trade', 'a price and a size'), [
      field('market', trade.market, this.#market()),
      field('time', formatMicros(trade.exchangeTime), this.#nearest(TIMES)),
      field('price', formatDecimal(priceDigits, priceScale), this.#own(['price'])),
      field('size', formatDecimal(sizeDigits, sizeScale), this.#own(SIZES)),
      field('side', side === SIDE_BUY ? 'buy' : side === SIDE_SELL ? 'sell' : '', this.#side()),
      field('id', trade.id, this.#own(IDS)),
    ]);
  }

  candle(candle: DecodedCandle): void {
    const { granularity, open, high, low, close, vwap } = candle;
    this.#add('candle', this.#dataWhy('a candle', 'an open, high, low, VWAP or count of trades'), [
      field('market', candle.market, this.#market()),
      field('granularity', granularity, this.#granularityFrom()),
      field('start', formatMicros(candle.start), this.#start(GRANULARITY_MS[granularity])),
      field('open', open ?? '', this.#own(['open'])),
      field('high', high ?? '', this.#own(['high'])),
      field('low', low ?? '', this.#own(['low'])),
      field('close', close ?? '', this.#own(['close', 'price'])),
      field('volume', candle.volume, this.#own(VOLUMES)),
      field('VWAP', vwap ?? '', this.#own(['vwap'])),
      field('trades', String(candle.trades), this.#own(COUNTS)),
      field('final', candle.final ? 'yes' : 'not said', candle.final ? this.#last(FINALS) : ''),
    ]);
  }

  answer({ ok, traceId, markets, words }: Answer): void {
    const shown = markets.slice(0, MOST_MARKETS).join(', ');
    this.#add(ok ? 'acknowledgement' : 'error', this.#answerWhy(ok), [
      field('traceId', cleanWords(traceId ?? '', 100), ''),
      field('markets', markets.length > MOST_MARKETS ? `${shown}, …` : shown, ''),
      field('words', words ?? '', ''),
    ]);
  }

  unknown(): void {
    this.#add(
      'unknown',
      `Its type ${this.#type ?? ''} is not in the dialect’s types, and its fields are neither those of a trade nor those of a candle.`,
      [],
    );
  }

  refused({ reason, sample }: Refusal): void {
    this.#add('refused', REASONS[reason] ?? reason, [field('text', sample, '')]);
  }

  #add(kind: PreviewItem['kind'], why: string, fields: readonly PreviewField[]): void {
    this.total++;
    if (this.items.length < MOST_ITEMS) this.items.push({ kind, why, fields });
  }

  #dataWhy(what: string, shape: string): string {
    if (this.#by === 'type') return `Its type ${this.#type ?? ''} means ${what} in this dialect.`;
    return this.#type === null
      ? `It has no type, but ${shape}.`
      : `Its type ${this.#type} is not in the dialect’s types, but it has ${shape}.`;
  }

  #answerWhy(good: boolean): string {
    if (this.#by === 'type') {
      return `Its type ${this.#type ?? ''} means ${good ? 'an acknowledgement' : 'an error'} in this dialect.`;
    }
    return good
      ? 'It has a traceId: it answers the request of that traceId, while one waits for it.'
      : 'It has a code, a message or errors, and no fields of a trade or candle.';
  }

  /** The first of `names` that was read in the item itself. */
  #own(names: readonly FieldName[]): string {
    return this.#scope === null ? '' : (spelled(this.#scope.fields, names)[0] ?? '');
  }

  #last(names: readonly FieldName[]): string {
    return this.#scope === null ? '' : (spelled(this.#scope.fields, names).at(-1) ?? '');
  }

  /** The same in the item or the nearest around it. */
  #nearest(names: readonly FieldName[]): string {
    for (let at = this.#scope; at !== null; at = at.outer) {
      const found =
        spelled(at.fields, names)[0] ?? (at.nested === null ? undefined : spelled(at.nested, names)[0]);
      if (found !== undefined) return found;
    }
    return '';
  }

  #market(): string {
    if (this.#scope?.market === null) {
      return `${this.#nearest(VENUES)} and ${this.#nearest(PAIRS)}, by the dictionary`;
    }
    for (let at = this.#scope; at !== null; at = at.outer) {
      const found =
        spelled(at.fields, ['marketid'])[0] ??
        (at.nested === null ? spelled(at.fields, ['market'])[0] : spelled(at.nested, ['id', 'marketid'])[0]);
      if (found !== undefined) return found;
    }
    return '';
  }

  #side(): string {
    const maker = this.#own(['isbuyermaker']);
    if (maker !== '') return `${maker}, inverted`;
    return this.#own(['isbuyside']) || this.#own(SIDES);
  }

  #granularityFrom(): string {
    return this.#granularity === null
      ? this.#nearest(['granularity'])
      : `metrics["${cleanWords(this.#granularity, 20)}"]`;
  }

  /** Of a candle that is told by its end, the start is not in the message. */
  #start(length: number): string {
    const name = this.#nearest(CANDLE_TIMES);
    const isStart = this.#dialect.candleTime === 'start' || this.#nearest(['starttime']) === name;
    return isStart ? name : `${name}, less ${length / 60_000} min`;
  }
}

function field(name: string, value: string, from: string): PreviewField {
  return { name, value, from: value === '' ? '' : from };
}

/** Of `names` those that were read, as they are written in the message. */
function spelled(fields: Scope['fields'], names: readonly FieldName[]): string[] {
  if (!(fields instanceof TracedFields)) return [];
  return names.map((name) => fields.spellingOf(name)).filter((each) => each !== null);
}
