/**
 * What a candle chart draws inside its plot. All of it in device pixels, so that edges are crisp at
 * any density; colours come in, nothing is read from the page.
 */
import type { Millis } from '../../main/core/contract.ts';
import { flatten } from './cord.ts';
import type { CordSpan } from './cord.ts';
import { formatDuration } from './format.ts';
import type { CandleWindow } from './series.ts';
import type { Tokens } from './tokens.ts';

/** The plot's place on its canvas in device pixels, and the values at its edges. */
export interface Plot {
  readonly ctx: CanvasRenderingContext2D;
  /** Device pixels for one CSS pixel. */
  readonly ratio: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly from: Millis;
  readonly to: Millis;
  readonly low: number;
  readonly high: number;
  readonly tokens: Tokens;
  /** Font family of the page. */
  readonly family: string;
}

/** Share of the plot's height that volume and trade count take at the bottom. */
export const VOLUME_SHARE = 0.16;
/** CSS pixels that the longest bar of the trade count hangs under the volume's line. */
const TRADES_DEPTH = 9;
/** Share of a candle's time that its body fills, and the widest body in CSS pixels. */
const BODY_SHARE = 0.68;
const WIDEST_BODY = 36;
/** A body of fewer wicks than this leaves no wick to see: the candle is one stroke from high to low. */
const LEAST_BODY = 3;
const STROKE_SHARE = 0.8;

function xOf(plot: Plot, at: Millis): number {
  return plot.left + ((at - plot.from) / (plot.to - plot.from)) * plot.width;
}

function yOf(plot: Plot, price: number): number {
  return plot.top + ((plot.high - price) / (plot.high - plot.low)) * plot.height;
}

/** The wick's width in device pixels: one CSS pixel, whole. */
function wickOf(plot: Plot): number {
  return Math.max(1, Math.floor(plot.ratio));
}

/** The body's width in device pixels, of the wick's parity so that the wick is in its middle. */
function bodyOf(plot: Plot, stepMs: Millis): number {
  const wick = wickOf(plot);
  const slot = (stepMs / (plot.to - plot.from)) * plot.width;
  const widest = Math.min(Math.floor(slot * BODY_SHARE), Math.round(WIDEST_BODY * plot.ratio));
  if (widest < LEAST_BODY * wick) return Math.max(1, Math.floor(slot * STROKE_SHARE));
  return widest - ((widest - wick) & 1);
}

/** Holes: stretches for which the record is lost (dense hatch) or could not be verified (sparse). */
export function drawHoles(plot: Plot, holes: readonly CordSpan[]): void {
  const { ctx, ratio, tokens } = plot;
  for (const hole of holes) {
    const [x0, x1] = edgesOf(plot, hole);
    if (x1 <= x0) continue;
    const lost = hole.state === 'lost';
    ctx.save();
    ctx.beginPath();
    ctx.rect(x0, plot.top, x1 - x0, plot.height);
    ctx.clip();
    ctx.globalAlpha = lost ? 0.35 : 0.2;
    ctx.fillStyle = tokens.raised;
    ctx.fillRect(x0, plot.top, x1 - x0, plot.height);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = tokens.line;
    ctx.lineWidth = wickOf(plot);
    ctx.beginPath();
    const apart = Math.round((lost ? 6 : 14) * ratio);
    for (let x = x0 - plot.height; x < x1; x += apart) {
      ctx.moveTo(x, plot.top + plot.height);
      ctx.lineTo(x + plot.height, plot.top);
    }
    ctx.stroke();
    ctx.restore();
  }
}

/** A moment that was announced: a line through the plot, and its time beside it. */
export function drawMoment(plot: Plot, at: Millis, text: string, size: number): void {
  const { ctx, height, left, ratio, tokens, top, width } = plot;
  if (at < plot.from || at > plot.to) return;
  const wick = wickOf(plot);
  const x = Math.round(xOf(plot, at));
  ctx.save();
  ctx.strokeStyle = tokens.vwap;
  ctx.lineWidth = wick;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  ctx.beginPath();
  // In the middle of a row of pixels, or the line would be two of them, pale.
  ctx.moveTo(x + (wick % 2) / 2, top);
  ctx.lineTo(x + (wick % 2) / 2, top + height);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.font = `500 ${size * ratio}px ${plot.family}`;
  ctx.textBaseline = 'middle';
  const gap = 6 * ratio;
  const isLeft = x + gap + ctx.measureText(text).width > left + width;
  ctx.textAlign = isLeft ? 'right' : 'left';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4 * ratio;
  ctx.strokeStyle = tokens.panel;
  const place = [isLeft ? x - gap : x + gap, top + 32 * ratio] as const;
  ctx.strokeText(text, ...place);
  ctx.fillStyle = tokens.vwap;
  ctx.fillText(text, ...place);
  ctx.restore();
}

