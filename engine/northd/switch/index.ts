/** The flows of one logical switch, stage family by stage family in pipeline order. */
import type { Emit } from '../emit.ts';
import type { SwitchDatapath, Topology } from '../topology.ts';
import { buildAcls, summarizeAcls } from './acl.ts';
import { buildArpResponder } from './arp-responder.ts';
import { buildDhcp } from './dhcp.ts';
import { buildDns } from './dns.ts';
import { buildExternalPorts } from './external-port.ts';
import { buildFdb } from './fdb.ts';
import { buildForwardingGroups } from './forwarding-group.ts';
import { buildHairpin } from './hairpin.ts';
import { buildL2Lookup } from './l2-lookup.ts';
import { buildLoadBalancer } from './load-balancer.ts';
import { buildPortSecurity } from './port-security.ts';
import { buildPreAcl } from './pre-acl.ts';
import { buildQos } from './qos.ts';
import { buildPreStateful, buildStateful } from './stateful.ts';

/** Emits every flow of switch `dp`. */
export function buildSwitchFlows(dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const acls = summarizeAcls(dp, topology);
  buildPortSecurity(dp, topology, emit);
  buildFdb(dp, emit);
  buildPreAcl(dp, acls, emit);
  buildLoadBalancer(dp, topology, acls, emit);
  buildPreStateful(emit);
  buildAcls(dp, topology, acls, emit);
  buildQos(dp, topology, emit);
  buildHairpin(dp, emit);
  buildStateful(emit);
  buildArpResponder(dp, topology, emit);
  buildDhcp(dp, topology, emit);
  buildDns(dp, topology, emit);
  buildExternalPorts(dp, topology, emit);
  buildForwardingGroups(dp, topology, emit);
  buildL2Lookup(dp, topology, emit);
}
