/**
 * Ports of other nodes that are alike: a node that has few ports of its own in a network of thousands need not follow
 * packets for each of those, but only for one or two of each kind.
 *
 * Two ports of one switch are alike if to exchange their names and addresses, where packets go to, changes no flow:
 *
 *     ls_in_l2_lkup       eth.dst == MAC                      outport = NAME; output;
 *     ls_in_arp_rsp       arp.tpa == IP && arp.op == 1 ...
 *     lr_in_arp_resolve   outport == LRP && reg0 == IP        eth.dst = MAC; next;
 *     any                 inport == NAME && ... (ingress),  outport == NAME && ... (egress): flows of other nodes
 *
 * Flows that ask for one of them as a sender stay.  Whatever else names a port, or one of its addresses as a
 * destination, sets it apart; so do masks, sets and groups that have the one and not the other.
 */
import type { LogicalFlow, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { ChassisView } from '../../engine/program/chassis.ts';

/** One of the ports that are alike. */
export interface Twin {
  readonly binding: PortBinding;
  readonly mac: string;
  readonly ip: string;
}

/** A port that is followed, and those that it stands for beside itself. */
export interface Kind extends Twin {
  readonly others: readonly Twin[];
}

export interface Alike {
  /** Without the ports that others stand for. */
  readonly southbound: Southbound;
  /** By the name of the port that is followed. */
  readonly kinds: ReadonlyMap<string, Kind>;
}

/** So many of a kind are followed: groups of receivers stay groups. */
const followed = 2;
/** Fewer ports than this are not worth it. */
const fewPorts = 16;

/** The ports of other nodes that are alike; undefined where it is not worth it, or flows ask in a way that is not understood. */
export function alikeIn(southbound: Southbound, view: ChassisView): Alike | undefined {
  const local = new Set(view.datapaths.map(({ binding }) => binding.uuid));
  const candidates = view.datapaths.flatMap(({ ports }) =>
    ports.flatMap(({ binding, reach }): Twin[] => {
      const isPlain = reach.kind === 'remote' && reach.tunnel.type === 'geneve' && !reach.isVtep && !reach.others;
      const twin = isPlain && binding.type === '' ? twinOf(binding) : undefined;
      return twin ? [twin] : [];
    }),
  );
  if (candidates.length < fewPorts) return undefined;
  const flows = southbound.flows.filter(({ datapath }) => local.has(datapath));
  if (flows.some(asksForParts)) return undefined;
  const sorter = new Sorter(southbound, candidates);
  for (const flow of flows) sorter.flow(flow);
  const kinds = new Map<string, Kind>();
  const gone = new Set<string>();
  for (const members of sorter.sorted(flows)) {
    const [one] = members;
    const others = members.slice(followed);
    if (!one || others.length === 0) continue;
    kinds.set(one.binding.logicalPort, { ...one, others });
    for (const { binding } of others) gone.add(binding.logicalPort);
  }
  if (kinds.size === 0) return undefined;
  return { southbound: without(southbound, gone, sorter.owned), kinds };
}

/** Whether a flow asks for parts of addresses, or for more or less: no single constant tells that. */
const asksForParts = ({ stage, match }: LogicalFlow): boolean =>
  /\b(eth\.dst|ip4\.dst|arp\.tpa)(\[(?!40\])|\s*[<>])|[<>]=?\s*(eth\.dst|ip4\.dst|arp\.tpa|reg0)\b|\breg0\s*[<>]/.test(
    match,
  ) ||
  (stage.startsWith('lr_') && /\bx*reg0\[/.test(match));

/** A port with one MAC and one IPv4 address. */
function twinOf(binding: PortBinding): Twin | undefined {
  const [text, ...more] = binding.mac;
  const [mac = '', ip = '', ...others] = text?.split(' ') ?? [];
  const isWhole = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && /^\d+(\.\d+){3}$/.test(ip);
  return isWhole && more.length === 0 && others.length === 0 ? { binding, mac, ip } : undefined;
}

/** Names in quotes, MAC and IPv4 addresses; what follows an address as its mask is a part of it. */
const tokens = /"[^"]*"|[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?:\/[0-9a-f:]+)?|\d+(?:\.\d+){3}(?:\/[\d.]+)?/g;
/** A demand and what it asks for. */
const demands = /([a-z_0-9.]+)\s*[!=]=\s*(\{[^}]*\}|"[^"]*"|[^\s&|()]+)/g;
/** Fields that tell who sends. */
const senders = new Set(['ip4.src', 'eth.src', 'arp.spa', 'arp.sha']);

