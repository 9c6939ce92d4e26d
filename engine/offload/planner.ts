/**
 * Rules for the traffic of a node, before any packet has been seen.
 *
 *     group 0   port and sender's addresses -> the group of its senders; Geneve from a known node -> the tunnels' group
 *     group 1.. destinations and kinds of packets: changes of headers, the way out
 *     ...       what differs from sender to sender, then on to the groups above
 *     tunnels   Geneve's VNI and option, the packet inside: the headers off, the way out
 *     software  nothing that would take a packet: who is sent here goes to software as he came
 *
 * Senders that may send the same have one group, so that many ports with many
 * destinations need as many rules as there are of both, not their product.
 */
import type { Literal, PacketSet, Space } from '../sets/index.ts';
import {
  classActions,
  type DevicePorts,
  inOrder,
  isUsable,
  type Known,
  type Made,
  optionOf,
  tunnelBytes,
} from './actions.ts';
import { type Capabilities, whyNotAction, whyNotItem } from './capabilities/types.ts';
import type { NodeClass, NodePort, NodeTraffic } from './classes.ts';
import { type Cell, type Cover, coverCells, exceptionsFor, type Grammar, type Ranked } from './cover.ts';
import { type Family, familiesOf, fieldNames } from './families.ts';
import { createLedger, type Describe, type Ledger } from './ledger.ts';
import { createGrammar, itemsOf, type PatternOptions, wordsOf } from './pattern.ts';
import type { GroupUse, OffloadPlan } from './plan.ts';
import type { Action, Item, Rule } from './rules.ts';

export interface PlanOptions {
  readonly capabilities: Capabilities;
  readonly device: DevicePorts;
  /** More rules than this are not made, where the device names no limit of its own; 100 000 unless given. */
  readonly mostRules?: number;
  /** Words and a sample for a set of packets. */
  readonly describe?: Describe;
}

const manyRules = 100_000;

/** Plans the rules of a node, and tells what becomes of its traffic. */
export function planRules(traffic: NodeTraffic, options: PlanOptions): OffloadPlan {
  return new Planner(traffic, options).plan();
}

/** What a rule of one of the inner groups does. */
interface Doing {
  readonly actions: readonly Action[];
  readonly class?: NodeClass;
  readonly known?: Known;
}

/** Senders that have their rules in one group. */
interface Crowd {
  readonly group: number;
  /** Over fields of senders. */
  senders: PacketSet;
  readonly families: Set<Family>;
}

class Planner {
  private readonly traffic: NodeTraffic;
  private readonly options: PlanOptions;
  private readonly space: Space;
  private readonly grammar: Grammar;
  private readonly pattern: PatternOptions;
  private readonly rules: Rule[] = [];
  private readonly purposes: string[] = [];
  private readonly ledger: Ledger;
  private readonly inport: number;
  private readonly hasTunnels: boolean;
  private readonly software: number;
  private readonly types: readonly PacketSet[];
  private readonly unreadable: PacketSet;
  /** No frame with a VLAN tag is handled, and a rule leaves them all to software. */
  private readonly isUntagged: boolean;
  /** Groups that have been given out. */
  private groups = 2;

  constructor(traffic: NodeTraffic, options: PlanOptions) {
    const { capabilities, device } = options;
    this.traffic = traffic;
    this.options = options;
    this.space = traffic.space;
    this.hasTunnels = device.tunnels.size > 1 && whyNotItem(capabilities, 'geneve_opt', 'data') === undefined;
    this.pattern = { fields: traffic.space.fields, capabilities, hasTunnels: this.hasTunnels };
    this.grammar = createGrammar(this.pattern);
    this.ledger = createLedger(traffic, options);
    this.inport = fieldNames(traffic.space).index('inport');
    this.software = 1;
    this.types = typesOf(this.space);
    this.unreadable = unreadableOf(this.space, this.types);
    this.isUntagged = this.canLeaveTags();
    this.purposes[0] = 'who sends: ports and their addresses';
    this.purposes[1] = 'left to software';
  }

