/** What the southbound database has learned: neighbors (MAC_Binding) and MAC addresses of ports (FDB). */

import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import { assign, assignBit } from './assignments.ts';
import { say } from './nodes.ts';
import { fields, type Packet, readBits, resolveField, type Storage, writeBits } from './packet.ts';
import type { ActionOf, Step } from './step.ts';
import { macBindingKey, type TraceDatapath } from './topology.ts';

const ethDst = fields['eth.dst'] as Storage;

/** `get_arp` and `get_nd`: puts the neighbor's MAC address into eth.dst, zero if it is not known. */
export function getNeighbor({ place: { datapath }, packet, into }: Step, action: ActionOf<'get_arp' | 'get_nd'>): void {
  const mac = find(datapath, packet, action.port, action.ip);
  writeBits(packet, ethDst, mac ?? 0n);
  const text = formatEthernet(mac ?? 0n);
  say(into, 'action', mac === undefined ? '/* No MAC binding. */' : `/* MAC binding to ${text}. */`);
  say(into, 'modify', `eth.dst = ${text}`);
}

/** `lookup_arp` and `lookup_nd`: whether the neighbor is known to have that MAC address. */
export function lookupNeighbor(
  { place: { datapath }, packet, into }: Step,
  action: ActionOf<'lookup_arp' | 'lookup_nd' | 'lookup_arp_ip' | 'lookup_nd_ip'>,
): void {
  const known = find(datapath, packet, action.port, action.ip);
  const mac = 'mac' in action ? action.mac : undefined;
  const found = known !== undefined && (!mac || known === fieldValue(packet, mac));
  const to = mac ? ` to ${formatEthernet(readBits(packet, ethDst))}` : '';
  say(into, 'action', found ? `/* MAC binding${to} found. */` : '/* lookup failed - No MAC binding. */');
  assignBit(packet, action.dst, found);
}

/** `get_fdb`: the port that the MAC address was learned on, none if it was not. */
export function getPortOfMac({ run, place: { datapath }, packet }: Step, action: ActionOf<'get_fdb'>): void {
  const mac = fieldValue(packet, action.mac);
  const port = run.learnedPort ? run.learnedPort(datapath, mac) : datapath.fdb.get(mac);
  assign(packet, action.dst, BigInt(port ?? 0));
}

/** `lookup_fdb`: whether the MAC address was learned on that port. */
export function lookupPortOfMac({ place: { datapath }, packet, into }: Step, action: ActionOf<'lookup_fdb'>): void {
  const port = datapath.fdb.get(fieldValue(packet, action.mac));
  const found = port !== undefined && BigInt(port) === fieldValue(packet, action.port);
  const text = found
    ? `/* MAC lookup for ${formatEthernet(readBits(packet, ethDst))} found in FDB. */`
    : '/* lookup mac failed in mac learning table. */';
  say(into, 'action', text);
  assignBit(packet, action.dst, found);
}

function find(datapath: TraceDatapath, packet: Packet, port: FieldRef, ip: FieldRef): bigint | undefined {
  const key = macBindingKey(Number(fieldValue(packet, port)), ip.n === 32 ? 4 : 6, fieldValue(packet, ip));
  return datapath.macBindings.get(key);
}

function fieldValue(packet: Packet, ref: FieldRef): bigint {
  const bits = resolveField(ref);
  return bits ? readBits(packet, bits.where, bits.ofs, bits.n) : 0n;
}
