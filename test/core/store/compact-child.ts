/** Compacts a store over and over until it is killed; says when it begins one. */
import { compact } from '../../../main/core/store/compact.ts';

const [, script, folder] = process.argv;
if (script === import.meta.filename && folder !== undefined) {
  for (;;) {
    compact(folder, ({ task, share }) => process.stdout.write(`${task} ${share}\n`));
  }
}
