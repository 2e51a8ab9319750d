/**
 * Every command, event and data shape of the bridge between the core and a view, once.
 *
 * Both transports (MessagePort in the desktop, WebSocket in the browser host) carry exactly this.
 * State reaches a view as one `snapshot` and then events; a command returns an acknowledgement, a
 * typed error or a bounded page of history. The renderer imports this file and `result.ts` from
 * the core and nothing else, so nothing here may need Node.
 *
 * Binary: a command's value or an event may have one field named `bytes` (a Uint8Array) at its top
 * level; the transports carry it unparsed. Its layout is one of those at the end of this file.
 */
import type { AppError, Result } from './result.ts';

/** Raised when a view made for one version could misread another. */
export const CONTRACT_VERSION = 3;

/** Microseconds since the Unix epoch, as a whole number. */
export type Micros = number;
/** Milliseconds since the Unix epoch. */
export type Millis = number;

/** The two WebSocket endpoints: /ws/trades and /ws/trade-metrics. */
export type Endpoint = 'trades' | 'candles';
export const ENDPOINTS: readonly Endpoint[] = ['trades', 'candles'];

/** What the feed publishes. Coarser charts are merged from these. */
export type Granularity = '1m' | '1h';
export const GRANULARITIES: readonly Granularity[] = ['1m', '1h'];
export const GRANULARITY_MS: Readonly<Record<Granularity, number>> = { '1m': 60_000, '1h': 3_600_000 };

export interface MarketInfo {
  /** Opaque: out of the dictionary, never built and never split. */
  readonly id: string;
  readonly venue: string;
  /** First listed asset of the pair. */
  readonly symbol: string;
  /** Second asset of the pair (the quote currency). */
  readonly base: string;
  readonly assetType: string | null;
  readonly active: boolean;
  /** Decimal text of the last hour's volume in the first asset, when the dictionary has it. */
  readonly volume1h: string | null;
  /** The rest as of when the dictionary was read: decimal text, and null or absent where it says nothing. */
  readonly price?: string | null;
  readonly vwap1h?: string | null;
  /** Trades of the last hour. */
  readonly trades1h?: number | null;
  /** When the vendor saw its first and newest trade. */
  readonly firstSeen?: Millis | null;
  readonly lastSeen?: Millis | null;
}

/** The most markets that a watchlist may have. */
export const MAX_WATCHED = 500;
/** The most markets that one answer to `markets.browse` may have. */
export const MAX_BROWSE = 200;

/** What is known of which markets there are, and the reading that goes on. */
export interface DictionaryState {
  readonly loading: boolean;
  /** Of the reading that goes on, or of the last one: pages and markets read, and what the server said there are. */
  readonly pages: number;
  readonly totalPages: number | null;
  readonly markets: number;
  readonly totalMarkets: number | null;
  /** Markets that can be searched now. */
  readonly known: number;
  /** Items of the last whole reading that could not be read and were left out. */
  readonly skipped: number;
  /** When what is known was read from the server; null when nothing is known. */
  readonly read: Millis | null;
  readonly from: 'server' | 'cache' | 'none';
  /** Why the last reading failed, or what is wrong with it. */
  readonly problem: LinkProblem | null;
  /** When it is tried again by itself. */
  readonly retryAt: Millis | null;
}

export type MarketSort = 'relevance' | 'venue' | 'pair' | 'type' | 'volume' | 'trades' | 'lastSeen';
export const MARKET_SORTS: readonly MarketSort[] = [
  'relevance',
  'venue',
  'pair',
  'type',
  'volume',
  'trades',
  'lastSeen',
];

export interface MarketQuery {
  /** Every word must be in venue, pair (`btc/usdt`, `btcusdt`), assets, id or asset type. */
  readonly text: string;
  readonly venue: string | null;
  /** The empty text: markets without one. */
  readonly assetType: string | null;
  readonly active: boolean | null;
  /**
   * `relevance`: an exact symbol or pair first, then what begins with a word, then the rest; within each
   * by trades and then volume of the last hour, as volumes of different assets cannot be compared.
   * Where a market lacks what is sorted by, it comes last in both directions.
   */
  readonly sort: MarketSort;
  readonly descending: boolean;
}

/** One choice of a filter, and how many markets it leaves if the other filters stay as they are. */
export interface MarketChoice {
  readonly value: string;
  readonly count: number;
}

export type LinkPhase =
  'idle' | 'connecting' | 'handshaking' | 'live' | 'stale' | 'waiting' | 'refused' | 'suspended' | 'stopped';

/** Why a link is not live, in words for the screen. */
export interface LinkProblem {
  /** Stable: `unauthorized`, `forbidden`, `rate-limited`, `unavailable`, `dns`, `unreachable`, `tls`, `timeout`, `closed`, `stale`, ... */
  readonly kind: string;
  /** HTTP status of the handshake's answer, or null. */
  readonly status: number | null;
  /** The server's own words (x-inca-error-message or a close reason), bounded, or null. */
  readonly serverWords: string | null;
  /** WebSocket close code, when an open connection ended with one. */
  readonly closeCode?: number;
  /** What happened. */
  readonly message: string;
  /** The one thing to do. */
  readonly action: string;
}

