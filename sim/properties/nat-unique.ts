/** An external address, with its port, belongs to one owner: of all who answer for it on one wire. */
import { formatEthernet } from '../../engine/lang/addresses.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import { formatPrefix, parsePrefix } from '../policy/prefix.ts';
import { at, inportIn, type Looks, type NetworkDatapath, type NetworkPort, read } from '../symbolic/index.ts';
import { type Homecoming, homecomings, homecomingsOf } from './homecoming.ts';
import { field } from './honest.ts';
import { gatewayBehind } from './open-view.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { type TranslationRule, translationRules } from './translations.ts';
import { doubt, type View, type Wire } from './view.ts';

export const natUnique: Property = {
  id: 'nat-unique',
  severity: 'error',
  promise: 'an external address, with its port, belongs to one owner',
  *checks(view) {
    const rules = translationRules(view);
    let any = false;
    for (const wire of view.wires) {
      for (const [address, owners] of ownersOn(view, wire, rules)) {
        any = true;
        yield {
          subject: address,
          source: owners.flatMap(({ source }) => source),
          judge: () => judge(view, wire, address, owners),
        };
      }
    }
    if (!any) yield nothing(view);
  },
};

const nothing = ({ tenants }: View): Check => ({
  subject: tenants.map(({ name }) => name).join(', ') || 'the network',
  source: [],
  vacuous: 'no router has an address on a wire outside',
  judge: () => holds,
});

/** Who has an address: those of one `key` are one owner. */
interface Owner {
  readonly key: string;
  readonly text: string;
  readonly row?: string;
  readonly source: TranslationRule['source'];
}

/** Whoever has an address on a wire, by address. */
function ownersOn(view: View, wire: Wire, rules: readonly TranslationRule[]): Map<string, Owner[]> {
  const owners = new Map<string, Owner[]>();
  const add = (address: string, owner: Owner): void => {
    owners.set(address, [...(owners.get(address) ?? []), owner]);
  };
  const switches = new Set(wire.ports.map(({ datapath }) => datapath));
  const routers = new Set<NetworkDatapath>();
  for (const { ports } of switches) {
    for (const port of ports) {
      for (const { routerPort, addresses } of gatewayBehind(port)) {
        routers.add(routerPort.datapath);
        const { name } = routerPort.datapath;
        for (const { address } of addresses) {
          add(textOf(address.family, address.value), {
            key: name,
            text: `port ${routerPort.name} of ${name}`,
            source: [],
          });
        }
      }
      for (const address of hostAddresses(view, port))
        add(address, { key: `host ${port.name}`, text: `port ${port.name}`, source: [] });
    }
  }
  const own = rules.filter(({ router }) => routers.has(router));
  const shared = sharedBalancers(own);
  for (const rule of own) {
    const { name } = rule.router;
    const key = shared.has(rule.row._uuid) ? `balancer ${rule.row._uuid}` : name;
    const row = 'vips' in rule.row ? `Load_Balancer ${rule.row.name}` : `NAT ${rule.external}`;
    add(rule.external, { key, text: `${rule.name} of ${name}`, row, source: rule.source });
  }
  return owners;
}

/** Load balancers that several routers have: one service, by whichever of them packets come. */
function sharedBalancers(rules: readonly TranslationRule[]): ReadonlySet<string> {
  const routers = new Map<string, NetworkDatapath>();
  const shared = new Set<string>();
  for (const { kind, row, router } of rules) {
    if (kind !== 'balancer') continue;
    const first = routers.get(row._uuid) ?? router;
    routers.set(row._uuid, first);
    if (first !== router) shared.add(row._uuid);
  }
  return shared;
}

const textOf = (family: 4 | 6, value: bigint): string => {
  const parsed = { family, value, length: family === 4 ? 32 : 128 };
  return formatPrefix(parsed);
};

function* hostAddresses({ hostOf }: View, port: NetworkPort): Generator<string, void> {
  const host = hostOf.get(port);
  for (const value of host?.ip4 ?? []) yield textOf(4, value);
  for (const value of host?.ip6 ?? []) yield textOf(6, value);
}

function judge(view: View, wire: Wire, address: string, owners: readonly Owner[]): Judgement {
  const rows = owners.flatMap(({ row }) => row ?? []);
  const [first, ...more] = owners;
  const other = first && more.find(({ key }) => key !== first.key);
  const { space } = view.analysis;
  const asked = space.and(inportIn(space, wire.ports), requestFor(space, address));
  const macs = [...answersFor(view, wire, address, homecomings(view)).keys()];
  const shown = () => [...answersFor(view, wire, address, homecomingsOf(view, asked)).values()][0];
  if (first && other) {
    const sentence = `${address} is of ${first.text} and of ${other.text}`;
    const one = shown();
    return one ? violated({ kind: 'goes', ...one, sentence }) : violated({ kind: 'written', rows, sentence });
  }
  const double = doubleTarget(view, address);
  if (double !== undefined) return violated({ kind: 'written', rows, sentence: double });
  const one = macs.length > 1 ? shown() : undefined;
  if (one) {
    const sentence = `requests for ${address} are answered with ${macs.map(formatEthernet).join(' and ')}`;
    return violated({ kind: 'goes', ...one, sentence });
  }
  const reason = doubt(view, asked, 'new');
  return reason === undefined ? holds : unknown(reason);
}

/** Two rules of one router that lead one address to two places inside: a sentence. */
function doubleTarget(view: View, address: string): string | undefined {
  const rules = translationRules(view).filter(({ external, kind }) => external === address && kind !== 'snat');
  for (const [index, rule] of rules.entries()) {
    for (const other of rules.slice(index + 1)) {
      const same = rule.router === other.router && rule.port === other.port && rule.protocol === other.protocol;
      if (!same || rule.inside.join() === other.inside.join()) continue;
      return `${address} leads to ${rule.inside.join(', ')} and to ${other.inside.join(', ')} on ${rule.router.name}`;
    }
  }
  return undefined;
}

/** The packets that ask who has an address. */
export function requestFor(space: Space, address: string): PacketSet {
  const parsed = parsePrefix(address);
  if (parsed?.family === 4)
    return space.cube([field(at.ethType, 0x806n), field(at.arpOp, 1n), field(at.arpTpa, parsed.value)]);
  return parsed ? space.and(matchSet(space, 'nd_ns'), space.cube([field(at.ndTarget, parsed.value)])) : space.empty;
}

/** Who answers requests that come in by a wire: the MAC addresses, each with a class that brings it. */
function answersFor<One extends Looks>(
  view: View,
  wire: Wire,
  address: string,
  coming: readonly Homecoming<One>[],
): Map<bigint, { class: One; packets: PacketSet }> {
  const { space } = view.analysis;
  const found = new Map<bigint, { class: One; packets: PacketSet }>();
  for (const port of wire.ports) {
    const asked = space.and(inportIn(space, [port]), requestFor(view.analysis.space, address));
    for (const { class: one, packets, copies } of coming) {
      if (one.connection !== 'new' || !one.exact || !space.intersects(packets, asked)) continue;
      const replies = space.and(space.and(packets, asked), matchSet(space, 'arp.op == 2 || nd_na', one.store));
      if (replies === space.empty) continue;
      for (const look of view.analysis.looks({ store: one.store, copies }, replies)) {
        const mac = read(look.store, at.ethSrc).constant;
        if (mac !== undefined && !found.has(mac)) found.set(mac, { class: one, packets: look.packets });
      }
    }
  }
  return found;
}
