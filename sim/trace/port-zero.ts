/**
 * Open vSwitch's own tracker (lib/conntrack.c, `extract_l4`) takes TCP, UDP and SCTP from or to port 0 for invalid;
 * Linux's tracker, whose ports are ports, does not.
 */
import { type Conntrack, natName } from './ct.ts';
import { ctState, type Packet, protocol, slot } from './packet.ts';
import { ctStateText } from './values.ts';

const withPorts: readonly number[] = [protocol.tcp, protocol.udp, protocol.sctp];

/** A tracker like this one, but for such packets: it remembers nothing of them and changes nothing in them. */
export function refusingPortZero(tracker: Conntrack): Conntrack {
  return {
    ...tracker,
    lookup: (packet, zone) =>
      refuses(packet) ? `ct_next(ct_state=${ctStateText(invalid)})` : tracker.lookup(packet, zone),
    translate: (packet, zone, nat) => (refuses(packet) ? natName(nat) : tracker.translate(packet, zone, nat)),
    commitTo: (packet, zone, name) => (refuses(packet) ? name : tracker.commitTo(packet, zone, name)),
    balance: (packet, zone, name, backends, snat) =>
      refuses(packet) ? { title: name } : tracker.balance(packet, zone, name, backends, snat),
    commit(packet, zone, change) {
      if (!hasPortZero(packet)) tracker.commit(packet, zone, change);
    },
  };
}

const invalid = ctState.trk | ctState.inv;

/** Whether it is such a packet, which is then said to be invalid. */
function refuses(packet: Packet): boolean {
  if (!hasPortZero(packet)) return false;
  const { words } = packet;
  words[slot.ctState] = invalid;
  words[slot.ctMark] = 0;
  words.fill(0, slot.ctLabel, slot.ctLabel + 4);
  words.fill(0, slot.ctNwDst, slot.ctTpDst + 1);
  return true;
}

function hasPortZero({ words }: Packet): boolean {
  return withPorts.includes(words[slot.nwProto] ?? 0) && (words[slot.tpSrc] === 0 || words[slot.tpDst] === 0);
}
