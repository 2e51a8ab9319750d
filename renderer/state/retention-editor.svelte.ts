/**
 * How long what was recorded is kept, as it is being set: the fields, what is wrong with each, and what the
 * policy that they make would delete. Nothing is applied that was not shown before.
 */
import {
  KEEP_ALL,
  MAX_RETENTION_DAYS,
  MIN_STORE_BYTES,
  type RetentionPolicy,
  type RetentionPreview,
  type StoredKind,
} from '../../main/core/contract.ts';
import type { AppError } from '../../main/core/result.ts';
import type { Ask } from './dialect-editor.svelte.ts';

export type RetentionField = keyof RetentionPolicy;
export type RetentionTexts = Readonly<Record<RetentionField, string>>;

const GIGABYTE = 1e9;
const EMPTY: RetentionTexts = { tradesDays: '', candlesDays: '', historyDays: '', maxBytes: '' };

/** A field's value, or what it must be. */
type Read = { readonly value: number | null } | { readonly problem: string };

export class RetentionEditor {
  /** Days, and gigabytes of the limit. Empty: for ever, and no limit. */
  texts = $state.raw<RetentionTexts>(EMPTY);
  /** null until the core has told it. */
  policy = $state.raw<RetentionPolicy | null>(null);
  kinds = $state.raw<readonly StoredKind[]>([]);
  /** What was last shown. */
  preview = $state.raw<RetentionPreview | null>(null);
  /** What a button could not do, until the next thing is done. */
  problem = $state.raw<AppError | null>(null);
  isBusy = $state(false);
  /** The policy was applied just now: what it deletes goes in the background. */
  isApplied = $state(false);

  /** Of each field that cannot be used, what it must be. */
  readonly problems: Readonly<Partial<Record<RetentionField, string>>> = $derived(problemsOf(this.texts));
  /** What the fields make; null while one of them cannot be used. */
  readonly wanted: RetentionPolicy | null = $derived(policyOf(this.texts, this.policy));
  readonly isEdited = $derived(this.policy !== null && !isSame(this.wanted, this.policy));
  /** The preview is of exactly what the fields make. */
  readonly isShown = $derived(this.preview !== null && isSame(this.wanted, this.preview.policy));

  readonly #ask: Ask;
  /** The user wrote into a field, perhaps before the policy was here. */
  #isTouched = false;
  /** Somebody looks at it, or did. */
  #isWanted = false;
  /** Counts stores: an answer of another one is of no use. */
  #turn = 0;
  /** Counts previews: an answer to an older one is of no use. */
  #asked = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Another store: each has a policy of its own. */
  reset(): void {
    this.#turn++;
    this.#asked++;
    this.#isTouched = false;
    this.texts = EMPTY;
    this.policy = null;
    this.kinds = [];
    this.preview = null;
    this.problem = null;
    this.isApplied = false;
    this.changed();
  }