  plan(): OffloadPlan {
    const { traffic, options } = this;
    const made = familiesOf(traffic, options.capabilities, this.hasTunnels);
    const { families } = made;
    this.ledger.leave([...traffic.software, ...made.lost]);
    const returning = this.returning(families);
    if (this.hasTunnels) this.receive();
    if (returning) this.send(families, returning);
    this.nothingBehind();
    const { node } = traffic;
    const { device } = options.capabilities;
    const rules = this.rules.map((rule, index) => ({ ...rule, cookie: rule.cookie ?? `${node}:${index}` }));
    return {
      node,
      device,
      placement: 'proactive',
      ruleSet: { node, device, rules },
      traffic: this.ledger.traffic(rules),
      groups: this.uses(rules),
    };
  }

  /** Exceptions for packets that would go back where they came from; undefined where rules do not say which these are. */
  private returning(families: readonly Family[]): readonly (readonly Literal[])[] | undefined {
    const { space, traffic } = this;
    const handled = space.orAll(families.map((family) => this.whole(family)));
    const excess = space.and(space.and(traffic.returning, handled), traffic.possible);
    const most = 64 + 8 * traffic.ports.length;
    const input = { space, care: traffic.possible, cells: [], grammar: this.grammar };
    const found = exceptionsFor(input, excess, space.diff(handled, traffic.returning), most);
    if (!found) {
      const detail = 'packets that would go back where they came from are not told apart by few rules';
      this.ledger.fail(handled, { code: 'match-too-wide', detail });
    }
    return found;
  }

  private whole({ senders, kind, targets }: Family): PacketSet {
    const { space } = this;
    return space.and(space.and(senders, kind), space.orAll(targets.map(({ set }) => set)));
  }

  /** Cells as conjunctions with an order, among packets that may come there. */
  private cover(
    care: PacketSet,
    cells: readonly Cell<Doing>[],
    more: { readonly behind?: PacketSet; readonly grammar?: Grammar } = {},
  ): Cover<Doing> {
    const { space, grammar, unreadable, types } = this;
    return coverCells({ space, care, cells, grammar, unreadable, types, ...more });
  }

  /** From the ports of the node on. */
  private send(families: readonly Family[], returning: readonly (readonly Literal[])[]): void {
    const { space, traffic } = this;
    const crowds = this.crowdsOf(families);
    const jumps: Cell<Doing>[] = [];
    for (const crowd of crowds) {
      const cells = this.cellsOf(
        crowd,
        [...crowd.families].filter(({ bySender }) => !bySender),
        0,
      );
      const cover = this.cover(this.careOf(crowd), cells);
      this.noteFailed(cover, crowd);
      this.add(crowd.group, cover.ranked, crowd.senders);
      this.purposes[crowd.group] = 'destinations';
      jumps.push(...this.jumpsTo(crowd, space.orAll(cells.map(({ set }) => set))));
    }
    const root = this.cover(traffic.possible, jumps);
    const failed = space.orAll(root.failed.map(({ set }) => set));
    if (failed !== space.empty)
      this.ledger.fail(failed, { code: 'unsupported-match', detail: 'the senders are not told apart by few rules' });
    const apart = this.isUntagged ? [[tagged(space)], ...returning] : returning;
    const exceptions = apart.map((literals): Ranked<Doing> => ({ literals, priority: 0, target: undefined }));
    const shifted = root.ranked.map((one) => ({ ...one, priority: one.priority + (exceptions.length > 0 ? 1 : 0) }));
    this.add(0, [...exceptions, ...shifted], space.all);
  }

