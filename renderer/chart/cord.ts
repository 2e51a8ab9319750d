/**
 * The cord: a market's coverage as a strand. Full is live, twisted recovered, dashed unverified, a
 * cut between two knots lost, a hair quiet, nothing off. Shape tells them apart before colour does.
 *
 * Drawing is in CSS pixels on a context that is scaled to the screen's density.
 */
import { COVERAGE_RANK } from '../../main/core/contract.ts';
import type { CoverageState, Endpoint, Millis } from '../../main/core/contract.ts';
import type { Tokens } from './tokens.ts';

export type CordState = CoverageState;

/** A stretch [from, to) of one state. */
export interface CordSpan {
  readonly from: Millis;
  readonly to: Millis;
  readonly state: CordState;
}

/** The same of one line, with its cause in words. */
export interface CordStretch extends CordSpan {
  readonly cause: string;
}

/** What is known of a market: a line for each endpoint, oldest first, without overlap. */
export type MarketCoverage = Readonly<Record<Endpoint, readonly CordStretch[]>>;

/** Something that is tied into the cord at a moment: an alert is round, a mismatch of the audit square. */
export interface CordKnot {
  readonly at: Millis;
  readonly kind: 'alert' | 'mismatch';
}

/**
 * The same where the two endpoints of a market are one cord: the worse of both. But an endpoint that is
 * off, as where a key is for one of them alone, leaves the word to the other.
 */
const ENDPOINTS_RANK: readonly CordState[] = ['off', 'live', 'quiet', 'recovered', 'unverified', 'lost'];
/** CSS pixels below which a state could no longer be told from its neighbours. */
const LEAST_WIDTH: Readonly<Record<CordState, number>> = {
  live: 1,
  quiet: 1,
  off: 1,
  recovered: 5,
  unverified: 5,
  lost: 7,
};
/** The height that the drawing needs, in CSS pixels. */
export const CORD_HEIGHT = 10;

/** Both endpoints of a market in one cord within [firstMs, lastMs]. */
export function marketCord(
  trades: readonly CordSpan[],
  candles: readonly CordSpan[],
  firstMs: Millis,
  lastMs: Millis,
): CordSpan[] {
  return flatten([...trades, ...candles], firstMs, lastMs, ENDPOINTS_RANK);
}

/**
 * The same spans without overlap within [firstMs, lastMs], neighbours of one state joined: where they
 * meet, the one that is later in `rank` stays.
 */
export function flatten(
  spans: readonly CordSpan[],
  firstMs: Millis,
  lastMs: Millis,
  rank: readonly CordState[] = COVERAGE_RANK,
): CordSpan[] {
  const edges: { at: Millis; place: number; step: number }[] = [];
  for (const span of spans) {
    const from = Math.max(span.from, firstMs);
    const to = Math.min(span.to, lastMs);
    if (!(to > from)) continue;
    const place = rank.indexOf(span.state);
    edges.push({ at: from, place, step: 1 }, { at: to, place, step: -1 });
  }
  edges.sort((a, b) => a.at - b.at);
  const depth = rank.map(() => 0);
  const out: { from: Millis; to: Millis; state: CordState }[] = [];
  for (let i = 0; i < edges.length; i++) {
    const edge = edges[i];
    const next = edges[i + 1];
    if (edge === undefined || next === undefined) break;
    depth[edge.place] = (depth[edge.place] ?? 0) + edge.step;
    if (next.at === edge.at) continue;
    const state = rank[depth.findLastIndex((count) => count > 0)];
    if (state === undefined) continue;
    const last = out.at(-1);
    if (last !== undefined && last.to === edge.at && last.state === state) last.to = next.at;
    else out.push({ from: edge.at, to: next.at, state });
  }
  return out;
}

/** A run of CSS pixels [x0, x1) in one state. */
export interface CordRun {
  readonly x0: number;
  readonly x1: number;
  readonly state: CordState;
}

/**
 * Where each state lies on `width` pixels that show [from, to): what is lost, unverified or
 * recovered keeps a least width, so that no zoom hides it, and runs that come to touch are one.
 */
export function layoutCord(spans: readonly CordSpan[], from: Millis, to: Millis, width: number): CordRun[] {
  const pixels = Math.floor(width);
  if (pixels <= 0 || !(to > from)) return [];
  const scale = pixels / (to - from);
  const states = new Int8Array(pixels).fill(-1);
  for (let order = 0; order < COVERAGE_RANK.length; order++) {
    const state = COVERAGE_RANK[order];
    if (state === undefined) continue;
    const least = Math.min(LEAST_WIDTH[state], pixels);
    for (const span of spans) {
      if (span.state !== state || span.to <= from || span.from >= to) continue;
      let x0 = Math.round((span.from - from) * scale);
      let x1 = Math.round((span.to - from) * scale);
      if (x1 - x0 < least) {
        x0 = Math.round(((span.from + span.to) / 2 - from) * scale - least / 2);
        x1 = x0 + least;
        // A stretch at the very edge stays whole on the side that shows.
        if (span.from >= from && x0 < 0) [x0, x1] = [0, least];
        if (span.to <= to && x1 > pixels) [x0, x1] = [pixels - least, pixels];
      }
      states.fill(order, Math.max(0, x0), Math.min(pixels, Math.max(0, x1)));
    }
  }
  const runs: CordRun[] = [];
  let x0 = 0;
  for (let x = 1; x <= pixels; x++) {
    if (x < pixels && states[x] === states[x0]) continue;
    const state = COVERAGE_RANK[states[x0] ?? -1];
    if (state !== undefined && state !== 'off') runs.push({ x0, x1: x, state });
    x0 = x;
  }
  return runs;
}

