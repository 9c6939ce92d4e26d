/**
 * Whether packets that hardware finishes look as the logical flows would have
 * them look, and which of them do not.
 */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { at, headerPlaces, placeIndex, places, read, type Store } from '../symbolic/store.ts';
import { constantOf, type Value } from '../symbolic/value.ts';
import { type Hardware, type HardwareState, valueAt } from './state.ts';
import { valuesAgree } from './values.ts';

/** What is no header: the port, the length, what is in the payload, the mark. */
const ignored: ReadonlySet<number> = new Set([at.inport, at.length, at.payload, placeIndex('pkt.mark')]);

const compared = headerPlaces.filter((place) => !ignored.has(place));

/** The packets whose headers are other ones in hardware than in a store of the logical flows; `unless` of what is not known. */
export function differing(
  { space, values }: Hardware,
  state: HardwareState,
  store: Store,
  packets: PacketSet,
  options: { readonly tag?: number; readonly unknownIsSame?: boolean } = {},
): PacketSet {
  const unless = options.unknownIsSame ? space.all : space.empty;
  let same = space.all;
  for (const place of compared) {
    const now = state.values[place] as Value;
    const wanted = expectedAt(values, store, place, options.tag);
    if (now === wanted) continue;
    same = space.and(same, valuesAgree(space, now, wanted, unless));
    if (!space.intersects(packets, same)) return packets;
  }
  const isTyped = options.tag === undefined || options.tag === 0 || valueAt(state, 'tpid').constant === 0x8100n;
  return isTyped ? space.diff(packets, same) : packets;
}

function expectedAt(values: Parameters<typeof constantOf>[0], store: Store, place: number, tag?: number): Value {
  const isTag = place === placeIndex('vlan.tci') && tag !== undefined && tag !== 0;
  return isTag ? constantOf(values, 16, BigInt(0x1000 | tag)) : read(store, place);
}

/** The headers of a packet that are other ones: `eth.dst is A, not B`. */
export function differences(
  { values }: Hardware,
  state: HardwareState,
  store: Store,
  packet: readonly bigint[],
  tag?: number,
): string[] {
  return compared.flatMap((place) => {
    const now = valueFor(state.values[place] as Value, packet);
    const wanted = valueFor(expectedAt(values, store, place, tag), packet);
    if (now === wanted && now !== undefined) return [];
    const name = places[place]?.name ?? '';
    return [`${name} is ${formatted(name, now)}, not ${formatted(name, wanted)}`];
  });
}

/** What a value is for a packet; undefined where nothing is known of it. */
export function valueFor({ pieces, options }: Value, packet: readonly bigint[]): bigint | undefined {
  if (options) return undefined;
  let value = 0n;
  let ofs = 0n;
  for (const piece of pieces) {
    const ones = (1n << BigInt(piece.n)) - 1n;
    if (piece.kind === 'any') return undefined;
    const bits =
      piece.kind === 'constant'
        ? piece.value
        : piece.kind === 'input'
          ? (packet[piece.field] ?? 0n) >> BigInt(piece.ofs)
          : BigInt.asUintN(piece.n, (packet[piece.field] ?? 0n) + BigInt(piece.amount));
    value |= (bits & ones) << ofs;
    ofs += BigInt(piece.n);
  }
  return value;
}

function formatted(name: string, value: bigint | undefined): string {
  if (value === undefined) return 'something unknown';
  if (/^(eth\.(src|dst)|arp\.[st]ha|nd\.[st]ll)$/.test(name)) return formatEthernet(value);
  if (/^(ip4\.|arp\.[st]pa)/.test(name)) return formatIpv4(value);
  if (name === 'ip6.src' || name === 'ip6.dst' || name === 'nd.target') return formatIpv6(value);
  return name === 'vlan.tci' || name === 'eth.type' ? `0x${value.toString(16)}` : value.toString();
}
