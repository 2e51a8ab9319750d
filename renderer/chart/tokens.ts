/** The theme's colours, read from the custom properties that the window's style sheet sets on :root. */

const FALLBACK = {
  ink: '#0e1113',
  panel: '#13171a',
  raised: '#191e22',
  line: '#242b30',
  text: '#d9dfe3',
  dim: '#8b969d',
  faint: '#5a656c',
  up: '#35b6a0',
  down: '#e7745c',
  vwap: '#d8b25c',
  own: '#9d8cf0',
  link: '#6ea8f5',
  bad: '#f0595f',
  warn: '#e0a03c',
  selected: '#1d2a33',
  grid: '#1b2125',
} as const;

export type TokenName = keyof typeof FALLBACK;
export type Tokens = Readonly<Record<TokenName, string>>;

/**
 * Reads every token of the current theme; one that is not set is the dark theme's. Read in an
 * animation frame rather than in an effect: a child's effects run before its parent has set
 * data-theme on the root.
 */
export function readTokens(): Tokens {
  const style = getComputedStyle(document.documentElement);
  const tokens: Record<TokenName, string> = { ...FALLBACK };
  for (const name of Object.keys(tokens) as TokenName[]) {
    const value = style.getPropertyValue(`--${name}`).trim();
    if (value !== '') tokens[name] = value;
  }
  return tokens;
}
