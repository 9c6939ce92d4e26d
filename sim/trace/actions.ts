/** What each action does to a packet, and what ovn-trace says about it. */
import { formatAction } from '../../engine/lang/index.ts';
import { checkAffinity, commitAffinity } from './affinity.ts';
import { assignBit, decrementTtl, exchange, load, lookupName, move, pop, push, putOptions } from './assignments.ts';
import { checkHairpin, translateToVirtualAddress } from './balancers.ts';
import {
  balance,
  commit,
  commitToZone,
  recallDestination,
  saveState,
  select,
  track,
  translate,
} from './connections.ts';
import { formatFlow } from './flow-format.ts';
import { getNeighbor, getPortOfMac, lookupNeighbor, lookupPortOfMac } from './neighbors.ts';
import { nestedPacket } from './nested.ts';
import { append } from './nodes.ts';
import type { Operation } from './operations.ts';
import { floodRemote, forward, output } from './output.ts';
import { clearConntrack, slot } from './packet.ts';
import { mayEnter, mayLeave } from './port-security.ts';
import { relayDhcp } from './relay.ts';
import { addGap, type Continuation, nameOfKey } from './run.ts';
import type { ActionOf, Step } from './step.ts';

/**
 * Runs one action: changes the packet, and adds nodes with what is to be said.
 * Where the packet, or a copy of it, goes on somewhere else, that is returned.
 */
export function execute(step: Step, operation: Operation): Continuation | undefined {
  const { action } = operation;
  switch (action.type) {
    case 'next':
      return goOn(step, action);
    case 'output':
      return output(step);
    case 'fwd_group':
      return forward(step, action);
    case 'nested':
      return nest(step, action, operation.inner);
    case 'ct_next':
      return track(step, action);
    case 'ct_dnat':
    case 'ct_snat':
    case 'ct_dnat_in_czone':
    case 'ct_snat_in_czone':
      return translate(step, action);
    case 'ct_commit_nat':
      return translate(step, { ...action, type: 'ct_commit_nat' });
    case 'ct_commit_to_zone':
      return commitToZone(step, action);
    case 'ct_lb':
    case 'ct_lb_mark':
      return balance(step, action);
    case 'select':
      return select(step, action);
    default:
      change(step, operation);
      return undefined;
  }
}

/** Runs an action after which the packet stays where it is. */
function change(step: Step, { action, loading, copying, inner }: Operation): void {
  switch (action.type) {
    case 'load':
      if (loading) load(step.packet, step.into, loading);
      break;
    case 'move':
      if (copying) move(step.packet, step.into, copying);
      break;
    case 'exchange':
      exchange(step, action);
      break;
    case 'push':
      push(step, action);
      break;
    case 'pop':
      pop(step, action);
      break;
    case 'ip.ttl--':
      decrementTtl(step);
      break;
    case 'ct_commit':
    case 'ct_commit_v2':
      commit(step, action, inner);
      break;
    case 'ct_clear':
      clearConntrack(step.packet);
      break;
    case 'get_arp':
    case 'get_nd':
      getNeighbor(step, action);
      break;
    case 'lookup_arp':
    case 'lookup_nd':
    case 'lookup_arp_ip':
    case 'lookup_nd_ip':
      lookupNeighbor(step, action);
      break;
    case 'get_fdb':
      getPortOfMac(step, action);
      break;
    case 'lookup_fdb':
      lookupPortOfMac(step, action);
      break;
    case 'check_in_port_sec':
      assignBit(step.packet, action.dst, !isSecured(step, 'inport'));
      break;
    case 'check_out_port_sec':
      assignBit(step.packet, action.dst, !isSecured(step, 'outport'));
      break;
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      putOptions(step, action);
      break;
    case 'dhcp_relay_req_chk':
    case 'dhcp_relay_resp_chk':
      relayDhcp(step, action);
      break;
    case 'ct_state_save':
      saveState(step, action);
      break;
    case 'ct_nw_dst':
    case 'ct_ip6_dst':
    case 'ct_tp_dst':
      if (!recallDestination(step, action.type, action.dst))
        addGap(step.run, `the action ${formatAction(action)} is not modelled`);
      break;
    case 'flood_remote':
      floodRemote(step);
      break;
    case 'chk_lb_hairpin':
    case 'chk_lb_hairpin_reply':
      checkHairpin(step, action);
      break;
    case 'chk_lb_aff': {
      const isKnown = checkAffinity(step);
      if (isKnown === undefined) addGap(step.run, `the action ${formatAction(action)} is not modelled`);
      else assignBit(step.packet, action.dst, isKnown);
      break;
    }
    case 'commit_lb_aff':
      commitAffinity(step, action);
      break;
    case 'ct_snat_to_vip':
      translateToVirtualAddress(step);
      break;
    case 'log':
      log(step, action);
      break;
    case 'dns_lookup':
      if (!lookupName(step, action)) addGap(step.run, 'the action dns_lookup is not modelled');
      break;
    case 'put_arp':
    case 'put_nd':
    case 'put_fdb':
    case 'igmp':
    case 'handle_svc_check':
    case 'handle_dhcpv6_reply':
    case 'handle_bfd_msg':
    case 'mac_cache_use':
    case 'trigger_event':
    case 'set_queue':
    case 'set_meter':
    case 'sample':
    case 'bind_vport':
    case 'commit_ecmp_nh':
    case 'check_pkt_larger':
      // Learning, rates and what the controller does for itself; the packet is taken for one of ordinary length.
      break;
    default:
      addGap(step.run, `the action ${formatAction(action)} is not modelled`);
  }
}

/** Where `next` leads to: another table, or the other pipeline. */
function goOn({ place, packet, last, into }: Step, action: ActionOf<'next'>): Continuation {
  const { datapath, pipeline, passed } = place;
  const { pipeline: target, table } = action;
  if (target === pipeline) return { place: { datapath, pipeline, table, passed }, packet, shared: !last, into };
  const port = action.pipeline === 'ingress' ? 'inport' : 'outport';
  const name = nameOfKey(datapath, packet.words[slot[port]] as number);
  const node = append(into, 'pipeline', `${action.pipeline}(dp="${datapath.friendlyName}", ${port}="${name}")`);
  const start = { datapath, pipeline: target, table, passed: passed + 1 };
  return { place: start, packet, shared: !last, into: node.subs };
}

/** Runs the actions in braces on the packet that their name makes of this one. */
function nest(
  { run, place, packet, into }: Step,
  action: ActionOf<'nested'>,
  inner: readonly Operation[],
): Continuation | undefined {
  const made = nestedPacket(action.name, packet, run.onChassis);
  if (!made) return undefined;
  const node = append(into, 'transformation', made.title);
  return run.perform({ place, packet: made.packet, shared: false, into: node.subs }, inner);
}

function isSecured({ run, place, packet }: Step, end: 'inport' | 'outport'): boolean {
  const entries = place.datapath.portsByKey.get(packet.words[slot[end]] as number)?.secured ?? [];
  return end === 'inport'
    ? mayEnter(packet, entries, run.securedNetworks)
    : mayLeave(packet, entries, run.securedNetworks);
}

function log({ packet, place, into }: Step, { name, verdict, severity }: ActionOf<'log'>): void {
  const direction = place.pipeline === 'ingress' ? 'IN' : 'OUT';
  const said = `name=${name ?? '<unnamed>'}, direction=${direction}, verdict=${verdict}, severity=${severity}`;
  append(into, 'transformation', `LOG: ACL ${said}, packet="${formatFlow(packet)}"`);
}