/** A hole's edges in whole device pixels within the plot; never narrower than two CSS pixels. */
function edgesOf(plot: Plot, hole: CordSpan): [x0: number, x1: number] {
  const least = Math.round(2 * plot.ratio);
  let x0 = Math.round(xOf(plot, hole.from));
  let x1 = Math.round(xOf(plot, hole.to));
  if (x1 - x0 < least) {
    x0 = Math.round((x0 + x1 - least) / 2);
    x1 = x0 + least;
  }
  return [Math.max(plot.left, x0), Math.min(plot.left + plot.width, x1)];
}

/** Writes each hole's state and length in it, where it is wide enough to be meant and has the room. */
export function drawHoleLabels(plot: Plot, holes: readonly CordSpan[], size: number): void {
  const { ctx, ratio, tokens } = plot;
  ctx.save();
  ctx.font = `500 ${size * ratio}px ${plot.family}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4 * ratio;
  ctx.strokeStyle = tokens.panel;
  let taken = -Infinity;
  for (const hole of holes) {
    const [x0, x1] = edgesOf(plot, hole);
    if (x1 - x0 < 8 * ratio) continue;
    const text = `${hole.state} ${formatDuration(hole.to - hole.from)}`;
    const half = ctx.measureText(text).width / 2;
    const edge = 4 * ratio;
    const x = Math.min(
      Math.max((x0 + x1) / 2, plot.left + half + edge),
      plot.left + plot.width - half - edge,
    );
    if (x - half < taken) continue;
    const y = plot.top + 14 * ratio;
    ctx.strokeText(text, x, y);
    ctx.fillStyle = hole.state === 'lost' ? tokens.bad : tokens.warn;
    ctx.fillText(text, x, y);
    taken = x + half + 8 * ratio;
  }
  ctx.restore();
}

/**
 * Volume as bars that stand on a line near the floor, and the number of trades as fainter bars that
 * hang from it, each on a scale of its own.
 */
export function drawVolume(plot: Plot, candles: CandleWindow): void {
  const { ctx, tokens, ratio } = plot;
  let most = 0;
  let mostTrades = 0;
  for (let i = 0; i < candles.length; i++) {
    const volume = candles.volume[i] ?? 0;
    const trades = candles.trades[i] ?? 0;
    if (volume > most) most = volume;
    if (trades > mostTrades) mostTrades = trades;
  }
  const deepest = Math.round(TRADES_DEPTH * ratio);
  const base = Math.round(plot.top + plot.height) - deepest - wickOf(plot);
  const tallest = plot.height * VOLUME_SHARE - deepest;
  const body = bodyOf(plot, candles.stepMs);
  const least = wickOf(plot);
  ctx.save();
  clipTo(plot);
  ctx.globalAlpha = 0.42;
  for (const isUp of [true, false]) {
    ctx.fillStyle = isUp ? tokens.up : tokens.down;
    for (let i = 0; i < candles.length; i++) {
      const volume = candles.volume[i] ?? 0;
      if (!(volume > 0) || rises(candles, i) !== isUp) continue;
      const height = Math.max(least, Math.round((volume / most) * tallest));
      ctx.fillRect(leftOf(plot, candles, i, body), base - height, body, height);
    }
  }
  ctx.fillStyle = tokens.faint;
  ctx.globalAlpha = 0.7;
  for (let i = 0; i < candles.length; i++) {
    const trades = candles.trades[i] ?? 0;
    if (!(trades > 0)) continue;
    const depth = Math.max(least, Math.round((trades / mostTrades) * deepest));
    ctx.fillRect(leftOf(plot, candles, i, body), base + least, body, depth);
  }
  ctx.restore();
}

function clipTo(plot: Plot): void {
  plot.ctx.beginPath();
  plot.ctx.rect(plot.left, plot.top, plot.width, plot.height);
  plot.ctx.clip();
}

function rises(candles: CandleWindow, index: number): boolean {
  return !((candles.close[index] ?? 0) < (candles.open[index] ?? 0));
}

function leftOf(plot: Plot, candles: CandleWindow, index: number, width: number): number {
  return Math.round(xOf(plot, (candles.start[index] ?? 0) + candles.stepMs / 2) - width / 2);
}

/** Candles: crisp wicks, filled bodies, and a hollow body while a candle is provisional. */
export function drawCandles(plot: Plot, candles: CandleWindow): void {
  const { ctx, tokens } = plot;
  const wick = wickOf(plot);
  const body = bodyOf(plot, candles.stepMs);
  const inset = (body - wick) / 2;
  ctx.save();
  clipTo(plot);
  // One colour after the other: a change of fill for each candle costs more than a second pass.
  for (const isUp of [true, false]) {
    ctx.fillStyle = isUp ? tokens.up : tokens.down;
    for (let i = 0; i < candles.length; i++) {
      const open = candles.open[i] ?? NaN;
      if (Number.isNaN(open) || rises(candles, i) !== isUp) continue;
      const close = candles.close[i] ?? open;
      const left = leftOf(plot, candles, i, body);
      const high = Math.round(yOf(plot, candles.high[i] ?? open));
      const low = Math.max(high + wick, Math.round(yOf(plot, candles.low[i] ?? open)));
      const top = Math.round(yOf(plot, Math.max(open, close)));
      const bottom = Math.max(top + wick, Math.round(yOf(plot, Math.min(open, close))));
      if (body < LEAST_BODY * wick) {
        ctx.fillRect(left, high, body, low - high);
      } else if (candles.final[i] === 1 || bottom - top < 3 * wick) {
        ctx.fillRect(left + inset, high, wick, low - high);
        ctx.fillRect(left, top, body, bottom - top);
      } else {
        ctx.fillRect(left + inset, high, wick, top - high);
        ctx.fillRect(left + inset, bottom, wick, low - bottom);
        ctx.fillRect(left, top, body, wick);
        ctx.fillRect(left, bottom - wick, body, wick);
        ctx.fillRect(left, top, wick, bottom - top);
        ctx.fillRect(left + body - wick, top, wick, bottom - top);
      }
    }
  }
  ctx.restore();
}

/**
 * For each candle, whether a line may come to it from the one before: never across a hole, nor
 * across a stretch of `longestMs` without any candle. A minute merely without trades breaks nothing.
 */
export function joins(candles: CandleWindow, holes: readonly CordSpan[], longestMs: Millis): boolean[] {
  const out: boolean[] = [];
  let hole = 0;
  let before = NaN;
  for (let i = 0; i < candles.length; i++) {
    const at = (candles.start[i] ?? 0) + candles.stepMs / 2;
    // A hole that ended before the last point cannot lie between this one and the next.
    while (hole < holes.length && (holes[hole]?.to ?? 0) <= before) hole++;
    const next = holes[hole];
    const crosses = next !== undefined && next.from < at;
    out.push(!Number.isNaN(before) && !crosses && at - before - candles.stepMs < longestMs);
    before = at;
  }
  return out;
}

/** The vendor's VWAP: a solid line from middle to middle; a point that joins nothing is a dash of its candle's width. */
export function vwapPath(plot: Plot, candles: CandleWindow, joined: readonly boolean[]): Path2D {
  const path = new Path2D();
  const half = Math.max(plot.ratio, bodyOf(plot, candles.stepMs) / 2);
  let isOpen = false;
  let lone: [x: number, y: number] | null = null;
  const dash = (): void => {
    if (lone === null) return;
    path.moveTo(lone[0] - half, lone[1]);
    path.lineTo(lone[0] + half, lone[1]);
    lone = null;
  };
  for (let i = 0; i < candles.length; i++) {
    if (joined[i] !== true) isOpen = false;
    const value = candles.vwap[i] ?? NaN;
    if (Number.isNaN(value)) continue;
    const x = xOf(plot, (candles.start[i] ?? 0) + candles.stepMs / 2);
    const y = yOf(plot, value);
    if (isOpen) {
      path.lineTo(x, y);
      lone = null;
    } else {
      dash();
      path.moveTo(x, y);
      lone = [x, y];
      isOpen = true;
    }
  }
  dash();
  return path;
}

/** The last price: a dotted line across, and a filled label on the axis. `right`: the canvas' edge. */
export function drawLastPrice(
  plot: Plot,
  price: number,
  text: string,
  isUp: boolean,
  right: number,
  size: number,
): void {
  const { ctx, ratio, tokens } = plot;
  const y = Math.round(yOf(plot, price));
  if (y < plot.top || y > plot.top + plot.height) return;
  const wick = wickOf(plot);
  const edge = plot.left + plot.width;
  ctx.save();
  ctx.fillStyle = isUp ? tokens.up : tokens.down;
  ctx.globalAlpha = 0.7;
  for (let x = plot.left; x < edge; x += 4 * wick) ctx.fillRect(x, y, wick, wick);
  ctx.globalAlpha = 1;
  const height = Math.round((size + 5) * ratio);
  const left = Math.round(edge + 2 * ratio);
  ctx.fillRect(left, Math.round(y - height / 2), Math.round(right - 2 * ratio) - left, height);
  ctx.fillStyle = tokens.panel;
  ctx.font = `500 ${size * ratio}px ${plot.family}`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.fillText(text, edge + 6 * ratio, y + ratio * 0.5);
  ctx.restore();
}

/** Stretches of at least `leastMs` within [first, end] that hold no candle. */
export function absences(candles: CandleWindow, leastMs: Millis): { from: Millis; to: Millis }[] {
  const out: { from: Millis; to: Millis }[] = [];
  for (let i = 1; i < candles.length; i++) {
    const from = (candles.start[i - 1] ?? 0) + candles.stepMs;
    const to = candles.start[i] ?? 0;
    if (to - from >= leastMs) out.push({ from, to });
  }
  return out;
}

/**
 * The stretches between candles in which nothing was recorded, of at least a candle's length: no line
 * crosses them. What redelivery brought of the time before a start has its candles, and is no such stretch.
 *
 * @param line the candles' coverage, oldest first, without overlaps
 */
export function offStretches(candles: CandleWindow, line: readonly CordSpan[]): CordSpan[] {
  const off = line.filter(({ state }) => state === 'off');
  if (off.length === 0) return [];
  return absences(candles, candles.stepMs).flatMap((absence) =>
    flatten(off, absence.from, absence.to).filter(({ from, to }) => to - from >= candles.stepMs),
  );
}
