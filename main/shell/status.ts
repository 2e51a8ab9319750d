/** What the tray tells of the core: its state in one of four shapes, and a line for each endpoint. */
import type {
  CoreEvent,
  Endpoint,
  LinkPhase,
  LinkState,
  RecordingState,
  SourceKind,
} from '../core/contract.ts';
import { ENDPOINTS } from '../core/contract.ts';

export type TrayShape = 'live' | 'degraded' | 'disconnected' | 'not-recording';

/** The part of the core's state that the tray shows. */
export interface Status {
  readonly source: SourceKind;
  readonly links: Readonly<Record<Endpoint, LinkState>>;
  readonly recording: RecordingState;
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
};

/** The status after an event; null before the first snapshot. */
export function statusAfter(status: Status | null, event: CoreEvent): Status | null {
  if (event.type === 'snapshot') {
    const { source, links, recording } = event.snapshot;
    return { source, links, recording };
  }
  if (status === null) return null;
  if (event.type === 'source') return { ...status, source: event.source };
  if (event.type === 'recording') return { ...status, recording: event.recording };
  if (event.type === 'link') {
    return { ...status, links: { ...status.links, [event.link.endpoint]: event.link } };
  }
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
    title: `Quipu${demo}: ${SHAPE_WORD[shape]}`,
    lines: [
      recordingWords(status.recording),
      ...ENDPOINTS.map((endpoint) => linkWords(status.links[endpoint])),
    ],
  };
}

function shapeOf({ links, recording }: Status): TrayShape {
  if (recording.state !== 'recording') return 'not-recording';
  const live = ENDPOINTS.filter((endpoint) => links[endpoint].phase === 'live').length;
  return live === ENDPOINTS.length ? 'live' : live > 0 ? 'degraded' : 'disconnected';
}

function recordingWords({ state, problem }: RecordingState): string {
  if (state === 'recording') return 'Recording';
  return problem === null ? 'Not recording' : `Not recording: ${problem.message}`;
}

function linkWords({ endpoint, phase, problem }: LinkState): string {
  const why = phase === 'live' || problem === null ? '' : `: ${problem.message}`;
  return `${ENDPOINT_WORD[endpoint]} ${PHASE_WORD[phase]}${why}`;
}
