/** Node's version, checked before anything that needs it is loaded. */

/** package.json pins Node 24 in node_modules/.bin, which npm's scripts find first. */
const NEEDED = 24;

/** Ends the process with one line when this Node is too old. */
export function assertNode(version: string = process.versions.node): void {
  if (Number.parseInt(version, 10) >= NEEDED) return;
  process.stderr.write(
    `Quipu needs Node ${NEEDED} or newer and this is Node ${version}: run \`npm ci\`, then start it through npm (\`npm start\`, \`npm run -s quipu -- ARGS\`), which uses the Node inside the project.\n`,
  );
  process.exit(1);
}
