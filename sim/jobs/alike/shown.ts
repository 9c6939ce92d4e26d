/**
 * What is broken in a part that is like another one in which it is broken: the packets that show it there, with the names that
 * they have here, are followed, and no others. What comes of them is a finding where it replays.
 */
import { parseFrame, parseHex } from '../../../engine/frame.ts';
import type { PacketSet, Space } from '../../../engine/sets/index.ts';
import { type Answers, type Backstage, openAnswers } from '../../answers/index.ts';
import { sharedName } from '../../answers/story.ts';
import { openView } from '../../properties/open-view.ts';
import { analyse, fieldIndex, type Network, openWorkshop, packetFields } from '../../symbolic/index.ts';
import type { Finding, Sent } from '../../verdict.ts';
import { judged, withinMemory } from '../findings.ts';
import { type Common, type Offer, offersOf, opened } from '../part-job.ts';
import type { Part } from '../parts.ts';
import { fieldsOf } from './addresses.ts';
import { type Renaming, renamedText } from './renaming.ts';

/** Whether a finding can be shown of a part that is like its own: a packet was sent, and was seen to break the promise. */
export function isShown({ verdict, counterexample }: Finding): boolean {
  const replayed = counterexample?.replayed;
  return verdict === 'violated' && replayed?.tracer === true && replayed.plane !== false;
}

/**
 * The offers of a part, of which those that are `told` to hold do, and those that were shown in a part like it are shown here;
 * undefined where they are not.
 */
export function shownIn(
  part: Part,
  common: Common,
  told: readonly Offer[],
  there: readonly Offer[],
  renaming: Renaming,
  backstage: Backstage,
): Offer[] | undefined {
  const { network, components, subject } = opened(part, common);
  const workshop = openWorkshop(network);
  const sent = there.flatMap(({ finding }) => (isShown(finding) ? sentIn(finding) : []));
  const packets = packetsOf(workshop.space, network, sent, renaming);
  if (packets === undefined) return undefined;
  const analysis = withinMemory(() => analyse(network, { components, packets }, workshop));
  if (!analysis) return undefined;
  const { plans, northbound } = subject;
  const answers = within(
    workshop.space,
    packets,
    openAnswers(analysis, { backstage, ...(northbound && { northbound }) }),
  );
  let position = 0;
  const here = offersOf(part, common, openView(analysis, plans, northbound, common.policy), (property, check) => {
    const [known, other] = [told[position], there[position]];
    position += 1;
    const isWanted = !known || !other || isShown(other.finding);
    return isWanted ? judged(property, check, answers) : known.finding;
  });
  const isSame = here.length === told.length && here.every((one, index) => isAbout(one, told[index]));
  return isSame && here.every(({ finding }, index) => !isAsked(there, index) || isShown(finding)) ? here : undefined;
}

/** Explains violations by these packets alone: others were not followed, and seem to be lost. */
const within = (space: Space, packets: PacketSet, { explain }: Answers): Answers => ({
  explain: (violation) =>
    explain(
      violation.kind === 'written' ? violation : { ...violation, packets: space.and(violation.packets, packets) },
    ),
});

const isAbout = ({ property, key }: Offer, other: Offer | undefined): boolean =>
  property === other?.property && key === other.key;

const isAsked = (there: readonly Offer[], index: number): boolean => isShown((there[index] as Offer).finding);

const sentIn = ({ counterexample }: Finding): Sent[] =>
  counterexample ? [...(counterexample.before ?? []), counterexample] : [];

/** What tells one packet of a counterexample from others: who sends it, to whom, and what it is. */
const tellingFields: ReadonlySet<number> = new Set([
  ...Object.values(fieldsOf).flat(),
  ...['eth.type', 'ip.proto', 'icmp.type', 'icmp.code', 'arp.op', 'tp.src', 'tp.dst', 'tcp.flags'].map(fieldIndex),
]);

/** Packets that were sent, as they are renamed; undefined where one of them has no counterpart. */
function packetsOf(space: Space, network: Network, sent: readonly Sent[], renaming: Renaming): PacketSet | undefined {
  const cubes = sent.map(({ inport, frame }) => {
    const port = network.ports.get(renamedText(inport, renaming));
    if (!port) return undefined;
    const { fields } = parseFrame(parseHex(frame));
    const literals = Object.entries(fields).flatMap(([name, value]) => {
      const field = fieldNamed(sharedName(name));
      return tellingFields.has(field) ? [whole(field, renamed(field, value, renaming))] : [];
    });
    return space.cube([whole(fieldIndex('inport'), BigInt(port.number)), ...literals]);
  });
  const known = cubes.flatMap((cube) => cube ?? []);
  return known.length === sent.length ? space.orAll(known) : undefined;
}

const fieldNamed = (wanted: string): number => packetFields.findIndex(({ name }) => name === wanted);

const whole = (field: number, value: bigint) => ({
  field,
  value,
  mask: (1n << BigInt(packetFields[field]?.width ?? 0)) - 1n,
});

/** An address as the renaming has it, in a field: of IPv6 addresses that nobody named, their first 32 and last 24 bits. */
function renamed(field: number, value: bigint, { macs, ip4, ip6, tails }: Renaming): bigint {
  if (fieldsOf.macs.includes(field)) return macs.get(value) ?? value;
  if (fieldsOf.ip4.includes(field)) return ip4.get(value) ?? value;
  if (!fieldsOf.ip6.includes(field)) return value;
  const [top, low] = [value >> 96n, value & 0xffffffn];
  const middle = value & (((1n << 72n) - 1n) << 24n);
  return ip6.get(value) ?? ((ip4.get(top) ?? top) << 96n) | middle | (tails.get(low) ?? low);
}