  /** Senders by which families they have; those that can share a group do. */
  private crowdsOf(families: readonly Family[]): Crowd[] {
    const { space } = this;
    let atoms: { set: PacketSet; families: Set<Family> }[] = [];
    for (const family of families) {
      let rest = family.senders;
      atoms = atoms.flatMap((atom) => {
        const both = space.and(atom.set, rest);
        if (both === space.empty) return [atom];
        rest = space.diff(rest, both);
        const others = space.diff(atom.set, both);
        const inside = { set: both, families: new Set([...atom.families, family]) };
        return others === space.empty ? [inside] : [inside, { ...atom, set: others }];
      });
      if (rest !== space.empty) atoms.push({ set: rest, families: new Set([family]) });
    }
    atoms.sort((a, b) => b.families.size - a.families.size);
    const crowds: (Crowd & { parts: typeof atoms })[] = [];
    const isHarmless = (part: (typeof atoms)[number], all: ReadonlySet<Family>): boolean =>
      [...all].every((family) => part.families.has(family) || !space.intersects(part.set, family.kind));
    for (const atom of atoms) {
      const home = crowds.find((crowd) => {
        const all = new Set([...crowd.families, ...atom.families]);
        return [...crowd.parts, atom].every((part) => isHarmless(part, all));
      });
      if (home) {
        home.senders = space.or(home.senders, atom.set);
        home.parts.push(atom);
        for (const family of atom.families) home.families.add(family);
      } else {
        crowds.push({ group: this.groups++, senders: atom.set, families: new Set(atom.families), parts: [atom] });
      }
    }
    return crowds;
  }

  /** Packets that may come into the group of a crowd. */
  private careOf({ senders }: Crowd): PacketSet {
    const { space, traffic } = this;
    return space.and(traffic.possible, senders);
  }

  /** Cells for the targets of families, with what can be done to their packets; of rules by sender as for `sender`. */
  private cellsOf(crowd: Crowd, families: readonly Family[], sender: number): Cell<Doing>[] {
    const { space } = this;
    return families.flatMap((family) => {
      const known = this.knownOf(family);
      return family.targets.flatMap(({ set: target, class: one }): Cell<Doing>[] => {
        const set = space.and(family.kind, target);
        const made = this.actionsFor(one, known, sender);
        const layer = one.exit.kind === 'tunnel' ? 1 : 0;
        if ('actions' in made) return [{ set, layer, target: { actions: made.actions, class: one, known } }];
        this.ledger.fail(space.and(crowd.senders, set), made.reason);
        return [];
      });
    });
  }

  private actionsFor(one: NodeClass, known: Known, inKey: number): Made {
    const { traffic, options } = this;
    const device = { ...options.device, node: traffic.node };
    return classActions(options.capabilities, device, one.exit, one.changes, known, inKey);
  }

  /** What all packets of a family have in common that actions depend on. */
  private knownOf(family: Family): Known {
    const { space } = this;
    const hull = space.hull(family.kind);
    const whole = (name: string, full: bigint): bigint | undefined =>
      hull.find(({ field, mask }) => field === fieldNames(space).index(name) && mask === full)?.value;
    const [type, proto] = [whole('eth.type', 0xffffn), whole('ip.proto', 0xffn)];
    return { ...(type !== undefined && { type }), ...(proto !== undefined && { proto }) };
  }

  /** Tells what became of cells whose rules are in the group of their crowd. */
  private noteFailed({ cells, failed }: Cover<Doing>, crowd: Crowd, isOwn = false): void {
    const { space } = this;
    for (const { set } of failed) {
      const packets = space.and(crowd.senders, set);
      const detail = 'no few rules of this device say which packets these are';
      this.ledger.fail(packets, { code: 'match-too-wide', detail });
    }
    const gone = new Set(failed);
    for (const cell of cells) {
      const one = cell.target.class;
      if (!isOwn && one && !gone.has(cell)) {
        this.ledger.handle(space.and(crowd.senders, cell.set), one, crowd.group, crowd.group);
      }
    }
  }

