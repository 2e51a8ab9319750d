/** Tells when the computer comes to another network, or back to one. */
import type { NetworkInterfaceInfo } from 'node:os';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** The addresses by which others can be reached; empty without a network. */
export function networkPrint(interfaces: Interfaces): string {
  return Object.entries(interfaces)
    .flatMap(([name, addresses]) =>
      (addresses ?? [])
        // An address of the link alone reaches nobody beyond it.
        .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
        // Privacy addresses of IPv6 come and go while the network stays: their network part counts.
        .map(({ address, family, cidr }) =>
          family === 'IPv6'
            ? `${name} ${(cidr ?? address).split(':').slice(0, 4).join(':')}`
            : `${name} ${address}`,
        ),
    )
    .filter((entry, at, all) => all.indexOf(entry) === at)
    .sort()
    .join('\n');
}

export interface NetworkWatch {
  /** Looks now. Whether there is a network, and another than at the last look. */
  look(): boolean;
}

export function networkWatch(interfaces: () => Interfaces): NetworkWatch {
  let before = networkPrint(interfaces());
  return {
    look() {
      const now = networkPrint(interfaces());
      const isOther = now !== before;
      before = now;
      return isOther && now !== '';
    },
  };
}
