/**
 * How numbers are spread, in bounded memory whatever their count: buckets that grow by 2 %, so that a
 * quantile is told with an error of at most 1 % of its size, or of 0.1 below 0.1.
 */

const SMALLEST = 0.1;
const LARGEST = 1e9;
const LOG_GROWTH = Math.log(1.02);
/** Buckets of one sign. */
const BUCKETS = Math.ceil(Math.log(LARGEST / SMALLEST) / LOG_GROWTH);

export class Histogram {
  /** From the most negative over what counts as 0, in the middle, to the largest. */
  readonly #counts = new Uint32Array(2 * BUCKETS + 1);
  #count = 0;
  /** Of what was added last. */
  #value = NaN;
  #place = 0;
  #least = Infinity;
  #most = -Infinity;

  add(value: number): void {
    // What came at once mostly is of one value, and the logarithm is what this costs.
    if (value !== this.#value) {
      this.#value = value;
      this.#place = BUCKETS + Math.sign(value) * bucketOf(Math.abs(value));
      this.#least = Math.min(this.#least, value);
      this.#most = Math.max(this.#most, value);
    }
    this.#counts[this.#place] = (this.#counts[this.#place] ?? 0) + 1;
    this.#count++;
  }

  /** @param share in [0, 1]; null when nothing was added */
  quantile(share: number): number | null {
    if (this.#count === 0) return null;
    const wanted = Math.floor((this.#count - 1) * share);
    let passed = 0;
    let at = 0;
    for (; at < this.#counts.length; at++) {
      passed += this.#counts[at] ?? 0;
      if (passed > wanted) break;
    }
    const value = Math.sign(at - BUCKETS) * middleOf(Math.abs(at - BUCKETS));
    return Math.min(this.#most, Math.max(this.#least, value));
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#value = NaN;
    this.#least = Infinity;
    this.#most = -Infinity;
  }
}

/** 0 for what is nearly 0, else 1 to BUCKETS. */
function bucketOf(size: number): number {
  if (size < SMALLEST) return 0;
  return Math.min(BUCKETS, 1 + Math.floor(Math.log(size / SMALLEST) / LOG_GROWTH));
}

function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : SMALLEST * Math.exp((bucket - 0.5) * LOG_GROWTH);
}