export interface LinkState {
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly phase: LinkPhase;
  /** When this phase began. */
  readonly since: Millis;
  readonly problem: LinkProblem | null;
  /** When the next attempt is due, in phase `waiting`. */
  readonly retryAt: Millis | null;
  /** Attempts since the last good message. */
  readonly attempt: number;
  /** Connections opened since the recording began. */
  readonly connections: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** From exchange time to receipt over the last seconds, ms; null when nothing came. */
  readonly lagP50: number | null;
  readonly lagP95: number | null;
  readonly lagP99: number | null;
  /**
   * This computer's clock minus the server's, ms, out of the last handshake's `Date` header, which has
   * whole seconds: good to about half a second. Part of every lag. null when the server sent none.
   */
  readonly clockOffset: number | null;
  /** Last ping-pong round trip started by the client, ms. */
  readonly roundTrip: number | null;
  /** Frames or items refused since the recording began. */
  readonly refused: number;
}

export type Subscription = 'off' | 'requested' | 'confirmed' | 'unconfirmed' | 'refused';

/** One market of the watchlist, with what its row shows. Numbers here are for the screen. */
export interface WatchRow {
  readonly market: MarketInfo;
  readonly trades: Subscription;
  readonly candles: Subscription;
  /** The server's words when a subscription was refused. */
  readonly refusal: string | null;
  readonly last: number | null;
  /** Change of `last` against the open of the oldest candle of the last 24 h, as a fraction. */
  readonly change: number | null;
  /** Trades a second, averaged over the last 10 s. */
  readonly rate: number;
  /** Decimal places that this market's prices and sizes have shown so far. */
  readonly priceDigits: number;
  readonly sizeDigits: number;
  /** One-minute closes, oldest first, at most 60: a minute without a candle has none. */
  readonly spark: readonly SparkPoint[];
}

/** When a minute began, and its last price. */
export type SparkPoint = readonly [start: Millis, close: number];

/** The part of a row that moves; sent in `ticks`. */
export interface Tick {
  readonly market: string;
  readonly last: number;
  readonly change: number | null;
  readonly rate: number;
  readonly priceDigits: number;
  readonly sizeDigits: number;
}

export type GapState = 'recovered' | 'unverified' | 'lost';

/**
 * What is known of a market: `live` it was connected and subscribed, `quiet` the same but nothing came
 * for a minute or more, `off` not subscribed or not recorded; the others as of a gap.
 */
export type CoverageState = 'live' | 'quiet' | 'off' | GapState;

/**
 * From what yields to what prevails where a picture of one line is too coarse to tell its stretches
 * apart: the less is known, the more it prevails, so that nothing bad is hidden.
 */
export const COVERAGE_RANK: readonly CoverageState[] = [
  'live',
  'quiet',
  'off',
  'recovered',
  'unverified',
  'lost',
];

/** Causes of `off`: no session was under way, and the session did not have the market. */
export const NOT_RECORDING = 'Quipu was not recording';
export const NOT_WATCHED = 'not watched';
/** Cause of `off` where something was recorded that retention has deleted since. */
export const DELETED_BY_RETENTION = 'deleted by retention';

/** A stretch [from, to) of one line (one market at one endpoint). */
export interface CoverageStretch {
  readonly from: Micros;
  readonly to: Micros;
  readonly state: CoverageState;
  /** Why, in words; empty for `live`. */
  readonly cause: string;
}

/** A stretch [from, to) of what is known of one market at one endpoint. */
export interface CoverageInterval extends CoverageStretch {
  readonly market: string;
  readonly endpoint: Endpoint;
}

/** A state that begins, and lasts until the next one of its line. */
export interface CoverageStart {
  readonly from: Micros;
  readonly state: CoverageState;
  /** In words; for `live` none is needed. */
  readonly cause: string;
}

/** From `from` on a line's states are these, whatever was told of it before. */
export interface CoverageChange {
  readonly market: string;
  readonly endpoint: Endpoint;
  readonly from: Micros;
  readonly starts: readonly CoverageStart[];
}

/** The state that a line is in where what is told of it ends, and goes on in until an event says otherwise. */
export type CoverageNow = Pick<CoverageStart, 'state' | 'cause'>;

/** What is known of one line, oldest first, without overlap or hole. */
export interface CoverageLine {
  readonly market: string;
  readonly endpoint: Endpoint;
  readonly stretches: readonly CoverageStretch[];
  readonly now: CoverageNow;
}

/** What is known of a line across sessions; between them it is `off`. */
export interface CoveragePage {
  /** As asked for. */
  readonly from: Micros;
  /** As asked for, or as far as is known: the running session's last commit, else now. */
  readonly to: Micros;
  /**
   * 0: the ledger's own stretches. Else there were more than 4,000, and this is how long the buckets
   * are, 2,000 at most, into which they were folded: each in its worst state, with that one's cause.
   */
  readonly grain: Micros;
  /** Oldest first, without overlap or hole. */
  readonly stretches: readonly CoverageStretch[];
  /** null when more than was asked for is known: the page is of the past. */
  readonly now: CoverageNow | null;
}

/** A run of buckets in one state. */
export interface CoverageRun {
  readonly from: Micros;
  readonly to: Micros;
  readonly state: CoverageState;
}

/** A session in one cord, from its start to its last commit. */
export interface SessionCord {
  readonly session: number;
  readonly from: Micros;
  readonly to: Micros;
  /**
   * Of each bucket the worst that any market has at any endpoint (`lost`, `unverified`, `recovered`);
   * without any, `live` when one was live, `quiet` when none was, `off` when all were off. Empty for a
   * session that was recorded before coverage was kept.
   */
  readonly runs: readonly CoverageRun[];
}

