/**
 * The ports of routers on the switches of a database, with who may ask them there; and what flows say a router does
 * beside forwarding, which decides what it can be expected to answer.
 */
import { groupBy } from '../../engine/group.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { NetworkDatapath, NetworkPort } from '../symbolic/index.ts';
import { type Address, parseAddress } from '../trace/addresses.ts';
import { type Family, families } from './honest.ts';
import { gatewayBehind } from './open-view.ts';
import type { Gateway, Host, View } from './view.ts';

/** A router's port on a switch. */
export interface RouterSide {
  readonly place: NetworkDatapath;
  readonly gateway: Gateway;
  readonly router: NetworkDatapath;
  /** Those of the switch whose ports are where they are, and not switched off. */
  readonly hosts: readonly Host[];
  /** The switch's ports to a physical network. */
  readonly wires: readonly NetworkPort[];
}

/** The ports of routers of databases, switch by switch; those that are switched off answer nobody. */
export function routerSides(view: View): RouterSide[] {
  const places = view.tenants.filter(({ plan }) => !plan).flatMap(({ datapaths }) => datapaths);
  return places
    .filter(({ kind }) => kind === 'switch')
    .flatMap((place) => {
      const hosts = place.ports
        .filter((port) => port.binding.type === '' && isEnabled(view, port))
        .flatMap((port) => view.hostOf.get(port) ?? []);
      const wires = wiresOf(place);
      if (hosts.length + wires.length === 0) return [];
      return (
        place.ports
          .flatMap(gatewayBehind)
          // A router's port that another router's is joined with as well is not surely this switch's.
          .filter(({ switchPort, routerPort }) => routerPort.peer === switchPort)
          .filter(({ switchPort, routerPort }) => isEnabled(view, switchPort) && isEnabled(view, routerPort))
          .map((gateway) => ({ place, gateway, router: gateway.routerPort.datapath, hosts, wires }))
      );
    });
}

/** Ports to physical networks that get what is for strangers; none where a MAC address may have been learned elsewhere: answers go there. */
function wiresOf({ ports }: NetworkDatapath): NetworkPort[] {
  if (ports.filter(({ binding: { mac } }) => mac.includes('unknown')).length > 1) return [];
  return ports.filter(
    ({ binding: { type, mac, portSecurity } }) =>
      (type === 'localnet' || type === 'l2gateway') && mac.includes('unknown') && portSecurity.length === 0,
  );
}

const disabled = new WeakMap<View, ReadonlySet<string>>();

/** Whether nobody has switched a port off: ovn-nb(5), `enabled`. */
export function isEnabled(view: View, { name }: NetworkPort): boolean {
  const known = disabled.get(view) ?? disabledIn(view);
  disabled.set(view, known);
  return !known.has(name);
}

function disabledIn({ northbound }: View): ReadonlySet<string> {
  const rows = [
    ...(northbound?.Logical_Router_Port.values() ?? []),
    ...(northbound?.Logical_Switch_Port.values() ?? []),
  ];
  return new Set(rows.flatMap(({ name, enabled }) => (enabled === false ? name : [])));
}

/** The addresses of the ports of a router, of one family; those that are switched off are not answered for. */
export function addressesOfRouter(view: View, { ports }: NetworkDatapath, family: Family): bigint[] {
  const all = ports
    .filter((port) => isEnabled(view, port))
    .flatMap((port) => (port.peer ? gatewayBehind(port.peer) : []))
    .flatMap(({ addresses }) => addresses.flatMap(({ address }) => (address.family === family ? address.value : [])));
  return [...new Set(all)];
}

/** A port that is bound to one chassis, ovn-nb(5), `gateway_chassis`: a distributed gateway port. */
export const isGatewayPort = ({ analysis: { network } }: View, { name }: NetworkPort): boolean =>
  network.ports.has(`cr-${name}`);

/** A router of which some is done by one chassis only: a gateway router, or one with distributed gateway ports. */
export const isCentral = ({ ports }: NetworkDatapath): boolean =>
  ports.some(({ binding: { type } }) => type === 'l3gateway' || type === 'chassisredirect');

/** What a router's flows do beside forwarding by the destination. */
export interface Habits {
  /** Of which families packets may be led elsewhere by policies, or by routes that look at the source. */
  readonly detours: ReadonlySet<Family>;
  /** Addresses may be translated. */
  readonly translates: boolean;
  /** The networks from which sources are translated. */
  readonly hidden: readonly (Address & { prefixLength: number })[];
  /** The destinations of its IPv4 routes, as matches. */
  readonly routes: readonly string[];
}

const found = new WeakMap<View, Map<string, Habits>>();

/** Of a router. Worked out once for all of a view. */
export function habitsOf(view: View, { uuid }: NetworkDatapath): Habits {
  const known = found.get(view) ?? habitsIn(view);
  found.set(view, known);
  return known.get(uuid) ?? { detours: new Set(), translates: false, hidden: [], routes: [] };
}

function habitsIn({ southbound }: View): Map<string, Habits> {
  const relevant = southbound.flows.filter(({ stage }) => stage.startsWith('lr_'));
  return new Map([...groupBy(relevant, ({ datapath }) => datapath)].map(([uuid, flows]) => [uuid, habits(flows)]));
}

function habits(flows: readonly LogicalFlow[]): Habits {
  const translating = flows.filter(({ actions }) => /\bct_(snat|dnat|lb)/.test(actions));
  return {
    detours: new Set(flows.filter(isDetour).flatMap(familiesOf)),
    translates: translating.length > 0,
    hidden: translating.flatMap(({ match }) => families.flatMap((family) => sourceOf(match, family))),
    routes: flows.flatMap(({ stage, match }) =>
      stage === 'lr_in_ip_routing' ? (/\bip4\.dst == [\d.]+(?:\/\d+)?/.exec(match)?.[0] ?? []) : [],
    ),
  };
}

function isDetour({ stage, priority, match, actions }: LogicalFlow): boolean {
  if (stage === 'lr_in_policy') return priority > 0 && /outport|select\(/.test(actions);
  return stage === 'lr_in_ip_routing' && /\bip[46]\.src == /.test(match);
}

/** Of which families packets may meet a flow. */
function familiesOf({ match }: LogicalFlow): readonly Family[] {
  if (/\|\||!/.test(match)) return families;
  const said = families.filter((family) => new RegExp(`\\bip${family}\\b`).test(match));
  return said.length === 1 ? said : families;
}

/** The network that a match demands of the source. */
function sourceOf(match: string, family: Family): Habits['hidden'] {
  const [, text = '', length] = new RegExp(`\\bip${family}\\.src == ([0-9a-f.:]+)(?:/(\\d+))?`).exec(match) ?? [];
  const address = parseAddress(text);
  const bits = family === 4 ? 32 : 128;
  const prefixLength = Number(length ?? bits);
  return address?.family === family && prefixLength <= bits ? [{ ...address, prefixLength }] : [];
}

/** Whether an address is in a network. */
export const isWithin = (ip: bigint, other: bigint, family: Family, prefixLength: number): boolean =>
  (ip ^ other) >> BigInt((family === 4 ? 32 : 128) - prefixLength) === 0n;
