/** Takes the API key out of words that others chose: a server may repeat it in an error. */

/** What stands in its place. */
export const REDACTED = '[API key]';

/** Shorter ones would turn up by chance in words that mean something else. */
const LEAST_KEY = 6;
/** So much of its beginning at the end of a text is the key too, since texts are cut to a length. */
const LEAST_BEGINNING = 6;

export type Redact = (text: string) => string;

/** For the key as it is, and as JSON, as part of an address and in base64, as a server may write it. */
export function redactorOf(key: string | null): Redact {
  if (key === null || key.length < LEAST_KEY) return (text) => text;
  const json = JSON.stringify(key).slice(1, -1);
  const base64 = Buffer.from(key, 'latin1').toString('base64');
  const forms = new Set([key, json, json.replaceAll('/', '\\/'), encodeURIComponent(key)]);
  // The last character of base64 depends on what follows the key.
  forms.add(base64.replace(/.?=*$/, ''));
  const longestFirst = [...forms].sort((one, other) => other.length - one.length);
  return (text) => {
    let clean = text;
    for (const form of longestFirst) clean = withoutForm(clean, form);
    return clean;
  };
}

function withoutForm(text: string, form: string): string {
  const clean = text.includes(form) ? text.replaceAll(form, REDACTED) : text;
  // Cutting may have put an ellipsis or a replacement character where the key went on.
  const end = clean.replace(/[…\ufffd]+$/, '');
  for (let length = Math.min(form.length - 1, end.length); length >= LEAST_BEGINNING; length--) {
    if (end.endsWith(form.slice(0, length))) return end.slice(0, -length) + REDACTED;
  }
  return clean;
}
