/**
 * A candle chart on uPlot: scales, axes, grid and cursor are uPlot's; what the plot shows is drawn
 * by draw.ts in its hooks. It holds no candles: each frame it asks the series for what is in sight.
 */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Millis } from '../../main/core/contract.ts';
import { priceIncrements, priceRange, timeLabel, timeTicks } from './axis.ts';
import { drawCord, flatten, marketCord } from './cord.ts';
import type { CordSpan, MarketCoverage } from './cord.ts';
import {
  drawCandles,
  drawHoleLabels,
  drawHoles,
  drawLastPrice,
  drawMoment,
  drawVolume,
  joins,
  offStretches,
  vwapPath,
  VOLUME_SHARE,
} from './draw.ts';
import type { Plot } from './draw.ts';
import {
  formatClock,
  formatCount,
  formatDay,
  formatDuration,
  formatPrice,
  formatSeconds,
  formatSize,
} from './format.ts';
import { createFrame } from './frame.ts';
import { reading, stops } from './reading.ts';
import { readoutOf } from './series.ts';
import type { CandleSeries, CandleWindow, Readout } from './series.ts';
import { readTokens } from './tokens.ts';
import type { Tokens } from './tokens.ts';
import { Viewport } from './viewport.ts';

/** What a chart is given; see CandleChart.svelte. */
export interface ChartInput {
  readonly series: CandleSeries;
  readonly stepMs: Millis;
  /** What is known of the market, in sight at least. */
  readonly coverage: MarketCoverage;
  /** The core's wall clock. */
  readonly now: Millis;
  readonly priceDigits: number;
  readonly sizeDigits: number;
  readonly hasMore: boolean;
  readonly compact: boolean;
}

export interface ChartEvents {
  needMore(): void;
  readout(readout: Readout | null): void;
  /** The newest candle came into sight or left it. */
  following(isFollowing: boolean): void;
  /** What is in sight: of this the coverage is wanted. */
  range(from: Millis, to: Millis): void;
  /** What was asked of the cord by a key, in words. */
  say(text: string): void;
  /** What the chart shows, in words. */
  summary(text: string): void;
}

const DAY = 86_400_000;
/** So many steps without a candle are a stretch of which candles alone tell nothing: no line crosses it. */
const ABSENT_STEPS = 10;
/** CSS pixels within which the crosshair goes to the nearest candle where none is under it. */
const SNAP = 10;
/** CSS pixels from the plot's floor to the cord's middle, and to the time labels. */
const CORD_AT = 11;
const LABELS_AT = 20;
/** CSS pixels; whole, since uPlot reads no other. */
const FONT_SIZE = 11;
const MARGIN_ABOVE = 0.07;
/** Prices stay clear of the tallest volume bar. */
const MARGIN_BELOW = VOLUME_SHARE + 0.05;
/** Half of what an axis' label takes along its axis, CSS pixels. */
const TIME_HALF = 24;
const PRICE_HALF = 8;
const WHEEL_ZOOM = 0.0016;

/** Place of the VWAP among the chart's series: time, open, high, low and close come before it. */
const VWAP_SERIES = 5;

const NO_CANDLES: CandleWindow = {
  stepMs: 1,
  length: 0,
  start: new Float64Array(0),
  open: new Float64Array(0),
  high: new Float64Array(0),
  low: new Float64Array(0),
  close: new Float64Array(0),
  volume: new Float64Array(0),
  vwap: new Float64Array(0),
  trades: new Float64Array(0),
  final: new Float64Array(0),
};

/** CSS pixels from the plot's corner. */
interface Place {
  readonly x: number;
  readonly y: number;
  /** Under the plot, on the cord. */
  readonly isCord: boolean;
}

/** Elements that the plot places and fills. */
export interface PlotLabels {
  readonly time: HTMLElement;
  readonly price: HTMLElement;
  /** What the cord says. */
  readonly cord: HTMLElement;
}