class Sorter {
  /** Flows of single ports, which go with them. */
  readonly owned = new Map<LogicalFlow, Twin>();
  private readonly southbound: Southbound;
  private readonly twins: readonly Twin[];
  private readonly byToken = new Map<string, Twin[]>();
  /** What flows ask of each port, its own names and addresses left out. */
  private readonly asked = new Map<Twin, string[]>();
  private readonly apart = new Set<Twin>();

  constructor(southbound: Southbound, twins: readonly Twin[]) {
    this.southbound = southbound;
    this.twins = twins;
    for (const twin of twins) {
      for (const token of [JSON.stringify(twin.binding.logicalPort), twin.mac, twin.ip]) {
        const known = this.byToken.get(token);
        if (known) known.push(twin);
        else this.byToken.set(token, [twin]);
      }
    }
  }

  /** Notes whom a flow names. */
  flow(flow: LogicalFlow): void {
    const named = new Set<Twin>();
    for (const [token] of `${flow.match} ${flow.actions}`.matchAll(tokens)) {
      for (const twin of this.byToken.get(token) ?? []) named.add(twin);
    }
    if (named.size === 0) return;
    const [owner] = [...named].filter((twin) => isOwn(flow, twin));
    if (owner) {
      this.owned.set(flow, owner);
      const text = `${flow.stage} ${flow.priority} ${flow.datapath} ${flow.match} => ${flow.actions}`;
      const known = this.asked.get(owner) ?? [];
      known.push(anonymous(text, owner));
      this.asked.set(owner, known);
      return;
    }
    for (const twin of named) if (!isAskedAsSender(flow, twin)) this.apart.add(twin);
  }

  /** Ports that are alike together. */
  sorted(flows: readonly LogicalFlow[]): Twin[][] {
    const { macBindings, staticMacBindings, fdb } = this.southbound;
    const learned = [...JSON.stringify([macBindings, staticMacBindings, fdb]).matchAll(tokens)];
    for (const [token] of learned) for (const twin of this.byToken.get(unquoted(token)) ?? []) this.apart.add(twin);
    const masks = masksIn(this.southbound, flows);
    const sets = membersOf([...this.southbound.addressSets, ...this.southbound.portGroups]);
    const groups = membersOf(this.southbound.multicastGroups.map(({ uuid, ports }) => [uuid, ports]));
    const byKind = new Map<string, Twin[]>();
    for (const twin of this.twins) {
      if (this.apart.has(twin)) continue;
      const { binding, mac, ip } = twin;
      const key = JSON.stringify([
        binding.datapath,
        (this.asked.get(twin) ?? []).sort(),
        masks.filter((mask) => mask(twin)).map((mask) => masks.indexOf(mask)),
        [binding.logicalPort, mac, ip].map((text) => sets.get(text) ?? []),
        groups.get(binding.uuid) ?? [],
      ]);
      const known = byKind.get(key);
      if (known) known.push(twin);
      else byKind.set(key, [twin]);
    }
    return [...byKind.values()];
  }
}

const unquoted = (token: string): string => token.replaceAll('"', '');

