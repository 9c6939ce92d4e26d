/**
 * What ovn-controller does with packets that flows hand to it (controller/pinctrl.c,
 * `process_packet_in`): what each action of ovn-sb(5) that is the controller's does.
 */
import { KEY_WORDS, W_CT, W_REGISTERS } from '../../asm/plane/layout.ts';
import type { Action, FieldRef, OptionValue } from '../lang/index.ts';
import {
  aclLog,
  dhcpv4Answer,
  dhcpv6Answer,
  dnsAnswer,
  nestedAnswer,
  putFragmentMtu,
  type Resumed,
  routerAdvertisementAnswer,
} from './answer/index.ts';
import { type Asked, type Chassis, portByKey } from './chassis.ts';
import { readField, wordOf, writeField } from './flow.ts';
import type { Address } from './learned.ts';

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** Where the host's findings go. */
export interface Findings {
  /** A neighbour of a port. */
  neighbor(logicalPort: string, address: Address, mac: bigint): void;
  /** A MAC address behind a port of a datapath, by their tunnel keys. */
  address(datapathKey: number, portKey: number, mac: bigint): void;
  /** A packet asks for the MAC address of a neighbour. */
  waits(asked: Asked, address: Address): void;
  /** IGMP or MLD. */
  membership(asked: Asked): void;
  /** A virtual port's address is used by a port. */
  virtual(logicalPort: string, parent: string): void;
  /** What `log` prints. */
  logged(line: string): void;
  /** `trigger_event`. */
  event(name: string, options: Readonly<Record<string, string>>): void;
  /** An answer of a backend that is asked whether it lives. */
  serviceAnswer(asked: Asked): void;
  bfd(asked: Asked): void;
  /** DHCPv6's answer to a request for a prefix. */
  prefix(asked: Asked): void;
  record(datapath: string, name: string): string | undefined;
}

/** Does what the packet's action says. */
export function answer(asked: Asked, chassis: Chassis, findings: Findings): void {
  const { action, frame, flow, datapath } = asked;
  switch (action.type) {
    case 'nested':
      nest(asked, action, chassis, findings);
      break;
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      goOn(asked, chassis, action.dst, withOptions[action.type](frame, action.options));
      break;
    case 'dns_lookup': {
      const { uuid } = datapath.view.binding;
      goOn(
        asked,
        chassis,
        action.dst,
        dnsAnswer(frame, (name) => findings.record(uuid, name)),
      );
      break;
    }
    case 'dhcp_relay_req_chk':
    case 'dhcp_relay_resp_chk':
      goOn(asked, chassis, action.dst, { frame, success: false });
      break;
    case 'put_arp':
    case 'put_nd': {
      const port = portByKey(datapath, Number(readField(flow, action.port)));
      const address: Address = { family: action.type === 'put_arp' ? 4 : 6, value: readField(flow, action.ip) };
      if (port) findings.neighbor(port.logicalPort, address, readField(flow, action.mac));
      break;
    }
    case 'put_fdb': {
      const mac = readField(flow, action.mac);
      findings.address(datapath.view.binding.tunnelKey, Number(readField(flow, action.port)), mac);
      break;
    }
    case 'igmp':
      findings.membership(asked);
      break;
    case 'bind_vport': {
      const parent = portByKey(datapath, Number(readField(flow, action.parent)));
      if (parent) findings.virtual(action.vport, parent.logicalPort);
      break;
    }
    case 'log':
      findings.logged(aclLog(frame, action, asked.pipeline));
      break;
    case 'trigger_event':
      findings.event(action.event, textsOf(action.options));
      break;
    case 'handle_svc_check':
      findings.serviceAnswer(asked);
      break;
    case 'handle_bfd_msg':
      findings.bfd(asked);
      break;
    case 'handle_dhcpv6_reply':
      findings.prefix(asked);
      break;
    default:
  }
}

type Answering = (frame: Uint8Array, options: readonly OptionValue[]) => Resumed;

/** The answers that come from options of the flow alone. */
const withOptions: Readonly<Record<'put_dhcp_opts' | 'put_dhcpv6_opts' | 'put_nd_ra_opts', Answering>> = {
  put_dhcp_opts: dhcpv4Answer,
  put_dhcpv6_opts: dhcpv6Answer,
  put_nd_ra_opts: routerAdvertisementAnswer,
};

/** Lets the packet go on behind the action, with a result in a field. */
function goOn(asked: Asked, chassis: Chassis, dst: FieldRef, { frame, success }: Resumed): void {
  writeField(asked.flow, dst, success ? 1n : 0n);
  chassis.resume(asked, frame);
}

/** Runs what stands in the braces of an action on the frame that the host makes for it. */
function nest(asked: Asked, action: ActionOf<'nested'>, chassis: Chassis, findings: Findings): void {
  const { name } = action;
  const frame = nestedAnswer(name, asked.frame);
  if (!frame) return;
  if (name === 'arp' || name === 'nd_ns') {
    const target = nextHopOf(asked, name === 'arp' ? 4 : 6);
    findings.waits({ ...asked, flow: asked.flow.slice() }, target);
  }
  // A packet that the host makes belongs to no connection yet.
  asked.flow.fill(0n, W_CT, KEY_WORDS);
  chassis.resume(asked, withFragmentMtu(action, frame));
}

/** Who is asked for: northd's flows keep the next hop in reg0, or in xxreg0. */
function nextHopOf({ flow }: Asked, family: 4 | 6): Address {
  const high = wordOf(flow, W_REGISTERS);
  if (family === 4) return { family, value: high >> 32n };
  return { family, value: (high << 64n) | wordOf(flow, W_REGISTERS + 1) };
}

const fragmentMtus: readonly string[] = ['icmp4.frag_mtu', 'icmp6.frag_mtu'];

function withFragmentMtu({ actions }: ActionOf<'nested'>, frame: Uint8Array): Uint8Array {
  for (const action of actions) {
    if (action.type !== 'load' || action.imm.kind !== 'bits' || !fragmentMtus.includes(action.dst.symbol.name))
      continue;
    return putFragmentMtu(frame, Number(action.imm.value));
  }
  return frame;
}

function textsOf(options: readonly OptionValue[]): Record<string, string> {
  const texts = options.map(({ name, values: [value] }) => [name, value?.kind === 'string' ? value.text : ''] as const);
  return Object.fromEntries(texts);
}