export class CandlePlot {
  readonly #host: HTMLElement;
  readonly #timeLabel: HTMLElement;
  readonly #priceLabel: HTMLElement;
  readonly #cordLabel: HTMLElement;
  readonly #events: ChartEvents;
  readonly #frame = createFrame(() => this.#drawFrame());
  readonly #stop = new AbortController();
  readonly #resized: ResizeObserver;
  readonly #view: Viewport;
  #input: ChartInput;
  #plot: uPlot | null = null;
  #tokens: Tokens | null = null;
  #family = 'sans-serif';
  /** The canvas is behind what is known; false: the crosshair alone moved. */
  #stale = true;
  #axisWidth = 56;
  /** Where the axes have labels. */
  #timeTicks: readonly Millis[] = [];
  #priceTicks: readonly number[] = [];
  #low = 0;
  #high = 1;
  #candles: CandleWindow = NO_CANDLES;
  #holes: readonly CordSpan[] = [];
  #joined: readonly boolean[] = [];
  #cord: readonly CordSpan[] = [];
  /** Buffer for the middles of the candles in sight. */
  #middles = new Float64Array(0);
  /** Pointer over the plot or the cord under it. */
  #pointer: Place | null = null;
  /** The stretch of the cord that is read by keys. */
  #read: { readonly from: Millis; readonly to: Millis } | null = null;
  /** The moment that is to be brought into sight; null once it is, or when the user goes elsewhere. */
  #sought: Millis | null = null;
  /** The moment that was sought last, which is marked. */
  #marked: Millis | null = null;
  #toldRange = '';
  #drag: { id: number; x: number } | null = null;
  #told: string | null = null;
  #wasFollowing = true;
  /** First candle when older ones were last asked for. */
  #askedBefore: Millis | null = null;

  constructor(host: HTMLElement, labels: PlotLabels, input: ChartInput, events: ChartEvents) {
    this.#host = host;
    this.#timeLabel = labels.time;
    this.#priceLabel = labels.price;
    this.#cordLabel = labels.cord;
    this.#events = events;
    this.#input = input;
    this.#view = new Viewport(input.stepMs);
    this.#resized = new ResizeObserver(() => this.#request());
    this.#resized.observe(host);
    host.tabIndex = 0;
    this.#listen();
    // Labels are measured and painted in the page's font, which may come after the first frame.
    document.fonts.addEventListener('loadingdone', () => this.#request(), { signal: this.#stop.signal });
    this.#request();
  }

  /** Takes what changed and draws it in the next frame. */
  update(input: ChartInput): void {
    const before = this.#input;
    this.#input = input;
    if (before.series !== input.series || before.stepMs !== input.stepMs) {
      this.#view.track(null, 0);
      this.#view.reset(input.stepMs);
      this.#askedBefore = null;
      this.#read = null;
      this.#sought = null;
      this.#marked = null;
    }
    if (before.hasMore !== input.hasMore) this.#askedBefore = null;
    if (before.compact !== input.compact) this.#discard();
    this.#request();
  }

  /** Reads the theme's colours again at the next frame. */
  restyle(): void {
    this.#tokens = null;
    this.#request();
  }

  /** Brings a moment into sight, asks for older candles until it can, and marks it. */
  seek(at: Millis): void {
    this.#sought = at;
    this.#marked = at;
    this.#request();
  }

  /** Back to the newest candle. */
  follow(): void {
    this.#sought = null;
    this.#view.follow();
    this.#request();
  }

  destroy(): void {
    this.#frame.cancel();
    this.#stop.abort();
    this.#resized.disconnect();
    this.#discard();
  }

  #discard(): void {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #request(): void {
    this.#stale = true;
    this.#frame.request();
  }

