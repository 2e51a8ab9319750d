/** What went wrong with an update, in words for the user. */
import { QuipuError } from '../../core/result.ts';

export interface Trouble {
  readonly message: string;
  readonly action: string;
}

const MAX_WORDS = 300;
const LATER = 'Nothing was changed. Quipu looks again later; or choose Check for updates.';
export const ASK_FEED = 'Tell whoever runs the feed of updates. Nothing was changed.';
export const NOTHING_HERE: Trouble = {
  message: 'The feed of updates has nothing for this system.',
  action: ASK_FEED,
};

/** @param thrown by us, or by electron-updater, whose errors have a code or Chromium's `net::` name */
export function troubleOf(thrown: unknown): Trouble {
  if (thrown instanceof QuipuError) return { message: thrown.message, action: thrown.action ?? LATER };
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const net = /net::(ERR_[A-Z_]+)/.exec(words)?.[1] ?? '';
  if (/^ERR_(CERT|SSL)/.test(net))
    return { message: `The feed of updates does not prove who it is (${net}).`, action: ASK_FEED };
  if (net === 'ERR_BLOCKED_BY_CLIENT')
    return { message: 'The feed of updates leads to an address that is not encrypted.', action: ASK_FEED };
  if (net !== '') return { message: `The feed of updates cannot be reached (${net}).`, action: LATER };
  if (code === 'ERR_CHECKSUM_MISMATCH')
    return {
      message: 'What was downloaded is not what the feed of updates promised, and was thrown away.',
      action: ASK_FEED,
    };
  if (code === 'ERR_UPDATER_CHANNEL_FILE_NOT_FOUND') return NOTHING_HERE;
  if (/^ERR_UPDATER_(INVALID|NO)_/.test(code))
    return { message: 'The feed of updates cannot be read.', action: ASK_FEED };
  if (code === 'ENOSPC')
    return {
      message: 'The disk is too full for the update.',
      action: 'Make room, then choose Check for updates.',
    };
  const [line = ''] = words.split('\n');
  return { message: `The update failed: ${line.replace(/\p{C}/gu, '').slice(0, MAX_WORDS)}`, action: LATER };
}
