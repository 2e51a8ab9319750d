/** The process of keytar-child.ts: does one call and answers; the main process ends it. */
import { answerKeytar, type KeytarCall } from '../core/keytar-call.ts';

process.parentPort.once('message', ({ data }) => {
  void answerKeytar(data as KeytarCall).then((answer) => process.parentPort.postMessage(answer));
});
