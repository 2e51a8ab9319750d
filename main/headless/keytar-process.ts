/** The process of keytar-child.ts: does one call, answers, and ends. */
import { answerKeytar, type KeytarCall } from '../core/keytar-call.ts';

// By SIGKILL: an ordinary exit would wait for a native call that waits for the user.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.once('message', (call: KeytarCall) => {
  void answerKeytar(call).then((answer) => process.send?.(answer, () => process.disconnect()));
});