/** One market and endpoint of a session, each bucket in its worst state. */
export interface SessionLine {
  readonly market: string;
  readonly endpoint: Endpoint;
  readonly runs: readonly CoverageRun[];
}

/**
 * How much of today (UTC) is known of the markets of the watchlist, at both endpoints.
 *
 * A line counts from when its record of today began: the first moment since midnight at which it was
 * not `off`. One that was off all day (refused, say) counts since it was first waited for. From then on
 * all time counts, that between recordings too, but not that in which the market was not on the
 * watchlist.
 */
export interface KnownToday {
  /** When the first line began to count. */
  readonly since: Millis;
  /** The sum of all lines' time that counts. */
  readonly counted: Micros;
  /** Of it, that in which the line was live, quiet or recovered. */
  readonly known: Micros;
  /** For so long at least one line was being lost: the union over all, so an outage counts once. */
  readonly lost: Micros;
}

/** A link went from one phase to another, and why. */
export interface LinkTransition {
  readonly type: 'transition';
  readonly endpoint: Endpoint;
  readonly at: Millis;
  readonly from: LinkPhase;
  readonly to: LinkPhase;
  /** Stable kind of the cause, as in `LinkProblem` or a plain word such as `opened`. */
  readonly kind: string;
  readonly message: string;
  /** The server's own words, bounded, or null. */
  readonly serverWords: string | null;
}

/** What redelivery brought after an outage: one for each stretch of it that was judged apart. */
export interface OutageReport {
  readonly type: 'outage';
  readonly endpoint: Endpoint;
  /** When it was judged. */
  readonly at: Millis;
  readonly from: Millis;
  readonly to: Millis;
  readonly state: GapState;
  readonly cause: string;
  readonly recovered: number;
  readonly duplicates: number;
  /** Redelivery reached back to what was already held. */
  readonly overlap: boolean;
}

/** What happened to a link, as recorded. */
export type JournalEntry = (LinkTransition | OutageReport) & {
  /** Grows with time within a store; pages go by it. */
  readonly row: number;
  /** The recording that it happened in; null between recordings. */
  readonly session: number | null;
};

export interface JournalPage {
  readonly more: boolean;
  /** Oldest first. */
  readonly entries: readonly JournalEntry[];
}

/** One minute of a link's health, as recorded. */
export interface HealthMinute {
  readonly session: number;
  readonly endpoint: Endpoint;
  /** The minute's start. */
  readonly at: Millis;
  readonly messages: number;
  readonly bytes: number;
  readonly lagP50: number | null;
  readonly lagP95: number | null;
  readonly lagP99: number | null;
  readonly clockOffset: number | null;
  readonly roundTrip: number | null;
  /** Connections opened in this minute beyond the session's first. */
  readonly reconnects: number;
  readonly refused: number;
}

export interface HealthPage {
  readonly more: boolean;
  /** Oldest first. */
  readonly minutes: readonly HealthMinute[];
}

/** What was refused of an endpoint for one reason, in one recording. */
export interface RefusalCount {
  readonly endpoint: Endpoint;
  /** See `Refusal.reason` in protocol/decode.ts. */
  readonly reason: string;
  readonly count: number;
  readonly first: Millis;
  readonly last: Millis;
  /** The newest few, newest first; bounded and cleaned. */
  readonly samples: readonly { readonly at: Millis; readonly text: string }[];
}

/** A frame as it came, for the eye. */
export interface RawFrame {
  readonly at: Millis;
  /** Its whole length in bytes. */
  readonly bytes: number;
  /** Its beginning, as text; what is no UTF-8 is shown as U+FFFD. */
  readonly text: string;
  readonly truncated: boolean;
}

/** A stretch of time for which the record may be incomplete. */
export interface Gap {
  readonly session: number;
  readonly endpoint: Endpoint;
  readonly from: Millis;
  readonly to: Millis;
  readonly state: GapState;
  readonly cause: string;
  /** What redelivery brought after it. */
  readonly recovered: number;
  readonly duplicates: number;
}

export type SessionState = 'recording' | 'ended' | 'ended unexpectedly';

export interface SessionSummary {
  readonly id: number;
  readonly started: Millis;
  readonly ended: Millis | null;
  readonly state: SessionState;
  readonly markets: readonly string[];
  readonly trades: number;
  readonly candles: number;
  readonly gaps: number;
  /** What the user calls it, one line; null without one. */
  readonly name: string | null;
  /** What the user noted of it; null without one. */
  readonly note: string | null;
  /** It cannot be deleted before it is unpinned. */
  readonly pinned: boolean;
  /** Absent: nothing. `trades` and `candles` tell what was recorded, whatever was deleted since. */
  readonly deleted?: SessionDeleted;
}

/** The most UTF-16 units of a session's name and of its note. */
export const MAX_SESSION_NAME = 80;
export const MAX_SESSION_NOTE = 2_000;

/** What is given is changed; null takes a name or a note away. */
export interface SessionEdit {
  readonly name?: string | null;
  readonly note?: string | null;
  readonly pinned?: boolean;
}

/** A session that was deleted, as it was then. It is in no other answer. */
export interface RemovedSession {
  readonly session: SessionSummary;
  /** From then on it cannot be restored. */
  readonly undoUntil: Millis;
}