  /** How packets of each port of a crowd get to their group, by way of the rules that are the port's own. */
  private jumpsTo(crowd: Crowd, behind: PacketSet): Cell<Doing>[] {
    const { space, traffic } = this;
    const families = [...crowd.families].filter(({ bySender }) => bySender);
    const senders = traffic.ports.flatMap((port) => {
      const own = space.cube([{ field: this.inport, value: BigInt(port.number), mask: 0xfffffn }]);
      const set = space.and(crowd.senders, own);
      if (set === space.empty) return [];
      if (this.portName(port.number) !== undefined) return [{ port, set }];
      const detail = `no port of the device is known for ${port.name}`;
      this.ledger.fail(space.and(set, behind), { code: 'unsupported-match', detail });
      return [];
    });
    const groups = families.length > 0 ? this.ownGroups(crowd, families, senders, behind) : new Map<NodePort, number>();
    return senders.map(({ port, set }): Cell<Doing> => {
      const group = groups.get(port) ?? crowd.group;
      return { set, layer: 0, target: { actions: [{ type: 'jump', group }] } };
    });
  }

  /** Groups of ports that have rules of their own, because tunnels tell who sent a packet: alike but for that. */
  private ownGroups(
    crowd: Crowd,
    families: readonly Family[],
    senders: readonly { readonly port: NodePort; readonly set: PacketSet }[],
    behind: PacketSet,
  ): Map<NodePort, number> {
    const { space } = this;
    const groups = new Map<NodePort, number>();
    const cells = this.cellsOf(crowd, families, 0);
    const cover = this.cover(this.careOf(crowd), cells, { behind });
    this.noteFailed(cover, crowd, true);
    const gone = new Set(cover.failed);
    const last = 1 + Math.max(-1, ...cover.ranked.map(({ priority }) => priority));
    const actions: readonly Action[] = [{ type: 'jump', group: crowd.group }];
    const onward: Ranked<Doing> = { literals: [], priority: last, target: { actions } };
    for (const { port, set } of senders) {
      if (this.rules.length + cover.ranked.length > this.mostRules()) {
        const packets = space.and(set, space.orAll(families.map((family) => this.whole(family))));
        this.ledger.fail(packets, { code: 'table-full', detail: tooMany(cover.ranked.length) });
        continue;
      }
      const group = this.groups++;
      groups.set(port, group);
      this.purposes[group] = `destinations of ${port.name} alone`;
      const own = cover.ranked.map((one) => this.asSentBy(one, port.tunnelKey));
      this.add(group, [...own, onward], set);
      for (const cell of cover.cells) {
        const { class: one } = cell.target;
        if (one && !gone.has(cell)) this.ledger.handle(space.and(set, cell.set), one, group, crowd.group);
      }
    }
    return groups;
  }

  private asSentBy(ranked: Ranked<Doing>, tunnelKey: number): Ranked<Doing> {
    const { class: one, known } = ranked.target ?? {};
    if (!one || !known) return ranked;
    const made = this.actionsFor(one, known, tunnelKey);
    return 'actions' in made ? { ...ranked, target: { ...ranked.target, actions: made.actions } } : ranked;
  }