export interface CordPicture {
  readonly x: number;
  /** The strand's middle. */
  readonly y: number;
  readonly width: number;
  readonly from: Millis;
  readonly to: Millis;
  readonly spans: readonly CordSpan[];
  readonly knots: readonly CordKnot[];
  readonly tokens: Tokens;
  /** Device pixels for one CSS pixel. */
  readonly ratio: number;
}

const KNOT_RADIUS = 2.75;

/** Draws a cord. What lies around it stays; nothing is drawn outside of its width but half a knot. */
export function drawCord(ctx: CanvasRenderingContext2D, picture: CordPicture): void {
  const { x, width, from, to, tokens, ratio } = picture;
  const y = Math.round(picture.y * ratio) / ratio;
  const runs = layoutCord(picture.spans, from, to, width);
  ctx.save();
  for (const run of runs) drawRun(ctx, run, x, y, tokens);
  for (const run of runs) {
    if (run.state !== 'lost') continue;
    // Where the cut goes on beyond the picture, its end is not here and has no knot.
    if (run.x0 > 0) drawKnot(ctx, x + run.x0, y, tokens.bad, tokens.panel, 'round');
    if (run.x1 < Math.floor(width)) drawKnot(ctx, x + run.x1, y, tokens.bad, tokens.panel, 'round');
  }
  for (const knot of picture.knots) {
    if (knot.at < from || knot.at > to) continue;
    const at = x + ((knot.at - from) / (to - from)) * width;
    if (knot.kind === 'alert') drawKnot(ctx, at, y, tokens.vwap, tokens.panel, 'round');
    else drawKnot(ctx, at, y, tokens.bad, tokens.panel, 'square');
  }
  ctx.restore();
}

function drawRun(ctx: CanvasRenderingContext2D, run: CordRun, x: number, y: number, tokens: Tokens): void {
  const x0 = x + run.x0;
  const x1 = x + run.x1;
  switch (run.state) {
    case 'live':
      ctx.globalAlpha = 0.8;
      ctx.fillStyle = tokens.up;
      ctx.fillRect(x0, y - 1.5, x1 - x0, 3);
      break;
    case 'quiet':
      ctx.globalAlpha = 0.55;
      ctx.fillStyle = tokens.up;
      ctx.fillRect(x0, y - 0.5, x1 - x0, 1);
      break;
    case 'recovered':
      ctx.globalAlpha = 1;
      ctx.strokeStyle = tokens.up;
      drawTwist(ctx, x0, x1, y);
      break;
    case 'unverified':
      ctx.globalAlpha = 1;
      ctx.fillStyle = tokens.warn;
      for (let at = x0; at < x1; at += 5) ctx.fillRect(at, y - 1.5, Math.min(3, x1 - at), 3);
      break;
    case 'lost':
      ctx.globalAlpha = 0.75;
      ctx.fillStyle = tokens.bad;
      for (let at = x0 + 5; at < x1 - 4; at += 3) ctx.fillRect(at, y - 0.5, 1, 1);
      break;
    case 'off':
      break;
  }
  ctx.globalAlpha = 1;
}

function drawTwist(ctx: CanvasRenderingContext2D, x0: number, x1: number, y: number): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x0, y - 2.5, x1 - x0, 5);
  ctx.clip();
  ctx.beginPath();
  ctx.lineWidth = 1.6;
  for (let at = x0 - 5; at < x1 + 5; at += 4) {
    ctx.moveTo(at, y + 3);
    ctx.lineTo(at + 5, y - 3);
  }
  ctx.stroke();
  ctx.restore();
}

function drawKnot(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  colour: string,
  ground: string,
  shape: 'round' | 'square',
): void {
  // The ground shows round the knot, so that it does not melt into the strand.
  for (const [fill, r] of [
    [ground, KNOT_RADIUS + 1.25],
    [colour, KNOT_RADIUS],
  ] as const) {
    ctx.fillStyle = fill;
    ctx.beginPath();
    if (shape === 'round') {
      ctx.arc(x, y, r, 0, Math.PI * 2);
    } else {
      const half = r * 1.25;
      ctx.moveTo(x, y - half);
      ctx.lineTo(x + half, y);
      ctx.lineTo(x, y + half);
      ctx.lineTo(x - half, y);
      ctx.closePath();
    }
    ctx.fill();
  }
}