/**
 * What retention deleted of a session: how much, and up to when it was received. Whole runs of trades are
 * deleted, so that of a market that trades little some older ones may still be there.
 */
export interface SessionDeleted {
  readonly trades: number;
  /** null: none. */
  readonly tradesUntil: Millis | null;
  readonly candles: number;
  readonly candlesUntil: Millis | null;
  /** Of the link's journal, health and refusals. */
  readonly historyUntil: Millis | null;
}

/** How long each kind of data is kept; null: for ever, and without a limit. */
export interface RetentionPolicy {
  /** Whole days since they were received, 1 to 36,500. */
  readonly tradesDays: number | null;
  readonly candlesDays: number | null;
  /** Of the journal of the links, their health and what was refused. */
  readonly historyDays: number | null;
  /**
   * Of the whole store, 10 MB at the least: beyond it the oldest trades are deleted, then the oldest candles,
   * but nothing of pinned sessions, and nothing of the last hour of the one that is recorded. When that does
   * not do, nothing more is recorded.
   */
  readonly maxBytes: number | null;
}

export const KEEP_ALL: RetentionPolicy = {
  tradesDays: null,
  candlesDays: null,
  historyDays: null,
  maxBytes: null,
};
export const MAX_RETENTION_DAYS = 36_500;
export const MIN_STORE_BYTES = 10_000_000;

export type RetentionKind = 'trades' | 'candles' | 'history';
export const RETENTION_KINDS: readonly RetentionKind[] = ['trades', 'candles', 'history'];

/** What is kept of one kind. */
export interface StoredKind {
  readonly kind: RetentionKind;
  readonly rows: number;
  /** An estimate. */
  readonly bytes: number;
}

/** What a policy would delete of one kind, if it were applied now. */
export interface DoomedKind extends StoredKind {
  /** When the first and the last of them were received; null without any. */
  readonly from: Millis | null;
  readonly to: Millis | null;
  /** How many sessions they are of. */
  readonly sessions: number;
}

export interface RetentionPreview {
  readonly policy: RetentionPolicy;
  /** One of each kind, in the order of RETENTION_KINDS. */
  readonly kinds: readonly DoomedKind[];
  /** What the store takes now, without what is free in its file already. */
  readonly bytes: number;
  /** By how much the store would still be beyond its limit; 0: it is not. An estimate. */
  readonly beyond: number;
}

export interface RecordingState {
  readonly state: 'recording' | 'stopped' | 'failed';
  readonly session: SessionSummary | null;
  /** Why nothing is recorded, in state `failed`; in state `stopped`, that another Quipu records into the folder. */
  readonly problem: AppError | null;
  /** Since when the user has paused it, in state `stopped`. Absent when it is stopped for want of a feed. */
  readonly pausedSince?: Millis;
}

/**
 * What is announced: an alert of the user's, or trouble that needs a hand. `summary` stands for others
 * that were not shown apart, and is in no list.
 */
export type AnnouncementKind =
  | 'alert'
  | 'key-refused'
  | 'feed-refused'
  | 'not-recording'
  | 'paused-long'
  | 'gap-lost'
  | 'database-replaced'
  | 'subscription-refused'
  | 'feed-stale'
  | 'summary';

/** Where an announcement leads: a view, and in the live one a market and a moment. */
export interface AnnouncementTarget {
  readonly view: 'live' | 'sessions' | 'feed' | 'settings' | 'announcements';
  /** null: the one that is shown. */
  readonly market: string | null;
  /** null: now. */
  readonly at: Millis | null;
}

/** Texts are clean (no controls, nothing that reorders) and bounded, but still another's words. */
export interface Announcement {
  /** Grows within a run of the core. */
  readonly id: number;
  readonly kind: AnnouncementKind;
  readonly title: string;
  /** What happened and the one thing to do. */
  readonly body: string;
  readonly target: AnnouncementTarget;
  /** When it began. */
  readonly at: Millis;
  /** How many like it this one stands for. */
  readonly count: number;
  /** `passed`: of a moment; `open`: it lasts; `resolved`: it lasted. */
  readonly state: 'passed' | 'open' | 'resolved';
  readonly seen: boolean;
}

export interface AnnouncementsState {
  /** Newest first: the last 50 of this run. */
  readonly items: readonly Announcement[];
  /** Nothing is shown by the system until then; null: not muted. */
  readonly mutedUntil: Millis | null;
}

/** Those that the user has not seen and that are not over: what a badge counts. */
export function unseenOf({ items }: AnnouncementsState): readonly Announcement[] {
  return items.filter((item) => !item.seen && item.state !== 'resolved');
}

/** `tomorrow`: until eight in the morning of the next day, by this computer's clock. */
export type MuteFor = 'hour' | 'tomorrow' | 'off';
export const MUTES: readonly MuteFor[] = ['hour', 'tomorrow', 'off'];

export interface FeedCounts {
  readonly received: number;
  readonly stored: number;
  readonly refused: number;
}

export interface StoreState {
  /** Folder of the cache, for the user to read. */
  readonly folder: string;
  readonly bytes: number;
  /** Free room on that disk in bytes, and the disk's size; null when unknown. */
  readonly free: number | null;
  readonly disk: number | null;
  /** That are kept. */
  readonly trades: number;
  readonly candles: number;
}

export type KeyPlace = 'keychain' | 'environment' | 'this session' | 'demo' | 'none';

