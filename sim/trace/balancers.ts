/** What the southbound database's load balancers say of packets that come back to their own sender. */
import { formatFieldRef } from '../../engine/lang/fields.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import { type Address, parseAddress } from './addresses.ts';
import { assignBit } from './assignments.ts';
import { isHairpin, isHairpinReply, translateToCaller } from './hairpin.ts';
import { say } from './nodes.ts';
import { ctState, etherType, fields, type Packet, readBits, type Storage, sameWords, slot } from './packet.ts';
import { addGap } from './run.ts';
import type { Step } from './step.ts';

/** The address that a load balancer stands for. */
interface VirtualAddress extends Address {
  /** 0 for every port. */
  port: number;
  /** As the trace shows it. */
  ip: string;
}

const known = new WeakMap<Southbound, VirtualAddress[]>();

function virtualAddresses(southbound: Southbound): VirtualAddress[] {
  let addresses = known.get(southbound);
  if (!addresses) {
    addresses = (southbound.loadBalancers ?? []).flatMap(({ vips }) => Object.keys(vips).flatMap(parseVirtualAddress));
    known.set(southbound, addresses);
  }
  return addresses;
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1` or `[fd00::1]:80`; none for what is not understood, such as a template. */
function parseVirtualAddress(text: string): VirtualAddress[] {
  const parts = /^\[([^\]]+)\](?::(\d+))?$|^([^:]+):(\d+)$|^(.+)$/.exec(text);
  const ip = parts?.[1] ?? parts?.[3] ?? parts?.[5] ?? '';
  const address = parseAddress(ip);
  return address ? [{ ...address, ip, port: Number(parts?.[2] ?? parts?.[4] ?? 0) }] : [];
}

const originalIp6 = fields['ip6.dst'] && { ...fields['ip6.dst'], slot: slot.ctIp6Dst };

/**
 * The address that the packet was sent to before a load balancer changed it.
 * ovn-trace takes any of several that differ in their port only; here it is the
 * one of the packet's port.
 */
function addressedBefore({ run, packet }: Step): VirtualAddress | undefined {
  const { words } = packet;
  const ip4 = BigInt(words[slot.ctNwDst] as number);
  const ip6 = readBits(packet, originalIp6 as Storage);
  const isIt = ({ family, value }: VirtualAddress) => value !== 0n && value === (family === 4 ? ip4 : ip6);
  const addresses = virtualAddresses(run.topology.southbound).filter(isIt);
  return addresses.find(({ port }) => port === words[slot.ctTpDst]) ?? addresses[0];
}

/** What the tracker has learned of hairpins; undefined where it learns nothing, or the database's balancers are not known. */
function memoryOf({ run }: Step): Set<string> | undefined {
  return run.topology.southbound.loadBalancers ? run.conntrack.hairpins : undefined;
}

/** `R = chk_lb_hairpin()`, `R = chk_lb_hairpin_reply()`: whether a backend calls its own load balancer. */
export function checkHairpin(step: Step, { type, dst }: { type: string; dst: FieldRef }): void {
  const { run, packet, into } = step;
  const hairpins = memoryOf(step);
  if (hairpins) {
    const found = type === 'chk_lb_hairpin' ? isHairpin(step, hairpins) : isHairpinReply(step, hairpins);
    assignBit(packet, dst, found);
    say(into, 'modify', `${formatFieldRef(dst)} = ${found ? 1 : 0}`);
    return;
  }
  const address = addressedBefore(step);
  const isBack = isSentToItself(packet);
  if (isBack && !address) addGap(run, `the action ${type} is not modelled where a backend calls itself`);
  const port = packet.words[type === 'chk_lb_hairpin' ? slot.ctTpDst : slot.tpDst];
  const result = isBack && address?.port === port ? 1 : 0;
  assignBit(packet, dst, result === 1);
  say(into, 'modify', `${formatFieldRef(dst)} = ${result}`);
}

function isSentToItself(packet: Packet): boolean {
  const { words } = packet;
  if (((words[slot.ctState] as number) & ctState.dnat) === 0) return false;
  switch (words[slot.ethType]) {
    case etherType.ip4:
      return words[slot.nwSrc] === words[slot.nwDst];
    case etherType.ip6:
      return sameWords(packet, slot.ip6Src, packet, slot.ip6Dst, 4);
    default:
      return false;
  }
}

/**
 * `ct_snat_to_vip;`: says what address the packet gets; like ovn-trace, does not give
 * it to it unless there is a tracker that remembers.
 */
export function translateToVirtualAddress(step: Step): void {
  if (memoryOf(step)) {
    translateToCaller(step);
    return;
  }
  addGap(step.run, 'the action ct_snat_to_vip is not modelled');
  const address = addressedBefore(step);
  if (address && address.port === step.packet.words[slot.ctTpDst]) {
    say(step.into, 'action', `/* nat(src=${address.ip}) */`);
  }
}
