/** Certificates made with openssl, some of which nobody should accept. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** Of the authority that signed all but `selfSigned`. */
  readonly authority: string;
  readonly good: Pair;
  readonly expired: Pair;
  readonly future: Pair;
  readonly otherHost: Pair;
  readonly selfSigned: Pair;
}

const OURS = 'IP:127.0.0.1,DNS:localhost';

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'quipu-certificates-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    openssl(
      ...['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
      ...['-subj', '/CN=Quipu test authority'],
    );
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(
      join(folder, 'ca.cnf'),
      '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n' +
        'policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n',
    );
    const signed = (name: string, names: string, from: string, to: string): Pair => {
      openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
      openssl(
        ...['ca', '-batch', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-notext'],
        ...['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`],
        ...['-startdate', from, '-enddate', to],
      );
      return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
    };
    openssl(
      ...['req', '-x509', ...newKey, '-keyout', 'self.key', '-out', 'self.pem', '-days', '2'],
      ...['-subj', '/CN=self', '-addext', `subjectAltName=${OURS}`],
    );
    return {
      authority: read('ca.pem'),
      good: signed('good', OURS, '20200101000000Z', '20491231000000Z'),
      expired: signed('expired', OURS, '20200101000000Z', '20210101000000Z'),
      future: signed('future', OURS, '20480101000000Z', '20491231000000Z'),
      otherHost: signed('other', 'DNS:portal.example', '20200101000000Z', '20491231000000Z'),
      selfSigned: { cert: read('self.pem'), key: read('self.key') },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
