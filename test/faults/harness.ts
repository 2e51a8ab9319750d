/** A proof by very many cases, run by `npm run faults`; a short form of it is in the tests. */
export interface Harness {
  readonly name: string;
  readonly about: string;
  /**
   * @param options `--name value` pairs of the command line
   * @param print for a line at a time
   * @returns whether everything held
   */
  readonly whole: (options: ReadonlyMap<string, string>, print: (line: string) => void) => Promise<boolean>;
}
