/** Words that a server chose: for the log and the screen, never trusted. */

/**
 * Unicode's format characters: marks that reorder text (bidi) or are not seen. With them one name could
 * look like another, or turn around the rest of a line.
 */
const FORMAT = /\p{Cf}/gu;
/** Controls (line feed and tab too) and line and paragraph separators. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/**
 * Text without format characters, each run of controls as one space, halves of surrogate pairs as U+FFFD,
 * trimmed, and at most `limit` UTF-16 units long.
 */
export function cleanWords(text: string, limit = 500): string {
  // Cut first, with room for what is taken out, so that the work is bounded too.
  let words = text
    .slice(0, limit * 4)
    .replace(FORMAT, '')
    .replace(CONTROL, ' ')
    .trim();
  if (words.length > limit) words = words.slice(0, isHighSurrogate(words, limit - 1) ? limit - 1 : limit);
  // Through bytes and back: halves of pairs become U+FFFD, and the words do not keep the text that
  // they were cut from (up to a whole frame) in memory.
  return Buffer.from(words, 'utf8').toString('utf8');
}

function isHighSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff;
}