/**
 * What keeps the keychain from being used: it is locked; there is none here; the user or the system
 * refused; it did not answer in time; anything else.
 */
export type KeychainTrouble = 'locked' | 'missing' | 'denied' | 'late' | 'failed';

export interface KeyState {
  readonly place: KeyPlace;
  /** Why the keychain could not be used. */
  readonly problem: AppError | null;
  /** Of which kind `problem` is; absent without one. */
  readonly trouble?: KeychainTrouble;
}

/** What one endpoint answered to one handshake. */
export interface KeyVerdict {
  readonly endpoint: Endpoint;
  /** null: it let the key in. */
  readonly problem: LinkProblem | null;
}

export type Theme = 'system' | 'dark' | 'light';

export interface Settings {
  readonly theme: Theme;
  /** Of the desktop alone, absent: no. Starts when the user logs in, without a window. */
  readonly startAtLogin?: boolean;
  /** Of the desktop alone, absent: no. While it records on mains, the computer does not go to sleep by itself. */
  readonly keepAwake?: boolean;
  /** Of the desktop alone, absent or empty: updates are off. The https address of a feed of updates. */
  readonly updateFeed?: string;
}

/** Which dialect the real feed is spoken to in. The demo feed speaks the default. */
export interface DialectState {
  /** It is the user's own, not the default. */
  readonly own: boolean;
  /** The own dialect's name; empty when it has none. */
  readonly name: string;
  /** Why the own dialect cannot be used. The real feed is not connected then, in the default neither. */
  readonly problem: AppError | null;
  /** The file that this run was started with, which goes before what is kept; null without one. */
  readonly file: string | null;
}

/** One thing that is wrong with a dialect document. */
export interface DialectProblem {
  /** Of the field, such as `subscribe.payload`; empty for the document as a whole. */
  readonly path: string;
  /** The rest of the sentence: what it must be. */
  readonly message: string;
  /** UTF-16 units of the document: [from, to). */
  readonly from: number;
  readonly to: number;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface DialectDocuments {
  /** The own document, as it was written; null when there is none. */
  readonly document: string | null;
  /** A document that says all of the default. */
  readonly defaults: string;
  /** Addresses that the environment sets, whatever a document says. */
  readonly environment: Partial<Readonly<Record<Endpoint | 'dictionary', string>>>;
}

/** What was read of a message. */
export interface PreviewField {
  readonly name: string;
  /** Exact; empty when the message does not tell it. */
  readonly value: string;
  /** The message's field or fields that it was taken from; empty for none. */
  readonly from: string;
}

/** What the decoder makes of one message, or of one item of it. */
export interface PreviewItem {
  readonly kind: 'trade' | 'candle' | 'acknowledgement' | 'error' | 'unknown' | 'refused';
  /** Why it is taken for that, in sentences. */
  readonly why: string;
  readonly fields: readonly PreviewField[];
}

export interface DialectPreview {
  /** In the order of the document. With one, the rest is empty. */
  readonly problems: readonly DialectProblem[];
  readonly name: string;
  /** Where the real feed would be connected, and so be sent the key: the environment's addresses go before. */
  readonly addresses: readonly string[];
  /** The handshake's header, the key left out. */
  readonly header: string;
  /** What would be sent to subscribe to one market of the watchlist. */
  readonly requests: readonly string[];
  /** The first 200 of what is in the frame. */
  readonly items: readonly PreviewItem[];
  /** Of all that is in the frame. */
  readonly total: number;
}

export type SourceKind = 'none' | 'live' | 'demo';

export interface Snapshot {
  readonly version: number;
  readonly app: { readonly version: string; readonly host: 'desktop' | 'browser' };
  readonly now: Millis;
  readonly source: SourceKind;
  readonly key: KeyState;
  readonly links: Readonly<Record<Endpoint, LinkState>>;
  readonly recording: RecordingState;
  readonly watchlist: readonly WatchRow[];
  readonly dictionary: DictionaryState;
  readonly store: StoreState;
  /** What the user must know and has not put away: a record that was damaged, say. */
  readonly notice: AppError | null;
  readonly settings: Settings;
  readonly dialect: DialectState;
  /** null while no feed is connected, and until it was first counted. */
  readonly known: KnownToday | null;
  readonly announcements: AnnouncementsState;
}

/** A candle for the screen. `open` to `close` and `vwap` are NaN-free: null when no trade was in the period. */
export interface CandlePoint {
  readonly start: Millis;
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly close: number | null;
  readonly volume: number;
  readonly vwap: number | null;
  readonly trades: number;
  readonly final: boolean;
}

export interface ChartKey {
  readonly market: string;
  readonly granularity: Granularity;
}

/** Everything that the core tells a view without being asked. */
export type CoreEvent =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'source'; readonly source: SourceKind; readonly key: KeyState }
  | { readonly type: 'link'; readonly link: LinkState }
  | { readonly type: 'recording'; readonly recording: RecordingState }
  | { readonly type: 'watchlist'; readonly rows: readonly WatchRow[] }
  | { readonly type: 'ticks'; readonly ticks: readonly Tick[] }
  /** New trades of a followed tape, oldest first; `bytes` in the trade layout. */
  | { readonly type: 'trades'; readonly market: string; readonly count: number; readonly bytes: Uint8Array }
  /** New or changed candles of a followed chart. */
  | { readonly type: 'candles'; readonly chart: ChartKey; readonly candles: readonly CandlePoint[] }
  | { readonly type: 'gap'; readonly gap: Gap }
  /**
   * What was committed of the ledger since the event before, of all watched markets; once a second
   * though nothing changed, and at most four times a second. A session's first one tells all its lines
   * from its start; a market without one was not watched by it.
   */
  | {
      readonly type: 'coverage';
      readonly session: number;
      /** When the session started. */
      readonly started: Micros;
      /** How far the present states reach. */
      readonly until: Micros;
      /** The session is over: from `until` on every line is off. */
      readonly ended: boolean;
      readonly changes: readonly CoverageChange[];
      readonly known: KnownToday | null;
    }
  | { readonly type: 'journal'; readonly entry: JournalEntry }
  /**
   * Another or this view edited, deleted or restored a session of the present source. Pages that were read
   * before it was deleted or restored are of another record.
   */
  | {
      readonly type: 'session';
      readonly session: number;
      readonly change: 'edited' | 'deleted' | 'restored';
    }
  | { readonly type: 'dictionary'; readonly dictionary: DictionaryState }
  | { readonly type: 'store'; readonly store: StoreState }
  | { readonly type: 'notice'; readonly notice: AppError | null }
  /** Something was announced, resolved, seen or muted. Views show the list; the system's notifications are the host's. */
  | { readonly type: 'announcements'; readonly announcements: AnnouncementsState }
  | { readonly type: 'settings'; readonly settings: Settings }
  /** Retention deleted something, or its policy is another: sessions and coverage are to be read anew. */
  | { readonly type: 'retention' }
  | { readonly type: 'dialect'; readonly dialect: DialectState };