  /** What tunnels bring. */
  private receive(): void {
    const { traffic, options, space } = this;
    const { device, capabilities } = options;
    const group = this.groups++;
    this.purposes[group] = 'from tunnels';
    const local = device.tunnels.get(traffic.node);
    const rules: Rule[] = [];
    for (const { port, datapathKey, classes } of traffic.arriving) {
      const outer = outerItems(datapathKey, port.tunnelKey);
      const otherWords = wordsOf(outer);
      const grammar = createGrammar({ ...this.pattern, otherWords });
      for (const one of classes) {
        const made = classActions(capabilities, { ...device, node: traffic.node }, one.exit, one.changes, {}, 0);
        if ('reason' in made) {
          this.ledger.failArriving(port, made.reason);
          continue;
        }
        const seen = this.arrivingSet(one);
        const actions = inOrder(capabilities, [{ type: 'raw_decap', data: '00'.repeat(tunnelBytes) }, ...made.actions]);
        const cells: Cell<Doing>[] = [{ set: seen, layer: 0, target: { actions, class: one } }];
        const cover = this.cover(traffic.possible, cells, { grammar });
        if (cover.failed.length > 0) {
          const detail = 'the packets inside of tunnels are not told by few rules of this device';
          this.ledger.failArriving(port, { code: 'match-too-wide', detail });
        }
        const own = outerItems(datapathKey, port.tunnelKey, port.tunnelKey);
        rules.push(this.rule(group, 0, own, this.toSoftware()));
        rules.push(...this.made(group, cover.ranked, space.empty, outer, 1));
        if (cover.failed.length === 0) this.ledger.handleArriving(port, one, group);
      }
    }
    const peers = [...device.tunnels].filter(([name, end]) => name !== traffic.node && isUsable(end));
    if (rules.length === 0 || !local || !isUsable(local)) return;
    this.rules.push(...rules);
    const hasLength = whyNotItem(capabilities, 'geneve', 'optlen') === undefined;
    for (const [, { ip }] of peers) {
      const pattern: Item[] = [
        { type: 'represented_port', spec: { ethdev_port_id: device.uplink } },
        { type: 'eth', spec: { has_vlan: 0 } },
        // A tunnel that says that there is congestion marks the packet inside, which rules do not.
        {
          type: 'ipv4',
          spec: { tos: 0, fragment_offset: 0, src: ip, dst: local.ip },
          mask: { tos: 3, fragment_offset: 0x3fff, src: '255.255.255.255', dst: '255.255.255.255' },
        },
        { type: 'udp', spec: { dst: 6081 } },
        // Headers of one length are taken off: those with OVN's option alone.
        ...(hasLength ? [{ type: 'geneve', spec: { optlen: 2 } } as const] : []),
      ];
      this.rules.push({ group: 0, priority: 0, pattern, actions: [{ type: 'jump', group }] });
    }
  }

  /** The packets of a class inside of a tunnel, as far as rules see them, whoever sent them. */
  private arrivingSet(one: NodeClass): PacketSet {
    const { space, traffic } = this;
    const names = fieldNames(space);
    const hidden = ['inport', ...unmatched].map(names.index);
    const arp = space.cube([names.literal('eth.type', 0x806n)]);
    const mine = traffic.arriving.find(({ classes }) => classes.includes(one));
    const senders = mine ? mine.senders : space.all;
    const bad = space.forget(space.diff(space.and(traffic.possible, senders), one.packets), hidden);
    const certain = space.diff(space.forget(one.packets, hidden), bad);
    return space.intersects(arp, certain) ? certain : space.and(certain, traffic.possible);
  }

  /** A group that takes nothing: its only rule asks for a register that nobody sets. */
  private nothingBehind(): void {
    const pattern: Item[] = [{ type: 'tag', spec: { index: 0, data: 0xffffffff } }];
    if (whyNotItem(this.options.capabilities, 'tag') !== undefined) return;
    this.rules.push({ group: this.software, priority: 0, pattern, actions: [{ type: 'drop' }] });
  }

  private mostRules(): number {
    const { capabilities, mostRules = manyRules } = this.options;
    return Math.min(mostRules, capabilities.limits.rules?.value ?? mostRules);
  }

  private add(group: number, ranked: readonly Ranked<Doing>[], senders: PacketSet): void {
    const first = group === 0 && this.rules.some((rule) => rule.group === 0) ? 1 : 0;
    this.rules.push(...this.made(group, ranked, senders, [], first));
  }

  /** Rules of one group; an exception drops where all that it takes is dropped anyway, and leaves the rest to software. */
  private made(
    group: number,
    ranked: readonly Ranked<Doing>[],
    senders: PacketSet,
    before: readonly Item[],
    first = 0,
  ): Rule[] {
    const portName = (number: number): string => this.portName(number) ?? '';
    const rules: Rule[] = [];
    let shift = first;
    let last = -1;
    for (const { literals, priority, target, needsHeader } of ranked) {
      if (!this.isThere(literals)) continue;
      const shadows = last === priority ? [] : this.shadows(ranked.filter((one) => one.priority === priority));
      if (last !== priority && shadows.length > 0) {
        for (const pattern of shadows)
          rules.push(this.rule(group, priority + shift, [...before, ...pattern], this.toSoftware()));
        shift += 1;
      }
      last = priority;
      const pattern = [...before, ...itemsOf(literals, this.pattern, portName, needsHeader)];
      const actions = target ? target.actions : this.isDropped(literals, senders) ? this.drop() : this.toSoftware();
      rules.push(this.rule(group, priority + shift, ordered(pattern), actions));
    }
    return rules;
  }

