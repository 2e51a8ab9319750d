/** What the tray tells of the core: its state in one of six shapes, and a line for each endpoint. */
import type {
  AnnouncementsState,
  CoreEvent,
  Endpoint,
  LinkPhase,
  LinkState,
  RecordingState,
  SourceKind,
} from '../core/contract.ts';
import { ENDPOINTS, unseenOf } from '../core/contract.ts';
import { clockWords } from './clock-words.ts';

export type TrayShape = 'live' | 'degraded' | 'disconnected' | 'not-recording' | 'paused' | 'alert';

/** The part of the core's state that the tray shows. */
export interface Status {
  readonly source: SourceKind;
  readonly links: Readonly<Record<Endpoint, LinkState>>;
  readonly recording: RecordingState;
  readonly announcements: AnnouncementsState;
}

export interface TrayWords {
  readonly shape: TrayShape;
  readonly title: string;
  /** Of the recording, then one for each endpoint. */
  readonly lines: readonly string[];
}

const PHASE_WORD: Readonly<Record<LinkPhase, string>> = {
  idle: 'idle',
  connecting: 'connecting',
  handshaking: 'connecting',
  live: 'live',
  stale: 'silent',
  waiting: 'waiting to try again',
  refused: 'refused',
  suspended: 'suspended',
  stopped: 'stopped',
};
const ENDPOINT_WORD: Readonly<Record<Endpoint, string>> = { trades: 'Trades', candles: 'Candles' };
const SHAPE_WORD: Readonly<Record<TrayShape, string>> = {
  live: 'live',
  degraded: 'one of two endpoints is live',
  disconnected: 'disconnected',
  'not-recording': 'not recording',
  paused: 'recording is paused',
  alert: 'an alert',
};

/** The status after an event; null before the first snapshot. */
export function statusAfter(status: Status | null, event: CoreEvent): Status | null {
  if (event.type === 'snapshot') {
    const { source, links, recording, announcements } = event.snapshot;
    return { source, links, recording, announcements };
  }
  if (status === null) return null;
  if (event.type === 'source') return { ...status, source: event.source };
  if (event.type === 'recording') return { ...status, recording: event.recording };
  if (event.type === 'link') {
    return { ...status, links: { ...status.links, [event.link.endpoint]: event.link } };
  }
  if (event.type === 'announcements') return { ...status, announcements: event.announcements };
  return status;
}

/** The words and the shape for a status; null: the core is not there yet. */
export function trayWords(status: Status | null): TrayWords {
  if (status === null)
    return { shape: 'not-recording', title: 'Quipu: opening', lines: ['Opening the record'] };
  const shape = shapeOf(status);
  const demo = status.source === 'demo' ? ' (demo feed)' : '';
  return {
    shape,
    title: `Quipu${demo}: ${titleWords(shape, status)}`,
    lines: [
      recordingWords(status.recording),
      ...ENDPOINTS.map((endpoint) => linkWords(status.links[endpoint])),
    ],
  };
}

/** What hinders the record goes before an alert, which the title counts all the same. */
function shapeOf({ announcements, links, recording }: Status): TrayShape {
  if (recording.state === 'stopped' && recording.pausedSince !== undefined) return 'paused';
  if (recording.state !== 'recording') return 'not-recording';
  const live = ENDPOINTS.filter((endpoint) => links[endpoint].phase === 'live').length;
  if (live === 0) return 'disconnected';
  if (unseenOf(announcements).some(({ kind }) => kind === 'alert')) return 'alert';
  return live === ENDPOINTS.length ? 'live' : 'degraded';
}

function titleWords(shape: TrayShape, { announcements }: Status): string {
  const alerts = unseenOf(announcements).filter(({ kind }) => kind === 'alert').length;
  const words = alerts === 0 ? '' : `${alerts} ${alerts === 1 ? 'alert' : 'alerts'}`;
  if (shape === 'alert') return words;
  return words === '' ? SHAPE_WORD[shape] : `${SHAPE_WORD[shape]}, ${words}`;
}

function recordingWords({ state, problem, pausedSince }: RecordingState): string {
  if (state === 'recording') return 'Recording';
  if (state === 'stopped' && pausedSince !== undefined)
    return `Paused since ${clockWords(pausedSince)}: nothing is recorded`;
  return problem === null ? 'Not recording' : `Not recording: ${problem.message}`;
}

function linkWords({ endpoint, phase, problem }: LinkState): string {
  const why = phase === 'live' || problem === null ? '' : `: ${problem.message}`;
  return `${ENDPOINT_WORD[endpoint]} ${PHASE_WORD[phase]}${why}`;
}
