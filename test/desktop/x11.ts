/** What a window manager sees of the windows of an X display, asked of the server itself. */
import { createConnection, type Socket } from 'node:net';

/** As X11 numbers them: requests, predefined atoms, and the state of a window that can be seen. */
const GET_WINDOW_ATTRIBUTES = 3;
const QUERY_TREE = 15;
const GET_PROPERTY = 20;
const WM_CLASS = 67;
const STRING = 31;
const VIEWABLE = 2;

const HEAD = 32;

export interface WindowClass {
  /** The first of the two names of WM_CLASS. */
  readonly instance: string;
  readonly class: string;
}

/**
 * The classes of the visible windows that have one, the lowest first. Without a window manager these are
 * children of the root.
 *
 * @param display of this computer, e.g. `:99`, which lets in who has no cookie
 */
export async function visibleClasses(display: string): Promise<readonly WindowClass[]> {
  const socket = createConnection(`/tmp/.X11-unix/X${display.replace(/^:|\.\d+$/g, '')}`);
  try {
    const read = readerOf(socket);
    const root = await connect(socket, read);
    const ask = async (request: Buffer): Promise<Buffer | null> => {
      socket.write(request);
      for (;;) {
        const head = await read(HEAD);
        // An error: the window is gone. What is neither that nor an answer is an event.
        if (head[0] === 0) return null;
        if (head[0] === 1) return Buffer.concat([head, await read(head.readUInt32LE(4) * 4)]);
      }
    };
    const tree = await ask(requestOf(QUERY_TREE, root));
    const count = tree?.readUInt16LE(16) ?? 0;
    const windows = Array.from({ length: count }, (_, index) => tree?.readUInt32LE(HEAD + 4 * index) ?? 0);
    const found: WindowClass[] = [];
    for (const window of windows) {
      const attributes = await ask(requestOf(GET_WINDOW_ATTRIBUTES, window));
      if (attributes?.[26] !== VIEWABLE) continue;
      const property = await ask(requestOf(GET_PROPERTY, window, WM_CLASS, STRING, 0, 64));
      const words = property?.toString('latin1', HEAD, HEAD + property.readUInt32LE(16)) ?? '';
      const [instance = '', name = ''] = words.split('\0');
      if (words !== '') found.push({ instance, class: name });
    }
    return found;
  } finally {
    socket.destroy();
  }
}

/** All of them are an opcode, a flag that is off, their length in words, and words. */
function requestOf(opcode: number, ...words: readonly number[]): Buffer {
  const request = Buffer.alloc(4 + 4 * words.length);
  request.writeUInt8(opcode, 0);
  request.writeUInt16LE(1 + words.length, 2);
  words.forEach((word, index) => request.writeUInt32LE(word, 4 + 4 * index));
  return request;
}

/** @returns the root window of the first screen */
async function connect(socket: Socket, read: (length: number) => Promise<Buffer>): Promise<number> {
  // Little endian, X11, no cookie.
  socket.write(Buffer.from([0x6c, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  const head = await read(8);
  const body = await read(head.readUInt16LE(6) * 4);
  if (head[0] !== 1) throw new Error(`The display refuses: ${body.toString('latin1')}`);
  const [vendor, formats] = [body.readUInt16LE(16), body.readUInt8(21)];
  return body.readUInt32LE(32 + Math.ceil(vendor / 4) * 4 + 8 * formats);
}

/** Reads as many bytes as are asked for, in order. */
function readerOf(socket: Socket): (length: number) => Promise<Buffer> {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let left: Buffer = Buffer.alloc(0);
  return async (length) => {
    while (left.length < length) {
      const next = await chunks.next();
      if (next.done === true) throw new Error('The display hung up.');
      left = Buffer.concat([left, next.value]);
    }
    const taken = left.subarray(0, length);
    left = left.subarray(length);
    return taken;
  };
}
