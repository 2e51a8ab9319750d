/** What was measured, as a table for people and as plain values for JSON. */
import { BYTES, cpuOf, type Measured, median, rateOf, type RowResult } from './harness.ts';

const NONE: Measured = { samples: [], missing: null };

/** How many times as fast ours is as the row's measure; NaN when that could not be measured. */
function ratioOf({ row, contenders }: RowResult): number {
  return rateOf(contenders.get('ours') ?? NONE) / rateOf(contenders.get(row.against) ?? NONE);
}

/** The same by CPU time, which other programs disturb less; but a server or a disk may be the limit. */
function cpuRatioOf({ row, contenders }: RowResult): number {
  return cpuOf(contenders.get(row.against) ?? NONE) / cpuOf(contenders.get('ours') ?? NONE);
}

function noteOf({ samples }: Measured, note: string): number {
  return median(samples.map(({ notes = {} }) => notes[note] ?? NaN));
}

/** What ours takes, and the most that it may; null where nothing is asked. */
function bytesOf({ row, contenders }: RowResult): { readonly ours: number; readonly most: number } | null {
  if (row.bytes === undefined) return null;
  const ours = noteOf(contenders.get('ours') ?? NONE, BYTES);
  if ('most' in row.bytes) return { ours, most: row.bytes.most };
  return { ours, most: row.bytes.share * noteOf(contenders.get(row.against) ?? NONE, BYTES) };
}

/** A target that must be reached was not. */
export function missed(result: RowResult): boolean {
  const { must } = result.row;
  const bytes = bytesOf(result);
  if (bytes !== null && !(bytes.ours <= bytes.most)) return true;
  return must !== null && !(ratioOf(result) >= must);
}

function verdictOf(result: RowResult): string {
  const { must, shall } = result.row;
  const ratio = ratioOf(result);
  if (missed(result)) return 'missed';
  if (must === null) return '';
  return shall !== null && ratio >= shall ? 'shall' : 'must';
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e3) return `${(value / 1e3).toPrecision(3)} k`;
  return value.toPrecision(3);
}

function times(value: number | null): string {
  if (value === null) return '';
  return Number.isFinite(value) ? `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}x` : '-';
}

/** Markdown. Ratios are of the row's measure, whose own is 1. */
export function tableOf(results: readonly RowResult[]): string {
  const head = [
    'stage',
    'the machine allows',
    'alternatives',
    'ours',
    'ratio',
    'by CPU time',
    BYTES,
    'must / shall',
    'reached',
  ];
  const lines = results.map((result) => {
    const { row, contenders } = result;
    const base = rateOf(contenders.get(row.against) ?? NONE);
    const beside = (limits: boolean): string =>
      [...contenders]
        .filter(([name]) => name !== 'ours' && (row.limits?.includes(name) ?? false) === limits)
        .map(([name, measured]) => {
          if (measured.missing !== null) return `${name}: left out`;
          const rate = rateOf(measured);
          const own = name === row.against ? `${figure(rate)} ${row.unit}/s` : times(rate / base);
          return `${name} ${own}`;
        })
        .join(', ');
    const ours = contenders.get('ours') ?? NONE;
    const bytes = bytesOf(result);
    return [
      row.stage,
      beside(true),
      beside(false),
      `${figure(rateOf(ours))} ${row.unit}/s`,
      times(ratioOf(result)),
      times(cpuRatioOf(result)),
      bytes === null ? '' : `${figure(bytes.ours)} of ${figure(bytes.most)}`,
      row.must === null ? '' : `${times(row.must)} / ${times(row.shall)}`,
      verdictOf(result),
    ];
  });
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const notes = results.flatMap(({ row, contenders }) =>
    [...contenders].flatMap(([name, { samples }]) =>
      Object.keys(samples[0]?.notes ?? {}).map((note) => {
        const value = median(samples.map(({ notes = {} }) => notes[note] ?? NaN));
        return `${row.name}, ${name}: ${note}: ${figure(value)}`;
      }),
    ),
  );
  const missing = results.flatMap(({ row, contenders }) =>
    [...contenders].flatMap(([name, { missing: why }]) =>
      why === null ? [] : [`${row.name}: ${name} was left out: ${why}.`],
    ),
  );
  return [table, ...notes, ...new Set(missing)].join('\n');
}

/** For JSON. */
export function reportOf(result: RowResult): Record<string, unknown> {
  const { row, contenders } = result;
  const ratio = ratioOf(result);
  return {
    name: row.name,
    stage: row.stage,
    against: row.against,
    limits: row.limits ?? [],
    ratio: Number.isFinite(ratio) ? ratio : null,
    cpuRatio: cpuRatioOf(result),
    must: row.must,
    shall: row.shall,
    reached: verdictOf(result),
    contenders: Object.fromEntries(
      [...contenders].map(([name, measured]) => [
        name,
        measured.missing !== null
          ? { missing: measured.missing }
          : { perSecond: rateOf(measured), cpuMicros: cpuOf(measured), samples: measured.samples },
      ]),
    ),
  };
}