  private rule(group: number, priority: number, pattern: readonly Item[], actions: readonly Action[]): Rule {
    return { group, priority, pattern: ordered(pattern), actions };
  }

  /** Items that look behind the IP header see no fragments: those go to software before such a rule is asked. */
  private shadows(ranked: readonly Ranked<Doing>[]): Item[][] {
    const { fields } = this.space;
    const portName = (number: number): string => this.portName(number) ?? '';
    const found = new Map<string, Item[]>();
    for (const { literals } of ranked.filter((one) => this.isThere(one.literals))) {
      const name = ({ field }: Literal): string => fields[field]?.name ?? '';
      const isDeep = literals.some((literal) => /^(tp|icmp)\./.test(name(literal)));
      const isIp6 = literals.some((literal) => name(literal) === 'eth.type' && literal.value === 0x86ddn);
      const hasProto = literals.some((literal) => name(literal) === 'ip.proto');
      if (!isDeep && !(isIp6 && hasProto)) continue;
      const seen = literals.filter(
        (literal) => !/^(tp|icmp)\./.test(name(literal)) && !(isIp6 && name(literal) === 'ip.proto'),
      );
      for (const pattern of fragments(itemsOf(seen, this.pattern, portName, true), isIp6)) {
        found.set(JSON.stringify(pattern), pattern);
      }
    }
    if (found.size > 0) this.ledger.fragments();
    return [...found.values()];
  }

  private isDropped(literals: readonly Literal[], senders: PacketSet): boolean {
    const { space, traffic } = this;
    const isOurs = senders !== space.all || literals.some(({ field }) => field === this.inport);
    if (senders === space.empty || !isOurs) return false;
    const gone = space.or(traffic.dropped, traffic.returning);
    const all = space.and(traffic.possible, space.and(senders, space.cube(literals)));
    if (!space.isSubset(all, gone)) return false;
    if (this.isUntagged) return true;
    // Behind tags that software does not know hardware may see what it asks for.
    const seen = literals.filter((literal) => this.grammar.isOutside(literal) && !isType(space, literal));
    const hidden = space.and(space.oneOf(fieldNames(space).index('eth.type'), tagTypes), space.cube(seen));
    return space.isSubset(space.and(traffic.possible, space.and(senders, hidden)), gone);
  }

  /** Whether a rule may leave all frames with a VLAN tag to software, because no class has any. */
  private canLeaveTags(): boolean {
    const { space, traffic, options } = this;
    if (whyNotItem(options.capabilities, 'eth', 'has_vlan') !== undefined) return false;
    const some = space.cube([tagged(space)]);
    return traffic.classes.every(({ packets }) => !space.intersects(packets, some));
  }

  private drop(): readonly Action[] {
    const isCounted = whyNotAction(this.options.capabilities, 'count') === undefined;
    return isCounted ? [{ type: 'count' }, { type: 'drop' }] : [{ type: 'drop' }];
  }

  private toSoftware = (): readonly Action[] => [{ type: 'jump', group: this.software }];

  /** The device's name of a port, by its number in sets. */
  private portName(number: number): string | undefined {
    const port = this.traffic.ports.find((one) => one.number === number);
    return port && this.options.device.ports.get(port.name);
  }

  /** Rules for a port that the device does not have are none. */
  private isThere(literals: readonly Literal[]): boolean {
    const port = literals.find(({ field }) => field === this.inport);
    return port === undefined || this.portName(Number(port.value)) !== undefined;
  }

