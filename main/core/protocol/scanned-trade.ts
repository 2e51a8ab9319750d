/** The one trade that a scanner fills again and again. */
import { SIDE_UNKNOWN } from '../flow/batch.ts';
import { ByteSpan } from './byte-span.ts';
import type { DecodedTrade } from './decode.ts';

export interface ScannedTrade extends DecodedTrade {
  readonly idSpan: ByteSpan;
}

export function scannedTrade(): ScannedTrade {
  const span = new ByteSpan();
  const trade = {
    market: '',
    exchangeTime: 0,
    priceDigits: 0,
    priceScale: 0,
    sizeDigits: 0,
    sizeScale: 0,
    side: SIDE_UNKNOWN,
    get id(): string {
      return span.text;
    },
  };
  // Not enumerable, so that whoever copies the trade keeps no hold on memory that is written anew.
  return Object.defineProperty(trade, 'idSpan', { value: span }) as typeof trade & ScannedTrade;
}