export interface CandlePage {
  readonly count: number;
  /** There is more before the first. */
  readonly more: boolean;
  readonly gaps: readonly Gap[];
  /** Candle layout, oldest first. */
  readonly bytes: Uint8Array;
}

export interface TradePage {
  readonly count: number;
  readonly more: boolean;
  /** Trade layout, oldest first. */
  readonly bytes: Uint8Array;
}

export interface BucketPage {
  /** How long each bucket is. Buckets begin at whole multiples of it since the epoch. */
  readonly span: Micros;
  readonly count: number;
  /** Bucket layout, oldest first, without a hole. */
  readonly bytes: Uint8Array;
}

export interface MarketPage {
  readonly total: number;
  readonly markets: readonly MarketInfo[];
  /** When the dictionary was read, or null when it could not be. */
  readonly read: Millis | null;
}

/** A stretch of what matches a query. */
export interface BrowsePage {
  /** Goes up when what is known changes: pages of different revisions do not belong together. */
  readonly revision: number;
  readonly total: number;
  readonly offset: number;
  readonly markets: readonly MarketInfo[];
  /** The most frequent first; at most 300 each. */
  readonly venues: readonly MarketChoice[];
  readonly assetTypes: readonly MarketChoice[];
  readonly active: { readonly yes: number; readonly no: number };
  readonly read: Millis | null;
}