/** Whether a flow is of this port alone, in one of the forms that go with it. */
function isOwn({ stage, match, actions, pipeline, datapath }: LogicalFlow, { binding, mac, ip }: Twin): boolean {
  const name = JSON.stringify(binding.logicalPort);
  if (stage === 'lr_in_arp_resolve')
    return (
      /^outport == "[^"]*" && reg0 == [\d.]+$/.test(match) &&
      actions === `eth.dst = ${mac}; next;` &&
      match.endsWith(` ${ip}`)
    );
  if (datapath !== binding.datapath) return false;
  if (stage === 'ls_in_l2_lkup') return match === `eth.dst == ${mac}` && actions === `outport = ${name}; output;`;
  if (stage === 'ls_in_arp_rsp') return match.startsWith(`arp.tpa == ${ip} && arp.op == 1`) && !match.includes('||');
  const side = pipeline === 'ingress' ? 'inport' : 'outport';
  return match.startsWith(`${side} == ${name} && `) && !match.includes('||');
}

/** Whether a flow asks for a port by what it sends, and in no other way. */
function isAskedAsSender({ match, actions }: LogicalFlow, twin: Twin): boolean {
  const own = new Set([JSON.stringify(twin.binding.logicalPort), twin.mac, twin.ip]);
  const isNamed = (text: string): boolean => [...text.matchAll(tokens)].some(([token]) => own.has(token));
  if (isNamed(actions)) return false;
  const rest = match.replace(demands, (whole, field: string) => (senders.has(field) ? '' : whole));
  return !isNamed(rest);
}

/** A text with the port's own name and addresses left out. */
function anonymous(text: string, { binding, mac, ip }: Twin): string {
  const words = new Map([
    [JSON.stringify(binding.logicalPort), '@NAME'],
    [mac, '@MAC'],
    [ip, '@IP'],
  ]);
  return text.replace(tokens, (token) => words.get(token) ?? token);
}

/** Tests for the masks that flows and sets of addresses ask for. */
function masksIn({ addressSets }: Southbound, flows: readonly LogicalFlow[]): ((twin: Twin) => boolean)[] {
  const found = new Set<string>();
  const look = (text: string): void => {
    for (const [token] of text.matchAll(tokens)) if (token.includes('/') && !token.startsWith('"')) found.add(token);
  };
  for (const { match } of flows) look(match);
  for (const members of addressSets.values()) for (const member of members) look(member);
  return [...found].map((text) => {
    const [value = '', mask = ''] = text.split('/');
    const isMac = value.includes(':');
    const bits = isMac ? macNumber(mask) : /^\d+$/.test(mask) ? prefix(Number(mask)) : ipNumber(mask);
    const wanted = (isMac ? macNumber(value) : ipNumber(value)) & bits;
    return ({ mac, ip }: Twin) => ((isMac ? macNumber(mac) : ipNumber(ip)) & bits) === wanted;
  });
}

const macNumber = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
const ipNumber = (text: string): bigint => text.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const prefix = (length: number): bigint => (0xffffffffn << BigInt(32 - length)) & 0xffffffffn;

/** By member, the names of the sets that it is in. */
function membersOf(sets: Iterable<readonly [string, readonly string[]]>): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [name, members] of sets) {
    for (const member of members) {
      const known = found.get(member);
      if (known) known.push(name);
      else found.set(member, [name]);
    }
  }
  return found;
}

/** The database without some ports, and without the flows that are theirs alone. */
function without(southbound: Southbound, gone: ReadonlySet<string>, owned: ReadonlyMap<LogicalFlow, Twin>): Southbound {
  const ports = southbound.ports.filter(({ logicalPort }) => !gone.has(logicalPort));
  const left = new Set(southbound.ports.filter(({ logicalPort }) => gone.has(logicalPort)).map(({ uuid }) => uuid));
  return {
    ...southbound,
    ports,
    flows: southbound.flows.filter((flow) => {
      const owner = owned.get(flow);
      return !owner || !gone.has(owner.binding.logicalPort);
    }),
    multicastGroups: southbound.multicastGroups.map((group) => ({
      ...group,
      ports: group.ports.filter((uuid) => !left.has(uuid)),
    })),
  };
}