  private uses(rules: readonly Rule[]): GroupUse[] {
    const limit = this.options.capabilities.limits.rules?.value ?? null;
    const counts = new Map<number, number>();
    for (const { group } of rules) counts.set(group, (counts.get(group) ?? 0) + 1);
    return [...counts]
      .sort(([a], [b]) => a - b)
      .map(([group, count]) => ({ group, purpose: this.purposes[group] ?? '', rules: count, limit }));
  }
}

/** Ethernet types of VLAN tags as hardware may know them: IEEE 802.1Q, 802.1ad, and one from before them. */
const tagTypes = [0x8100n, 0x88a8n, 0x9100n];

/** Frames with a VLAN tag. */
function tagged(space: Space): Literal {
  return { field: fieldNames(space).index('vlan.tci'), value: 0x1000n, mask: 0x1000n };
}

const isType = (space: Space, { field }: Literal): boolean => field === fieldNames(space).index('eth.type');

/** IPv4 and IPv6. */
function typesOf(space: Space): PacketSet[] {
  return [0x800n, 0x86ddn].map((type) => space.cube([fieldNames(space).literal('eth.type', type)]));
}

/** Frames of IP whose header cannot be read: its fields are 0. */
function unreadableOf(space: Space, types: readonly PacketSet[]): PacketSet {
  const names = space.fields
    .map(({ name }) => name)
    .filter((name) => /^(ip|ip4|ip6|tp|icmp)\.|^tcp\.flags$/.test(name));
  const none = space.cube(names.map((name) => fieldNames(space).literal(name, 0n)));
  return space.and(space.orAll(types), none);
}

const tooMany = (wanted: number): string =>
  `a tunnel's header names the port that sent a packet, so each port needs ${wanted} rules of its own, and there is no room for so many`;

/** Fields that rules do not look at inside of tunnels. */
const unmatched = [
  'ip.frag',
  'tcp.flags',
  'pkt.len',
  'payload',
  'pkt.mark',
  'arp.op',
  'arp.spa',
  'arp.tpa',
  'arp.sha',
  'arp.tha',
];

/** The VNI and OVN's option: the port that a packet is for, and who sent it, unless that may be anybody. */
function outerItems(vni: number, outKey: number, inKey?: number): Item[] {
  return [
    { type: 'eth', spec: { has_vlan: 0 } },
    { type: 'ipv4' },
    { type: 'udp', spec: { dst: 6081 } },
    { type: 'geneve', spec: { vni } },
    {
      type: 'geneve_opt',
      spec: {
        class: 0x102,
        type: 0x80,
        data: optionOf(inKey ?? 0, outKey)
          .toString(16)
          .padStart(8, '0'),
      },
      ...(inKey === undefined && { mask: { class: 0xffff, type: 0xff, data: '0000ffff' } }),
    },
  ];
}

/** Patterns that take what rules with items behind IP do not see: fragments, and IPv6 with headers between. */
function fragments(items: readonly Item[], isIp6: boolean): Item[][] {
  if (!isIp6) {
    return [
      items.map((item) =>
        item.type === 'ipv4'
          ? {
              ...item,
              spec: { ...item.spec, fragment_offset: 1 },
              last: { fragment_offset: 0x3fff },
              mask: { ...item.mask, fragment_offset: 0x3fff },
            }
          : item,
      ),
    ];
  }
  // Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6: RFC 7045.
  const between = [0, 43, 44, 51, 60, 135, 139, 140];
  return between.map((proto) =>
    items.map((item) => (item.type === 'ipv6' ? { ...item, spec: { ...item.spec, proto } } : item)),
  );
}

/** The port first, then headers from the outermost on. */
function ordered(pattern: readonly Item[]): readonly Item[] {
  return [
    ...pattern.filter(({ type }) => type === 'represented_port'),
    ...pattern.filter(({ type }) => type !== 'represented_port'),
  ];
}