/** name -> arguments and value. Arguments are checked in guards.ts before a handler sees them. */
export interface Commands {
  /** Write-only: no command gives the key back. Stores it in the keychain and connects. */
  'key.set': { args: { readonly key: string }; value: null };
  'key.forget': { args: Record<string, never>; value: null };
  /**
   * Tries a key, or that in use (null), by one handshake at each endpoint. Nothing is subscribed to,
   * recorded or kept; but when another program has changed the key in the keychain, that in use is changed first.
   */
  'key.test': { args: { readonly key: string | null }; value: { readonly verdicts: readonly KeyVerdict[] } };
  /**
   * Asks the keychain again: for the key where there is none, or to keep that of this session. Connects when it
   * was the key that kept Quipu from connecting.
   */
  'key.retry': { args: Record<string, never>; value: null };
  /** Chooses the feed: the real one, the demo feed in this app, or none. */
  'source.set': { args: { readonly source: SourceKind }; value: null };
  /** Tries a waiting or refused link again now; a refused one with the key that the keychain has by now. */
  'link.retry': { args: { readonly endpoint: Endpoint | null }; value: null };
  'recording.set': { args: { readonly on: boolean }; value: null };
  /** Replaces the watchlist; 0 to 500 market ids, in the order of display. */
  'watch.set': { args: { readonly markets: readonly string[] }; value: null };
  /** Asks again for those of these markets (null: of all) that the server refused or did not confirm. */
  'watch.retry': { args: { readonly markets: readonly string[] | null }; value: null };
  /** Matches venue, assets and id; every word of `text` must match. */
  'markets.search': { args: { readonly text: string; readonly limit: number }; value: MarketPage };
  /** Markets `offset` to `offset + limit` (1 to 200) of those that match. */
  'markets.browse': {
    args: MarketQuery & { readonly offset: number; readonly limit: number };
    value: BrowsePage;
  };
  /** Reads the dictionary from the server now; `dictionary` events tell how it goes. */
  'markets.reload': { args: Record<string, never>; value: null };
  /** What this view draws now; replaces what it followed before. */
  'follow.set': {
    args: { readonly charts: readonly ChartKey[]; readonly tapes: readonly string[] };
    value: null;
  };
  /** The newest `limit` (1 to 5,000) candles that start before `before` (null: newest of all). */
  'candles.page': {
    args: { readonly chart: ChartKey; readonly before: Millis | null; readonly limit: number };
    value: CandlePage;
  };
  /** The newest `limit` (1 to 5,000) trades with exchange time before `before`. */
  'trades.page': {
    args: { readonly market: string; readonly before: Micros | null; readonly limit: number };
    value: TradePage;
  };
  /**
   * The trades of a market from `from` up to `to` as at most `limit` (1 to 5,000) buckets, which reach
   * outwards to whole spans; all sessions (null) or one. For drawing alone.
   */
  'buckets.page': {
    args: {
      readonly session: number | null;
      readonly market: string;
      readonly from: Micros;
      readonly to: Micros;
      readonly limit: number;
    };
    value: BucketPage;
  };
  'sessions.list': {
    args: Record<string, never>;
    value: {
      /** Oldest first. */
      readonly sessions: readonly SessionSummary[];
      /** Deleted, and can be restored; the last deleted first. */
      readonly removed: readonly RemovedSession[];
    };
  };
  /** Also of the one that is being recorded. */
  'sessions.edit': { args: SessionEdit & { readonly session: number }; value: null };
  /**
   * Takes a session out of everything. It can be restored until `undoUntil`; then what it holds is taken
   * away. One that is being recorded or is pinned is refused.
   */
  'sessions.delete': { args: { readonly session: number }; value: { readonly undoUntil: Millis } };
  'sessions.restore': { args: { readonly session: number }; value: null };
  /** The newest `limit` (1 to 1,000) entries before row `before` (null: newest of all). Session null: of all. */
  'journal.page': {
    args: {
      readonly session: number | null;
      readonly endpoint: Endpoint | null;
      readonly before: number | null;
      readonly limit: number;
    };
    value: JournalPage;
  };
  /** The newest `limit` (1 to 5,000) minutes that start before `before`, of one endpoint. */
  'health.page': {
    args: { readonly endpoint: Endpoint; readonly before: Millis | null; readonly limit: number };
    value: HealthPage;
  };
  /** Of one recording, or of the running one. */
  'refusals.list': {
    args: { readonly session: number | null };
    value: { readonly refusals: readonly RefusalCount[] };
  };
  /** The last frames of an endpoint, oldest first: at most 200 and 4 MiB as JSON, of each its first 16 KiB. */
  'frames.list': { args: { readonly endpoint: Endpoint }; value: { readonly frames: readonly RawFrame[] } };
  /** All announcements up to this id have been seen. */
  'announcements.seen': { args: { readonly upTo: number }; value: null };
  /** Keeps the system's notifications back, or no longer; the list goes on. Survives a restart. */
  'announcements.mute': { args: { readonly for: MuteFor }; value: null };
  /** Puts the notice away. */
  'notice.dismiss': { args: Record<string, never>; value: null };
  /** What is known of a line between `from` and `to`, of all sessions; see `CoveragePage`. */
  'coverage.page': {
    args: {
      readonly market: string;
      readonly endpoint: Endpoint;
      readonly from: Micros;
      readonly to: Micros;
    };
    value: CoveragePage;
  };
  /**
   * The last hour of every watched market. Of a line with more than 60 stretches they are folded into
   * 30 buckets, each in its worst state.
   */
  'coverage.recent': {
    args: Record<string, never>;
    value: { readonly from: Micros; readonly to: Micros; readonly lines: readonly CoverageLine[] };
  };
  /** One cord for each of 1 to 20 sessions, of at most `buckets` (1 to 500) runs; unknown ones are left out. */
  'coverage.sessions': {
    args: { readonly sessions: readonly number[]; readonly buckets: number };
    value: { readonly cords: readonly SessionCord[] };
  };
  /** Of one session, 1 to 50 of its markets, at most `buckets` (1 to 500) runs a line. */
  'coverage.session': {
    args: { readonly session: number; readonly markets: readonly string[]; readonly buckets: number };
    value: { readonly from: Micros; readonly to: Micros; readonly lines: readonly SessionLine[] };
  };
  'settings.set': { args: { readonly settings: Partial<Settings> }; value: null };
  /** Of the store in use: the demo feed has one of its own, and a policy of its own. */
  'retention.get': {
    args: Record<string, never>;
    value: { readonly policy: RetentionPolicy; readonly kinds: readonly StoredKind[] };
  };
  /** What that policy would delete now. Nothing changes. */
  'retention.preview': { args: { readonly policy: RetentionPolicy }; value: RetentionPreview };
  /** Keeps the policy. It is obeyed from now on, a little at a time. */
  'retention.set': { args: { readonly policy: RetentionPolicy }; value: null };
  'dialect.get': { args: Record<string, never>; value: DialectDocuments };
  /** Keeps the user's own dialect, or goes back to the default (null). The real feed reconnects in it. */
  'dialect.set': { args: { readonly document: string | null }; value: null };
  /** What would come of a document and of a frame in it. Nothing changes. 64 KB and 256 KB at most. */
  'dialect.preview': {
    args: { readonly document: string; readonly endpoint: Endpoint; readonly frame: string };
    value: DialectPreview;
  };
}

export type CommandName = keyof Commands;
export type CommandArgs<N extends CommandName> = Commands[N]['args'];
export type CommandValue<N extends CommandName> = Commands[N]['value'];

/** View to core. `id` is chosen by the view and comes back in the reply. */
export interface Request {
  readonly id: number;
  readonly command: string;
  readonly args: unknown;
}

