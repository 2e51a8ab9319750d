/** A feed of updates on loopback, encrypted, whose files are made for the test. */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pair } from '../faults/certificates.ts';

export interface UpdateFeed {
  readonly url: string;
  /** Names of files, in the order in which they were asked for. */
  readonly asked: string[];
  readonly headers: IncomingHttpHeaders[];
  close(): Promise<void>;
}

/** The AppImage's file is a script that leaves a mark beside itself when it is run. */
export const NEW_APP = '#!/bin/sh\ntouch "$0.ran"\n';

/** What its maker says is new, which may be anything. */
export const NEWS = '<b>Faster</b> charts\n- and a <script>alert(1)</script>';

export interface FeedOptions {
  readonly certificate: Pair;
  readonly version: string;
  /** The package's name; default: an AppImage's. */
  readonly file?: string;
  /** What arrives instead of what is promised. */
  readonly arrives?: string;
  /** Whether it says how the package can be checked; default: it does. */
  readonly isChecked?: boolean;
  /** Where the list of versions is moved to. */
  readonly moved?: string;
}

export async function startUpdateFeed({
  certificate,
  version,
  file: name = `Quipu-${version}-linux-x86_64.AppImage`,
  arrives,
  isChecked = true,
  moved,
}: FeedOptions): Promise<UpdateFeed> {
  const sha512 = createHash('sha512').update(NEW_APP).digest('base64');
  const sha2 = createHash('sha256').update(NEW_APP).digest('hex');
  const check = isChecked ? `sha512: ${sha512}` : `sha2: ${sha2}`;
  const list = [
    `version: ${version}`,
    'files:',
    `  - url: ${name}`,
    `    ${check}`,
    `    size: ${NEW_APP.length}`,
    `path: ${name}`,
    check,
    `releaseNotes: ${JSON.stringify(NEWS)}`,
    "releaseDate: '2026-01-01T00:00:00.000Z'",
    '',
  ].join('\n');
  const asked: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const server: Server = createServer(
    { cert: certificate.cert, key: certificate.key },
    (request, response) => {
      const file = new URL(request.url ?? '', 'https://feed').pathname.slice(1);
      asked.push(file);
      headers.push(request.headers);
      if (file === 'latest-linux.yml' && moved !== undefined)
        response.writeHead(302, { Location: moved }).end();
      else if (file === 'latest-linux.yml') response.end(list);
      else if (file === name) response.end(arrives ?? NEW_APP);
      else response.writeHead(404).end();
    },
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    headers,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
