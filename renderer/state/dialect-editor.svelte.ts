/**
 * The feed dialect as it is being written: the text, what is wrong with it, and what would come of it.
 * It outlives the view, so that what is written is there again after a look at another tab.
 */
import type {
  CommandArgs,
  CommandName,
  CommandValue,
  DialectDocuments,
  DialectPreview,
  DialectProblem,
  Endpoint,
} from '../../main/core/contract.ts';
import type { AppError, Result } from '../../main/core/result.ts';
import { readDialectDraft, writeDialectDraft } from './preferences.ts';

export type Ask = <N extends CommandName>(name: N, args: CommandArgs<N>) => Promise<Result<CommandValue<N>>>;

/** What the editor begins with while the default is in use. */
export const NEW_DIALECT = '{\n  "quipuDialect": 1,\n  "name": "My dialect"\n}\n';

/** After the last key, ms. */
const PAUSE_MS = 200;
/** What the core takes; a file is not read beyond it. */
const MAX_DOCUMENT = 64 * 1024;

/** A file that could not be taken. */
export interface BadImport {
  readonly file: string;
  readonly why: string;
  readonly problems: readonly DialectProblem[];
}

export class DialectEditor {
  text = $state('');
  frame = $state('');
  endpoint = $state<Endpoint>('trades');
  /** null until the core has told them. */
  documents = $state.raw<DialectDocuments | null>(null);
  /** Of the text as it was a moment ago. */
  preview = $state.raw<DialectPreview | null>(null);
  /** What a button could not do, until the next thing is done. */
  problem = $state.raw<AppError | null>(null);
  /** Why there is no preview. */
  unseen = $state.raw<AppError | null>(null);
  badImport = $state.raw<BadImport | null>(null);
  isBusy = $state(false);

  /** The text in use. */
  readonly saved = $derived(this.documents?.document ?? NEW_DIALECT);
  readonly isEdited = $derived(this.documents !== null && this.text !== this.saved);

  readonly #ask: Ask;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts previews: an answer to an older one is of no use. */
  #asked = 0;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** What is in use may be another by now. */
  changed(): void {
    if (this.documents !== null) void this.load();
  }

  /** Reads what is in use; what is being written stays. */
  async load(): Promise<void> {
    const result = await this.#ask('dialect.get', {});
    if (!result.ok) {
      this.problem = result.error;
      return;
    }
    const isFirst = this.documents === null;
    const isEdited = this.isEdited;
    this.documents = result.value;
    if (isFirst) this.text = readDialectDraft() ?? this.saved;
    else if (!isEdited) this.text = this.saved;
    this.touch();
  }

  /** The user changed text, frame or endpoint. */
  edited(): void {
    this.problem = null;
    this.touch();
  }

  /** Keeps the draft and asks for a preview, after a pause. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), PAUSE_MS);
  }

  async apply(): Promise<void> {
    await this.#set(this.text);
  }

  /** Also drops what is being written. */
  async useDefault(): Promise<void> {
    if (await this.#set(null)) this.text = this.saved;
    this.touch();
  }

  revert(): void {
    this.text = this.saved;
    this.edited();
  }

  /** Takes a file into the editor, when it can be used; otherwise says what is wrong and changes nothing. */
  async take(file: File): Promise<void> {
    this.badImport = null;
    if (file.size > MAX_DOCUMENT) {
      this.badImport = {
        file: file.name,
        why: 'It is larger than 64 KB: no dialect document is.',
        problems: [],
      };
      return;
    }
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      this.badImport = { file: file.name, why: 'It is no text in UTF-8.', problems: [] };
      return;
    }
    const result = await this.#ask('dialect.preview', { document: text, endpoint: this.endpoint, frame: '' });
    if (!result.ok) {
      this.badImport = { file: file.name, why: result.error.message, problems: [] };
    } else if (result.value.problems.length > 0) {
      this.badImport = { file: file.name, why: '', problems: result.value.problems };
    } else {
      this.text = text;
      this.edited();
    }
  }

  /** Puts the newest frame of the endpoint into the sample. */
  async takeLastFrame(): Promise<void> {
    const result = await this.#ask('frames.list', { endpoint: this.endpoint });
    if (!result.ok) {
      this.problem = result.error;
      return;
    }
    const last = result.value.frames.at(-1);
    if (last === undefined) {
      this.problem = {
        kind: 'not-found',
        message: `Nothing came from the ${this.endpoint} endpoint yet.`,
        action: 'Wait for a message, or paste one.',
      };
      return;
    }
    this.frame = last.text;
    this.edited();
    if (last.truncated) {
      this.problem = {
        kind: 'not-found',
        message: 'Only the beginning of that frame is kept, so that it is no whole JSON.',
        action: 'Cut it to one item, or take another.',
      };
    }
  }

  async #set(document: string | null): Promise<boolean> {
    this.isBusy = true;
    const result = await this.#ask('dialect.set', { document });
    this.isBusy = false;
    this.problem = result.ok ? null : result.error;
    await this.load();
    return result.ok;
  }

  async #look(): Promise<void> {
    writeDialectDraft(this.isEdited ? this.text : null);
    const asked = ++this.#asked;
    const { text: document, endpoint, frame } = this;
    const result = await this.#ask('dialect.preview', { document, endpoint, frame });
    if (asked !== this.#asked) return;
    this.preview = result.ok ? result.value : null;
    this.unseen = result.ok ? null : result.error;
  }
}
