/** Answers to ARP requests and neighbour solicitations for known addresses: ls_in_arp_rsp. */

import { ipv6Network, parseExactIpv4, parseExactIpv6 } from '../addresses.ts';
import { coppMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { booleanOption, quote } from '../options.ts';
import { stages } from '../stages.ts';
import type { SwitchDatapath, SwitchPort, Topology } from '../topology.ts';
import { isVlanTransparent } from './port-security.ts';

export function buildArpResponder(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  emit(stages.ls_in_arp_rsp, 0, '1', 'next;', 8727);
  const meter = coppMeter(topology.nb, dp.row.copp, 'nd-na');
  answerForHealthChecks(dp, topology, emit);
  const transparent = isVlanTransparent(dp);
  const needsUp = !booleanOption(topology.options, 'ignore_lsp_down', true);
  for (const port of dp.ports) {
    if (port.row.type === 'localnet') skipLocalnet(port, emit);
    if (port.row.type === 'virtual') bindVirtualPort(port, topology, emit);
    else if (!transparent && answersFor(port, needsUp)) {
      answerKnownAddresses(port, meter, emit);
      answerByProxy(port, emit);
    }
  }
}

/** Answers for the addresses from which load balancers' health checks come: nobody has them but ovn-controller. */
function answerForHealthChecks(dp: SwitchDatapath, { svcMonitorMac: mac }: Topology, emit: Emit): void {
  for (const { balancer, family, source } of dp.watchedBackends) {
    if (family === '4') {
      const request = `arp.tpa == ${source} && arp.op == 1`;
      emit(stages.ls_in_arp_rsp, 110, request, arpReply(mac, source), 8790, balancer);
    } else {
      const actions =
        `nd_na { eth.dst = eth.src; eth.src = ${mac}; ip6.src = ${source}; nd.target = ${source}; nd.tll = ${mac}; ` +
        'outport = inport; flags.loopback = 1; output; };';
      emit(stages.ls_in_arp_rsp, 110, `nd_ns && nd.target == ${source}`, actions, 8790, balancer);
    }
  }
}

/** Actions that turn an ARP request into its answer: `ip` is at `mac`. */
export function arpReply(mac: string, ip: string): string {
  return (
    `eth.dst = eth.src; eth.src = ${mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${mac}; ` +
    `arp.tpa = arp.spa; arp.spa = ${ip}; outport = inport; flags.loopback = 1; output;`
  );
}

/** Requests from a physical network are answered where the address lives, not on every chassis. */
function skipLocalnet(port: SwitchPort, emit: Emit): void {
  emit(stages.ls_in_arp_rsp, 100, `inport == ${port.quoted}`, 'next;', 8453, port.row);
}

function answersFor({ row, hasUnknown }: SwitchPort, needsUp: boolean): boolean {
  if (needsUp && row.up !== true && row.type !== 'router' && row.type !== 'localport') return false;
  return row.type !== 'external' && !hasUnknown;
}

function answerKnownAddresses(port: SwitchPort, meter: string | undefined, emit: Emit): void {
  const { row, quoted } = port;
  const advertise = row.type === 'router' ? 'nd_na_router' : 'nd_na';
  for (const { mac, ipv4, ipv6 } of port.addresses) {
    for (const { address } of ipv4) {
      const request = `arp.tpa == ${address} && arp.op == 1`;
      emit(stages.ls_in_arp_rsp, 50, request, arpReply(mac, address), 8601, row);
      // The owner asks for its own address to find out whether someone else has it.
      emit(stages.ls_in_arp_rsp, 100, `${request} && inport == ${quoted}`, 'next;', 8620, row);
    }
    for (const { address, solicitedNode } of ipv6) {
      const request = `nd_ns && ip6.dst == {${address}, ${solicitedNode}} && nd.target == ${address}`;
      const actions =
        `${advertise} { eth.src = ${mac}; ip6.src = ${address}; nd.target = ${address}; nd.tll = ${mac}; ` +
        'outport = inport; flags.loopback = 1; output; };';
      emit(stages.ls_in_arp_rsp, 50, request, actions, 8654, row, meter);
      emit(stages.ls_in_arp_rsp, 100, `${request} && inport == ${quoted}`, 'next;', 8667, row);
    }
  }
}

/** Whoever announces the virtual address has it: the virtual port is bound to that parent. */
function bindVirtualPort(port: SwitchPort, topology: Topology, emit: Emit): void {
  const ip = port.row.options['virtual-ip'];
  const parents = port.row.options['virtual-parents'];
  if (ip === undefined || parents === undefined) return;
  const announces = announcement(ip);
  if (announces === undefined) return;
  for (const name of parents.split(',')) {
    const parent = topology.ports.get(name);
    if (parent?.kind !== 'switch-port' || parent.datapath !== port.datapath) continue;
    const actions = `bind_vport(${port.quoted}, inport); next;`;
    emit(stages.ls_in_arp_rsp, 100, `inport == ${quote(name)} && (${announces})`, actions, 8553, parent.row);
  }
}

/** What matches the packets in which the owner of `ip` makes itself known; undefined if `ip` is not an address. */
function announcement(ip: string): string | undefined {
  if (ip.includes('.')) {
    if (parseExactIpv4(ip) === undefined) return undefined;
    return `(arp.op == 1 && arp.spa == ${ip} && arp.tpa == ${ip}) || (arp.op == 2 && arp.spa == ${ip})`;
  }
  const bits = parseExactIpv6(ip);
  if (bits === undefined) return undefined;
  const group = ipv6Network(bits, 128).solicitedNode;
  return `(nd_ns && ip6.dst == {${ip}, ${group}} && nd.target == ${ip}) ||(nd_na && nd.target == ${ip})`;
}

/** Answers for all IPv4 addresses in options:arp_proxy of a router port. */
function answerByProxy({ arpProxy, peer, row }: SwitchPort, emit: Emit): void {
  if (!arpProxy || !peer || arpProxy.ipv4.length === 0) return;
  const { mac } = peer.networks;
  const targets = arpProxy.ipv4.map(({ address }) => address).join(',');
  const actions =
    `eth.dst = eth.src; eth.src = ${mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${mac}; ` +
    'arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;';
  emit(stages.ls_in_arp_rsp, 50, `arp.op == 1 && arp.tpa == {${targets}}`, actions, 8713, row);
}
