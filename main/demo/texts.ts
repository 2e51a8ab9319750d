/** Numbers and times as the text of a message, without a float and without a Date for each. */

/** Whole units as decimal text with exactly `digits` places: ("141382", 8) is 0.00141382. */
export function scaledText(units: string, digits: number): string {
  if (digits === 0) return units;
  const padded = units.length > digits ? units : units.padStart(digits + 1, '0');
  const point = padded.length - digits;
  return `${padded.slice(0, point)}.${padded.slice(point)}`;
}

let secondOfText = NaN;
let textOfSecond = '';

/** ISO-8601 in UTC with milliseconds. Times that come in order mostly share their second. */
export function isoText(ms: number): string {
  const rest = ms % 1_000;
  const second = ms - rest;
  if (second !== secondOfText) {
    secondOfText = second;
    textOfSecond = new Date(second).toISOString().slice(0, 20);
  }
  return `${textOfSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${String(rest)}Z`;
}