  #drawFrame(): void {
    const width = this.#host.clientWidth;
    const height = this.#host.clientHeight;
    if (width < 80 || height < 60) return;
    this.#tokens ??= readTokens();
    if (this.#stale) {
      this.#stale = false;
      if (this.#input.series.length === 0) {
        this.#discard();
        this.#hideCursor();
        this.#events.summary(this.#summary());
        return;
      }
      this.#plot ??= this.#create(width, height);
      if (this.#plot.width !== width || this.#plot.height !== height) this.#plot.setSize({ width, height });
      this.#drawCandles(this.#plot);
      this.#askForMore();
      if (this.#view.following !== this.#wasFollowing) {
        this.#wasFollowing = this.#view.following;
        this.#events.following(this.#wasFollowing);
      }
      this.#events.summary(this.#summary());
    }
    if (this.#plot !== null) this.#drawCursor(this.#plot);
  }

  #drawCandles(plot: uPlot): void {
    const { coverage, priceDigits, stepMs } = this.#input;
    const series = this.#shown();
    const first = series.firstStart;
    const end = (series.lastStart ?? 0) + series.stepMs;
    this.#view.track(first, end);
    if (this.#sought !== null && first !== null) this.#goOn(this.#sought, first);
    const { left, right } = this.#view;
    this.#tellRange(left, right);
    // One merged candle on each CSS pixel at the most.
    const candles = series.visible(left, right, Math.max(60, plot.bbox.width / uPlot.pxRatio));
    this.#candles = candles;
    // The picture is of candles: what lacks them is a hole in it, whatever is known of the trades.
    const line = coverage.candles.filter((stretch) => stretch.to > left && stretch.from < right);
    this.#holes = flatten(
      line.filter(({ state }) => state === 'lost' || state === 'unverified'),
      -Infinity,
      Infinity,
    );
    const absentMs = Math.max(ABSENT_STEPS * stepMs, 2 * candles.stepMs);
    const breaks = [...this.#holes, ...offStretches(candles, line)].sort((a, b) => a.from - b.from);
    this.#joined = joins(candles, breaks, absentMs);
    this.#cord = marketCord(coverage.trades, coverage.candles, left, right);
    this.#fit(candles, left, right, priceDigits);
    if (this.#middles.length < candles.length) this.#middles = new Float64Array(candles.length * 2);
    const middles = this.#middles.subarray(0, candles.length);
    for (let i = 0; i < candles.length; i++) middles[i] = (candles.start[i] ?? 0) + candles.stepMs / 2;
    const { open, high, low, close, vwap, volume, trades } = candles;
    const wider = this.#measure(plot);
    plot.batch(() => {
      if (wider) plot.redraw(false, true);
      plot.setData([middles, open, high, low, close, vwap, volume, trades], false);
      plot.setScale('x', { min: left, max: right });
      plot.setScale('y', { min: this.#low, max: this.#high });
    });
  }

  /** The candles at the chart's step. */
  #shown(): CandleSeries {
    const { series, stepMs } = this.#input;
    return stepMs > series.stepMs ? series.merge(stepMs) : series;
  }

  #tellRange(left: Millis, right: Millis): void {
    const range = `${Math.round(left)} ${Math.round(right)}`;
    if (range === this.#toldRange) return;
    this.#toldRange = range;
    this.#events.range(left, right);
  }

  #fit(candles: CandleWindow, left: Millis, right: Millis, digits: number): void {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < candles.length; i++) {
      const start = candles.start[i] ?? 0;
      if (start + candles.stepMs <= left || start >= right) continue;
      const bottom = candles.low[i] ?? NaN;
      const top = candles.high[i] ?? NaN;
      if (bottom < low) low = bottom;
      if (top > high) high = top;
    }
    if (low <= high) [this.#low, this.#high] = priceRange(low, high, digits, MARGIN_ABOVE, MARGIN_BELOW);
  }

  /** As near to the moment as the candles reach; being near their edge, it asks for more. */
  #goOn(at: Millis, first: Millis): void {
    const { left, right, span } = this.#view;
    if (at < left || at >= right) this.#view.pan(at - (left + span / 2));
    if (at >= first || !this.#input.hasMore) this.#sought = null;
  }

  #askForMore(): void {
    const { hasMore } = this.#input;
    const first = this.#shown().firstStart;
    if (first === null || !hasMore) return;
    const isNear = this.#view.left < first + this.#view.span / 4;
    if (!isNear) this.#askedBefore = null;
    else if (this.#askedBefore !== first) {
      this.#askedBefore = first;
      this.#events.needMore();
    }
  }

  #create(width: number, height: number): uPlot {
    this.#family = getComputedStyle(this.#host).fontFamily;
    const font = `${FONT_SIZE}px ${this.#family}`;
    const colour = (name: keyof Tokens) => (): string => this.#tokens?.[name] ?? '';
    const noBind = (): null => null;
    const hidden = { show: true, paths: noBind, points: { show: false }, auto: false };
    const space = this.#input.compact ? 34 : 64;
    return new uPlot(
      {
        width,
        height,
        ms: 1,
        padding: [0, 0, 0, 0],
        legend: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        cursor: {
          points: { show: false },
          drag: { x: false, y: false, setScale: false },
          // The pointer is ours (it pans), and moves the crosshair once a frame.
          bind: {
            mousedown: noBind,
            mouseup: noBind,
            click: noBind,
            dblclick: noBind,
            mousemove: noBind,
            mouseleave: noBind,
            mouseenter: noBind,
          },
        },
        scales: {
          x: { time: false, auto: false, range: (_, min, max) => [min, max] },
          y: { auto: false, range: () => [this.#low, this.#high] },
        },
        axes: [
          {
            side: 2,
            font,
            stroke: colour('dim'),
            size: LABELS_AT + FONT_SIZE + 8,
            gap: LABELS_AT,
            grid: { show: false },
            ticks: { show: false },
            splits: (u, _, min, max) => this.#timeSplits(u, min, max),
            values: (_, splits) => splits.map((at) => timeLabel(at, this.#isFine(splits))),
          },
          {
            side: 1,
            scale: 'y',
            font,
            stroke: colour('dim'),
            size: () => this.#axisWidth,
            gap: 6,
            space,
            incrs: () => priceIncrements(this.#input.priceDigits),
            grid: { stroke: colour('grid'), width: 1 },
            ticks: { show: false },
            values: (u, splits) => {
              const labels = splits.map((price) => this.#priceLabelAt(u, price));
              this.#priceTicks = splits.filter((_price, i) => labels[i] !== null);
              return labels;
            },
          },
        ],
        series: [
          {},
          { ...hidden, label: 'open', scale: 'y' },
          { ...hidden, label: 'high', scale: 'y' },
          { ...hidden, label: 'low', scale: 'y' },
          { ...hidden, label: 'close', scale: 'y' },
          {
            label: 'vwap',
            scale: 'y',
            auto: false,
            width: 1.5,
            stroke: colour('vwap'),
            points: { show: false },
            paths: (u) => ({
              stroke: vwapPath(this.#area(u), this.#candles, this.#joined),
              fill: null,
              clip: null,
            }),
          },
          { ...hidden, label: 'volume', scale: 'y' },
          { ...hidden, label: 'trades', scale: 'y' },
        ],
        hooks: {
          drawAxes: [
            (u) => {
              const area = this.#area(u);
              drawHoles(area, this.#holes);
              drawVolume(area, this.#candles);
            },
          ],
          // Over the VWAP, which lies within its candles and would hide them where they are dense.
          drawSeries: [(u, index) => index === VWAP_SERIES && drawCandles(this.#area(u), this.#candles)],
          draw: [(u) => this.#drawOver(u)],
        },
      },
      [[], [], [], [], [], [], [], []],
      this.#host,
    );
  }

  /** The plot's place in device pixels, for draw.ts. */
  #area(plot: uPlot): Plot {
    const { left, top, width, height } = plot.bbox;
    return {
      ctx: plot.ctx,
      ratio: uPlot.pxRatio,
      left,
      top,
      width,
      height,
      from: plot.scales['x']?.min ?? this.#view.left,
      to: plot.scales['x']?.max ?? this.#view.right,
      low: plot.scales['y']?.min ?? this.#low,
      high: plot.scales['y']?.max ?? this.#high,
      tokens: this.#tokens ?? readTokens(),
      family: this.#family,
    };
  }

  /** Sets the width of the price axis by what is written there; true when it changed. */
  #measure(plot: uPlot): boolean {
    const { priceDigits } = this.#input;
    const { ctx } = plot;
    ctx.save();
    ctx.font = `500 ${FONT_SIZE}px ${this.#family}`;
    const widest = Math.max(
      ctx.measureText(formatPrice(this.#high, priceDigits)).width,
      ctx.measureText(formatPrice(this.#low, priceDigits)).width,
    );
    ctx.restore();
    // In steps, so that the plot does not breathe with each digit's width.
    const width = Math.ceil((widest + 14) / 4) * 4;
    if (width === this.#axisWidth) return false;
    this.#axisWidth = width;
    return true;
  }

  #drawOver(plot: uPlot): void {
    const area = this.#area(plot);
    const { ctx, ratio } = area;
    const series = this.#shown();
    const { priceDigits } = this.#input;
    const last = lastPriced(series);
    if (last !== null && last.close !== null) {
      const isUp = last.close >= (last.open ?? last.close);
      const text = formatPrice(last.close, priceDigits);
      drawLastPrice(area, last.close, text, isUp, plot.width * ratio, FONT_SIZE);
    }
    drawHoleLabels(area, this.#holes, FONT_SIZE);
    const marked = this.#marked;
    if (marked !== null) drawMoment(area, marked, formatClock(marked), FONT_SIZE);
    ctx.save();
    ctx.scale(ratio, ratio);
    drawCord(ctx, {
      x: area.left / ratio,
      y: (area.top + area.height) / ratio + CORD_AT,
      width: area.width / ratio,
      from: area.from,
      to: area.to,
      spans: this.#cord,
      knots: marked === null ? [] : [{ at: marked, kind: 'alert' }],
      tokens: area.tokens,
      ratio,
    });
    ctx.restore();
  }

  /** A mark's price, or nothing where the plot's edge or the last price's label would cut it. */
  #priceLabelAt(plot: uPlot, price: number): string | null {
    const perPixel = ((this.#high - this.#low) * uPlot.pxRatio) / plot.bbox.height;
    const close = lastPriced(this.#shown())?.close ?? Infinity;
    const isCut = this.#high - price < 8 * perPixel || Math.abs(close - price) < 14 * perPixel;
    return isCut ? null : formatPrice(price, this.#input.priceDigits);
  }

  #timeSplits(plot: uPlot, min: Millis, max: Millis): Millis[] {
    const width = plot.bbox.width / uPlot.pxRatio;
    const msPerPixel = (max - min) / width;
    const room = this.#input.compact ? 64 : 96;
    // A label at the very edge would be cut.
    const edge = 18 * msPerPixel;
    const ticks = timeTicks(min + edge, max - edge, room * msPerPixel);
    this.#timeTicks = ticks;
    return ticks;
  }

  #isFine(splits: readonly Millis[]): boolean {
    return splits.some((at) => at % 60_000 !== 0);
  }

  #drawCursor(plot: uPlot): void {
    const pointer = this.#pointer;
    this.#drawReading(plot);
    if (pointer === null || pointer.isCord || this.#drag !== null) {
      const at = this.#readingAt(plot);
      plot.setCursor(
        at === null ? { left: -10, top: -10 } : { left: plot.valToPos(at, 'x'), top: -1 },
        false,
      );
      this.#hideCursor();
      return;
    }
    const at = plot.posToVal(pointer.x, 'x');
    const hole = this.#holes.find((stretch) => stretch.from <= at && at < stretch.to);
    const index = this.#nearest(plot, at, hole === undefined);
    const start = index === null ? null : (this.#candles.start[index] ?? null);
    const x = start === null ? pointer.x : plot.valToPos(start + this.#candles.stepMs / 2, 'x');
    plot.setCursor({ left: x, top: pointer.y }, false);
    const time = this.#timeText(start ?? at);
    const isHole = start === null && hole !== undefined;
    this.#timeLabel.textContent = isHole
      ? `${time}  ${hole.state} ${formatDuration(hole.to - hole.from)}`
      : time;
    this.#priceLabel.textContent = formatPrice(plot.posToVal(pointer.y, 'y'), this.#input.priceDigits);
    this.#timeLabel.hidden = false;
    this.#priceLabel.hidden = false;
    const { offsetLeft, offsetTop, offsetHeight, offsetWidth } = plot.over;
    const wide = this.#timeLabel.offsetWidth;
    const left = Math.round(Math.min(Math.max(x - wide / 2, 0), plot.width - wide));
    this.#timeLabel.style.transform = `translate(${left}px, ${offsetTop + offsetHeight + LABELS_AT - 4}px)`;
    const times = this.#timeTicks.map((tick) => plot.valToPos(tick, 'x'));
    cover(this.#timeLabel, left, left + wide, times, TIME_HALF);
    this.#priceLabel.style.width = `${this.#axisWidth - 4}px`;
    const high = this.#priceLabel.offsetHeight;
    const top = Math.round(pointer.y - high / 2);
    this.#priceLabel.style.transform = `translate(${offsetLeft + offsetWidth + 2}px, ${offsetTop + top}px)`;
    const prices = this.#priceTicks.map((tick) => plot.valToPos(tick, 'y'));
    cover(this.#priceLabel, top, top + high, prices, PRICE_HALF);
    this.#tell(index);
  }

  /** The moment of which the cord is read: under the pointer, or of the stretch that keys chose. */
  #readingAt(plot: uPlot): Millis | null {
    if (this.#drag !== null) return null;
    if (this.#pointer?.isCord === true) return plot.posToVal(this.#pointer.x, 'x');
    if (this.#read === null || this.#pointer !== null) return null;
    const { left, right } = this.#view;
    const from = Math.max(this.#read.from, left);
    const to = Math.min(this.#read.to, right);
    return to > from ? (from + to) / 2 : null;
  }

  /** What is known at that moment, over the cord. */
  #drawReading(plot: uPlot): void {
    const label = this.#cordLabel;
    const at = this.#readingAt(plot);
    const words = at === null ? [] : reading(this.#input.coverage, at, this.#input.now);
    label.hidden = at === null || words.length === 0;
    if (at === null || label.hidden) return;
    const isPointed = this.#pointer?.isCord === true;
    label.textContent = (isPointed ? [formatSeconds(at), ...words] : words).join('\n');
    label.style.maxWidth = `${plot.width - 8}px`;
    const { offsetHeight, offsetLeft, offsetTop } = plot.over;
    const x = offsetLeft + plot.valToPos(at, 'x') - label.offsetWidth / 2;
    const left = Math.round(Math.min(Math.max(x, 4), plot.width - 4 - label.offsetWidth));
    const top = Math.round(offsetTop + offsetHeight - label.offsetHeight - 2);
    label.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** To the next stretch of the cord, or the one before, that is neither live nor quiet. */
  #step(isForward: boolean): void {
    const all = stops(this.#input.coverage);
    const here = this.#read;
    const next = isForward
      ? all.find(({ from, to }) => here === null || from > here.from || (from === here.from && to > here.to))
      : all.findLast(
          ({ from, to }) => here === null || from < here.from || (from === here.from && to < here.to),
        );
    if (next === undefined) {
      const where = here === null ? 'here' : isForward ? 'after this' : 'before this';
      this.#events.say(`Nothing is lacking ${where}.`);
      return;
    }
    this.#read = next;
    this.#pointer = null;
    const middle = (next.from + next.to) / 2;
    const { left, right, span } = this.#view;
    if (next.to <= left || next.from >= right) this.#view.pan(middle - (left + span / 2));
    this.#events.say(reading(this.#input.coverage, middle, this.#input.now).join('. '));
  }

  #hideCursor(): void {
    this.#timeLabel.hidden = true;
    this.#priceLabel.hidden = true;
    this.#tell(null);
  }

  /** Index of the candle at `at`, or of one close by where `mayReach`. */
  #nearest(plot: uPlot, at: Millis, mayReach: boolean): number | null {
    const { start, length, stepMs } = this.#candles;
    let best: number | null = null;
    let least = Infinity;
    const reach = mayReach ? (SNAP * this.#view.span) / Math.max(1, plot.over.clientWidth) : 0;
    for (let i = 0; i < length; i++) {
      const from = start[i] ?? 0;
      const distance = at < from ? from - at : Math.max(0, at - from - stepMs + 1);
      if (distance >= least || distance > reach) continue;
      least = distance;
      best = i;
    }
    return best;
  }

  #timeText(at: Millis): string {
    const { stepMs } = this.#candles;
    if (stepMs >= DAY) return `${formatDay(at)} ${new Date(at).getUTCFullYear()}`;
    const clock = formatClock(at);
    return this.#view.span > DAY / 2 || stepMs >= 3_600_000 ? `${formatDay(at)} ${clock}` : clock;
  }

  #tell(index: number | null): void {
    const readout = index === null ? null : readoutOf(this.#candles, index);
    const mark = readout === null ? null : `${readout.start} ${readout.span} ${this.#input.series.version}`;
    if (mark === this.#told) return;
    this.#told = mark;
    this.#events.readout(readout);
  }

  #summary(): string {
    const { stepMs, priceDigits, sizeDigits } = this.#input;
    const last = this.#shown().at(-1);
    const lost = this.#holes.filter((hole) => hole.state === 'lost').length;
    if (last === null) return `Chart of ${formatDuration(stepMs)} candles: none yet`;
    const price = (value: number | null): string => formatPrice(value, priceDigits);
    return [
      `Chart of ${formatDuration(stepMs)} candles. Newest ${formatDay(last.start)} ${formatClock(last.start)} UTC:`,
      `open ${price(last.open)}, high ${price(last.high)}, low ${price(last.low)}, close ${price(last.close)},`,
      `volume ${formatSize(last.volume, sizeDigits)}, VWAP ${price(last.vwap)}, ${formatCount(last.trades)} trades`,
      `(${last.final ? 'final' : 'provisional'}).`,
      lost > 0 ? `${lost} stretch${lost === 1 ? '' : 'es'} lost in sight.` : '',
    ]
      .join(' ')
      .trim();
  }

  #listen(): void {
    const { signal } = this.#stop;
    const host = this.#host;
    host.addEventListener('pointermove', (event) => this.#onMove(event), { signal });
    host.addEventListener('pointerleave', () => this.#point(null), { signal });
    host.addEventListener('pointerdown', (event) => this.#onDown(event), { signal });
    for (const type of ['pointerup', 'pointercancel'] as const) {
      host.addEventListener(type, (event) => this.#onUp(event), { signal });
    }
    host.addEventListener('dblclick', () => this.#home(), { signal });
    host.addEventListener('keydown', (event) => this.#onKey(event), { signal });
    // Not passive: the page must not scroll under a zoom.
    host.addEventListener('wheel', (event) => this.#onWheel(event), { signal, passive: false });
  }

  #point(pointer: Place | null): void {
    this.#pointer = pointer;
    if (pointer !== null) this.#read = null;
    this.#frame.request();
  }

  /** The event's place in the plot or on the cord, or null outside of both. */
  #placeOf(event: MouseEvent): Place | null {
    const over = this.#plot?.over;
    if (over === undefined) return null;
    const box = over.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    if (x < 0 || y < 0 || x >= box.width || y >= box.height + LABELS_AT) return null;
    return { x, y, isCord: y >= box.height };
  }

  #msPerPixel(): number {
    return this.#view.span / Math.max(1, this.#plot?.over.clientWidth ?? 1);
  }

  #onMove(event: PointerEvent): void {
    if (this.#drag?.id === event.pointerId) {
      this.#view.pan((this.#drag.x - event.clientX) * this.#msPerPixel());
      this.#drag.x = event.clientX;
      this.#request();
    }
    this.#point(this.#placeOf(event));
  }

  #onDown(event: PointerEvent): void {
    if (event.button !== 0 || this.#placeOf(event) === null) return;
    this.#sought = null;
    this.#drag = { id: event.pointerId, x: event.clientX };
    this.#host.setPointerCapture(event.pointerId);
    this.#host.classList.add('dragging');
    this.#frame.request();
  }

  #onUp(event: PointerEvent): void {
    if (this.#drag?.id !== event.pointerId) return;
    this.#drag = null;
    this.#host.classList.remove('dragging');
    this.#frame.request();
  }

  #onWheel(event: WheelEvent): void {
    const place = this.#placeOf(event);
    if (place === null || this.#plot === null) return;
    event.preventDefault();
    // Lines and pages, as some mice count, in pixels.
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const isAcross = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (isAcross) {
      this.#view.pan((event.deltaX || event.deltaY) * unit * this.#msPerPixel());
    } else {
      // A pinch comes as a wheel with Ctrl and small deltas.
      const pinch = event.ctrlKey ? 6 : 1;
      const notch = Math.max(-240, Math.min(240, event.deltaY * unit * pinch));
      this.#view.zoom(Math.exp(notch * WHEEL_ZOOM), this.#view.left + place.x * this.#msPerPixel());
    }
    this.#request();
  }

  #home(): void {
    this.#view.reset(this.#input.stepMs);
    this.#request();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { span, right, following } = this.#view;
    const anchor = following ? right : right - span / 2;
    const part = event.shiftKey ? 0.5 : 0.1;
    switch (event.key) {
      case 'ArrowLeft':
        this.#view.pan(-span * part);
        break;
      case 'ArrowRight':
        this.#view.pan(span * part);
        break;
      case 'PageUp':
        this.#view.pan(-span);
        break;
      case 'PageDown':
        this.#view.pan(span);
        break;
      case '+':
      case '=':
        this.#view.zoom(1 / 1.25, anchor);
        break;
      case '-':
      case '_':
        this.#view.zoom(1.25, anchor);
        break;
      case 'Home':
        this.#view.reset(this.#input.stepMs);
        break;
      case 'End':
        this.#view.follow();
        break;
      case '[':
      case ']':
        this.#step(event.key === ']');
        break;
      case 'Escape':
        if (this.#read === null) return;
        this.#read = null;
        break;
      default:
        return;
    }
    event.preventDefault();
    this.#request();
  }
}

/**
 * Widens the ground of a crosshair's label, which lies on [from, to] of an axis, over those of the
 * axis' own labels (at `ticks`) that it would cut in part.
 */
function cover(label: HTMLElement, from: number, to: number, ticks: readonly number[], half: number): void {
  let before = 0;
  let after = 0;
  for (const tick of ticks) {
    if (tick + half <= from || tick - half >= to) continue;
    before = Math.max(before, from - (tick - half));
    after = Math.max(after, tick + half - to);
  }
  label.style.setProperty('--before', `${-before}px`);
  label.style.setProperty('--after', `${-after}px`);
}

/** The newest candle that has a price. */
function lastPriced(series: CandleSeries): Readout | null {
  for (let back = 1; back <= series.length; back++) {
    const candle = series.at(-back);
    if (candle !== null && candle.close !== null) return candle;
  }
  return null;
}