/** Core to view. */
export type Message =
  | { readonly kind: 'reply'; readonly id: number; readonly result: Result<unknown> }
  | { readonly kind: 'event'; readonly event: CoreEvent };

/**
 * A two-way pipe of a view's side. Transports implement it; `createClient` (renderer/state) is
 * written against it alone.
 */
export interface ClientChannel {
  send(request: Request): void;
  onMessage(listener: (message: Message) => void): void;
  /** Called once when the pipe is gone, with words for the screen. */
  onClose(listener: (why: string) => void): void;
  close(): void;
}

// --- Layouts of `bytes`. Little-endian. What comes out are floats, since they are for the screen alone. ---

/** A trade as `tradesOf` gives it: exchange time in microseconds, price, size, flags. */
export const TRADE_FIELDS = 4;
/** Bits of a trade's flags: 1 buy, 2 sell (neither: side unknown), 4 redelivered. */
export const TRADE_BUY = 1;
export const TRADE_SELL = 2;
export const TRADE_REDELIVERED = 4;

/*
 * Trades in `bytes` are packed (main/core/flow/trade-packer.ts), mostly in 8 to 12 bytes each, and come out
 * as the same floats. Each begins with a byte: its flags and the bits below. Then follow, as variable-length
 * numbers of seven bits a byte, the lowest first, and of both signs (0, -1, 1, -2, ... as 0, 1, 2, 3, ...):
 * the time since the trade before, the digits of the price less those of the trade before, and the digits of
 * the size. A price is its digits divided by ten to the power of the scale; likewise a size.
 */

/** Behind the first byte are two more: the scales of price and size from here on. The price before counts as 0. */
export const TRADE_SCALES = 8;
/** Time, price and size are three float64, since no such numbers tell them; they are not the trade before of the next. */
export const TRADE_PLAIN = 16;
const TRADE_FLAGS = TRADE_BUY | TRADE_SELL | TRADE_REDELIVERED;
const SHORTEST_TRADE = 4;
const PLAIN_TRADE = 25;

/** Powers of ten that a double holds exactly; a scale is below their number. */
export const TRADE_POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, scale) => 10 ** scale);

/** Packed trades as `TRADE_FIELDS` floats each. What is cut off at the end is left out. */
export function tradesOf(bytes: Uint8Array): Float64Array {
  const floats = new Float64Array(Math.floor(bytes.length / SHORTEST_TRADE) * TRADE_FIELDS);
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new PackedNumbers(bytes);
  let [time, price] = [0, 0];
  let [byPrice, bySize] = [1, 1];
  let to = 0;
  while (numbers.at < bytes.length) {
    const head = bytes[numbers.at++] ?? 0;
    if ((head & TRADE_PLAIN) !== 0) {
      if (numbers.at + PLAIN_TRADE - 1 > bytes.length) break;
      for (let field = 0; field < 3; field++) {
        floats[to + field] = data.getFloat64(numbers.at, true);
        numbers.at += 8;
      }
    } else {
      if ((head & TRADE_SCALES) !== 0) {
        byPrice = TRADE_POWERS[bytes[numbers.at++] ?? 0] ?? NaN;
        bySize = TRADE_POWERS[bytes[numbers.at++] ?? 0] ?? NaN;
        price = 0;
      }
      time += numbers.next();
      price += numbers.next();
      const size = numbers.next();
      if (numbers.at > bytes.length) break;
      floats[to] = time;
      floats[to + 1] = price / byPrice;
      floats[to + 2] = size / bySize;
    }
    floats[to + 3] = head & TRADE_FLAGS;
    to += TRADE_FIELDS;
  }
  return floats.subarray(0, to);
}

class PackedNumbers {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++] ?? 0;
    let low = byte & 127;
    for (let shift = 7; byte > 127 && shift < 28; shift += 7) {
      byte = bytes[this.at++] ?? 0;
      low |= (byte & 127) << shift;
    }
    if (byte < 128) return (low >>> 1) ^ -(low & 1);
    let high = 0;
    let factor = 1;
    for (; byte > 127 && factor < 2 ** 28; factor *= 128) {
      byte = bytes[this.at++] ?? 0;
      high += (byte & 127) * factor;
    }
    // Halved before the two are put together: their sum may be beyond what a double holds exactly.
    const size = high * 2 ** 27 + (low >>> 1);
    return (low & 1) === 0 ? size : -size - 1;
  }
}

/** A candle: start (ms), open, high, low, close (NaN: none), volume, vwap (NaN: none), trades, final (0 or 1); float64 each. */
export const CANDLE_FIELDS = 9;

/**
 * A bucket: start (ms), open, high, low, close (NaN: no trade), volume, vwap (NaN: no volume), trades, and
 * the worst of what is known of it as an index into BUCKET_COVERAGE; float64 each.
 */
export const BUCKET_FIELDS = 9;
/** From what is not known at all, since nothing was recorded then, from the best to the worst. */
export const BUCKET_COVERAGE: readonly (CoverageState | null)[] = [
  null,
  'live',
  'quiet',
  'recovered',
  'off',
  'unverified',
  'lost',
];

/** `bytes` as the float64 values that it holds, copied only when it is not aligned. */
export function floatsOf(bytes: Uint8Array): Float64Array {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset % 8 === 0) return new Float64Array(buffer as ArrayBuffer, byteOffset, byteLength >>> 3);
  return new Float64Array(bytes.slice().buffer);
}
