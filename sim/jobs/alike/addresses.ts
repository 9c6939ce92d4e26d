/** The addresses among constants, and where packets have such. */
import { parseEthernet } from '../../../engine/lang/addresses.ts';
import { fieldIndex, packetFields, packetSpace } from '../../symbolic/index.ts';
import { parseAddress } from '../../trace/addresses.ts';
import type { Constants } from './constants.ts';
import type { Place } from './renamed-sets.ts';

/** Kinds of addresses, as constants are told apart. */
export type Kind = 'macs' | 'ip4' | 'ip6';

const read = new WeakMap<Constants, Readonly<Record<Kind, readonly bigint[]>>>();

/** The values of the addresses, in their order. */
export function addressesOf(constants: Constants): Readonly<Record<Kind, readonly bigint[]>> {
  let known = read.get(constants);
  if (!known) {
    const ip = (text: string): bigint => parseAddress(text)?.value ?? 0n;
    known = {
      macs: constants.macs.map((text) => parseEthernet(text) ?? 0n),
      ip4: constants.ip4.map(ip),
      ip6: constants.ip6.map(ip),
    };
    read.set(constants, known);
  }
  return known;
}

/** The fields of packets that addresses of a kind are in. */
export const fieldsOf: Readonly<Record<Kind, readonly number[]>> = {
  macs: ['eth.dst', 'eth.src', 'arp.sha', 'arp.tha', 'nd.sll', 'nd.tll'].map(fieldIndex),
  ip4: ['ip4.dst', 'ip4.src', 'arp.tpa', 'arp.spa'].map(fieldIndex),
  ip6: ['ip6.dst', 'ip6.src', 'nd.target'].map(fieldIndex),
};

let variables: readonly number[] | undefined;

/** Where the bits of a field stand in diagrams. */
export function placeOfField(field: number): Place {
  if (!variables) {
    const space = packetSpace();
    variables = packetFields.map(({ width }, index) => space.variableOf(index, width - 1));
  }
  return { first: variables[field] as number, bits: packetFields[field]?.width ?? 0 };
}

/** All places of addresses. */
export const placesOfAddresses = (): { kind: Kind; place: Place }[] =>
  (['macs', 'ip4', 'ip6'] as const).flatMap((kind) =>
    fieldsOf[kind].map((field) => ({ kind, place: placeOfField(field) })),
  );
