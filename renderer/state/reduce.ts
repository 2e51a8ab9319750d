/** What views show, from a snapshot and events alone. Pure: the same events give the same state. */
import type {
  CoreEvent,
  Endpoint,
  Gap,
  LinkState,
  Millis,
  Snapshot,
  SparkPoint,
  Tick,
  WatchRow,
} from '../../main/core/contract.ts';

/** A snapshot kept up to date. Parts that an event did not touch stay the same objects. */
export interface View extends Snapshot {
  /** Gaps reported since the snapshot, oldest first; at most `MOST_GAPS`. */
  readonly gaps: readonly Gap[];
}

/** Closes in a row's sparkline: an hour's. */
const SPARK_LENGTH = 60;
const MINUTE_MS = 60_000;
const MOST_GAPS = 200;

/** The view after `event`, which came at `now` of the core's clock: of its minute a tick is the last price. */
export function reduce(view: View | null, event: CoreEvent, now: Millis): View | null {
  if (event.type === 'snapshot') return { ...event.snapshot, gaps: [] };
  if (view === null) return null;
  switch (event.type) {
    case 'source':
      return event.source === view.source
        ? { ...view, key: event.key }
        : { ...view, source: event.source, key: event.key, gaps: [], known: null };
    case 'link':
      return { ...view, links: withLink(view.links, event.link) };
    case 'recording':
      return { ...view, recording: event.recording };
    case 'watchlist':
      return { ...view, watchlist: event.rows };
    case 'ticks':
      return { ...view, watchlist: withTicks(view.watchlist, event.ticks, now) };
    case 'gap':
      return { ...view, gaps: withGap(view.gaps, event.gap) };
    case 'dictionary':
      return { ...view, dictionary: event.dictionary };
    case 'coverage':
      return event.known === view.known ? view : { ...view, known: event.known };
    case 'store':
      return { ...view, store: event.store };
    case 'notice':
      return { ...view, notice: event.notice };
    case 'announcements':
      return { ...view, announcements: event.announcements };
    case 'settings':
      return { ...view, settings: event.settings };
    case 'dialect':
      return { ...view, dialect: event.dialect };
    case 'session':
      return event.change === 'deleted'
        ? { ...view, gaps: view.gaps.filter(({ session }) => session !== event.session) }
        : view;
    case 'trades':
    case 'candles':
    case 'journal':
    case 'retention':
      return view;
  }
}

/** `gaps` with `gap`, which replaces what was said of the same stretch before. */
export function withGap(gaps: readonly Gap[], gap: Gap): readonly Gap[] {
  const others = gaps.filter(
    (known) => known.session !== gap.session || known.endpoint !== gap.endpoint || known.from !== gap.from,
  );
  others.push(gap);
  others.sort((a, b) => a.from - b.from);
  return others.slice(-MOST_GAPS);
}

function withLink(
  links: Readonly<Record<Endpoint, LinkState>>,
  link: LinkState,
): Readonly<Record<Endpoint, LinkState>> {
  return link.endpoint === 'trades'
    ? { trades: link, candles: links.candles }
    : { trades: links.trades, candles: link };
}

function withTicks(rows: readonly WatchRow[], ticks: readonly Tick[], now: Millis): readonly WatchRow[] {
  if (ticks.length === 0) return rows;
  const byMarket = new Map(ticks.map((tick) => [tick.market, tick]));
  const minute = Math.floor(now / MINUTE_MS) * MINUTE_MS;
  return rows.map((row) => {
    const tick = byMarket.get(row.market.id);
    if (tick === undefined) return row;
    const { last, change, rate, priceDigits, sizeDigits } = tick;
    // A tick tells of the rate too, which falls without a trade.
    const spark = last === row.last ? row.spark : moved(row.spark, last, minute);
    return { ...row, last, change, rate, priceDigits, sizeDigits, spark };
  });
}

function moved(spark: readonly SparkPoint[], last: number, minute: Millis): readonly SparkPoint[] {
  const kept = spark.filter(([start]) => start < minute);
  return [...kept.slice(1 - SPARK_LENGTH), [minute, last]];
}