  /** Something was deleted, or another view set a policy. */
  changed(): void {
    if (this.#isWanted) void this.load();
  }

  /** Reads what is kept; what is being written stays. */
  async load(): Promise<void> {
    this.#isWanted = true;
    const turn = this.#turn;
    const result = await this.#ask('retention.get', {});
    if (turn !== this.#turn) return;
    if (!result.ok) {
      this.problem = result.error;
      return;
    }
    const isWritten = this.#isTouched && (this.policy === null || this.isEdited);
    this.policy = result.value.policy;
    this.kinds = result.value.kinds;
    if (!isWritten) this.texts = textsOf(this.policy);
  }

  edit(field: RetentionField, text: string): void {
    this.#isTouched = true;
    this.texts = { ...this.texts, [field]: text };
    this.problem = null;
    this.isApplied = false;
  }

  revert(): void {
    this.#isTouched = false;
    this.texts = textsOf(this.policy ?? KEEP_ALL);
    this.preview = null;
    this.problem = null;
  }

  /** Asks what the fields' policy would delete. */
  async look(): Promise<void> {
    const policy = this.wanted;
    if (policy === null) return;
    const asked = ++this.#asked;
    this.isBusy = true;
    const result = await this.#ask('retention.preview', { policy });
    this.isBusy = false;
    if (asked !== this.#asked) return;
    this.preview = result.ok ? result.value : null;
    this.problem = result.ok ? null : result.error;
  }

  /** Sets the policy that was shown. */
  async apply(): Promise<void> {
    const policy = this.wanted;
    if (policy === null || !this.isShown) return;
    this.isBusy = true;
    const result = await this.#ask('retention.set', { policy });
    this.isBusy = false;
    if (!result.ok) {
      this.problem = result.error;
      return;
    }
    this.#isTouched = false;
    this.policy = policy;
    this.texts = textsOf(policy);
    this.preview = null;
    this.problem = null;
    this.isApplied = true;
    await this.load();
  }
}

const DAYS = ['tradesDays', 'candlesDays', 'historyDays'] as const;

function daysOf(text: string): Read {
  const trimmed = text.trim();
  if (trimmed === '') return { value: null };
  const days = /^\d{1,5}$/.test(trimmed) ? Number(trimmed) : 0;
  if (days >= 1 && days <= MAX_RETENTION_DAYS) return { value: days };
  return { problem: 'Whole days from 1 to 36,500, or nothing: for ever.' };
}

function bytesOf(text: string): Read {
  const trimmed = text.trim();
  if (trimmed === '') return { value: null };
  const bytes = /^\d{1,6}(\.\d{1,3})?$/.test(trimmed) ? Math.round(Number(trimmed) * GIGABYTE) : 0;
  if (bytes >= MIN_STORE_BYTES) return { value: bytes };
  return { problem: 'Gigabytes from 0.01 on, such as 20 or 0.5, or nothing: no limit.' };
}

function readAll(texts: RetentionTexts): Readonly<Record<RetentionField, Read>> {
  return {
    tradesDays: daysOf(texts.tradesDays),
    candlesDays: daysOf(texts.candlesDays),
    historyDays: daysOf(texts.historyDays),
    maxBytes: bytesOf(texts.maxBytes),
  };
}

function problemsOf(texts: RetentionTexts): Partial<Record<RetentionField, string>> {
  const problems: Partial<Record<RetentionField, string>> = {};
  for (const [field, read] of Object.entries(readAll(texts)) as [RetentionField, Read][]) {
    if ('problem' in read) problems[field] = read.problem;
  }
  return problems;
}

/** @param held the policy that is kept: its limit may be finer than what is written of it */
function policyOf(texts: RetentionTexts, held: RetentionPolicy | null): RetentionPolicy | null {
  const { tradesDays, candlesDays, historyDays, maxBytes } = readAll(texts);
  if ('problem' in tradesDays || 'problem' in candlesDays) return null;
  if ('problem' in historyDays || 'problem' in maxBytes) return null;
  return {
    tradesDays: tradesDays.value,
    candlesDays: candlesDays.value,
    historyDays: historyDays.value,
    maxBytes:
      held !== null && texts.maxBytes.trim() === textsOf(held).maxBytes ? held.maxBytes : maxBytes.value,
  };
}

function textsOf(policy: RetentionPolicy): RetentionTexts {
  const text = (value: number | null): string => (value === null ? '' : String(value));
  const { maxBytes } = policy;
  return {
    tradesDays: text(policy.tradesDays),
    candlesDays: text(policy.candlesDays),
    historyDays: text(policy.historyDays),
    // Set elsewhere it may be finer than what can be written here.
    maxBytes: maxBytes === null ? '' : String(Math.max(0.01, Math.round(maxBytes / 1e6) / 1000)),
  };
}

function isSame(one: RetentionPolicy | null, other: RetentionPolicy): boolean {
  return (
    one !== null && DAYS.every((field) => one[field] === other[field]) && one.maxBytes === other.maxBytes
  );
}
