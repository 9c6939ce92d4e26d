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
import { classActions, type DevicePorts, inOrder, type Known, type Made, tunnelBytes } from './actions.ts';
import {
  type Addressed,
  addressInside,
  intoGroup,
  isReaddressable,
  outerItems,
  packetsInside,
  readdressed,
} from './arriving.ts';
import { type Capabilities, whyNotAction, whyNotItem } from './capabilities/types.ts';
import type { NodeClass, NodePort, NodeTraffic, TunnelEntry } from './classes.ts';
import { type Cell, type Cover, coverCells, exceptionsFor, type Grammar, type Ranked } from './cover.ts';
import { type Family, familiesOf, fieldNames, type Target } from './families.ts';
import { fragmentsOf } from './fragments.ts';
import { exactField, isType, tagged, tagTypes, typesOf, unreadableOf } from './frame-kinds.ts';
import { createLedger, type Describe, type Handled, type Ledger } from './ledger.ts';
import { leftAlone } from './left-alone.ts';
import { createGrammar, itemsOf, type PatternOptions, wordsOf } from './pattern.ts';
import type { GroupUse, OffloadPlan, Reason } from './plan.ts';
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
  /** Of rules by which packets leave: their classes, of cells that stand for many in the order of their values. */
  readonly classes?: readonly NodeClass[];
  readonly known?: Known;
}

/** A rule, and what it was made for. */
interface Draft {
  readonly rule: Rule;
  readonly doing?: Doing;
}

/** How rules of a group are made. */
interface Making {
  /** The lowest priority. */
  readonly first?: number;
  /** What becomes of exceptions that are not surely dropped; to software unless given. */
  readonly otherwise?: readonly Action[];
}

/** Targets that are alike but for the value of a field. */
interface Alike {
  /** Undefined of a target that stands alone. */
  readonly field: number | undefined;
  readonly values: Set<bigint>;
  readonly classes: NodeClass[];
  readonly sets: PacketSet[];
  /** Those of the first one. */
  readonly actions: readonly Action[];
}

/** Senders that have their rules in one group. */
interface Crowd {
  readonly group: number;
  /** Over fields of senders. */
  senders: PacketSet;
  readonly families: Set<Family>;
}

/** The packets of a crowd that come in by one port. */
interface Entrance {
  readonly port: NodePort;
  readonly set: PacketSet;
  /** What the rules for them are made for; whereto is decided later. */
  readonly doing: Doing;
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
  /** The device's names of ports, by their numbers in sets. */
  private readonly names: ReadonlyMap<number, string>;
  private readonly received = new Map<string, Addressed<Doing>>();
  private readonly wholes = new Map<Family, PacketSet>();
  /** Groups that have been given out. */
  private groups = 2;
  /** The rules of the group of what is left to software. */
  private readonly alone: readonly Pick<Rule, 'pattern' | 'actions'>[];
  /** How many rules more there may be. */
  private room: number;

  constructor(traffic: NodeTraffic, options: PlanOptions) {
    const { capabilities, device } = options;
    this.traffic = traffic;
    this.options = options;
    this.space = traffic.space;
    this.hasTunnels = device.tunnels.size > 1 && whyNotItem(capabilities, 'geneve_opt', 'data') === undefined;
    this.pattern = { fields: traffic.space.fields, capabilities, hasTunnels: this.hasTunnels };
    this.grammar = createGrammar(this.pattern);
    this.ledger = createLedger(traffic, options);
    this.names = new Map(
      traffic.ports.flatMap(({ number, name }) => {
        const known = device.ports.get(name);
        return known === undefined ? [] : [[number, known] as const];
      }),
    );
    this.inport = fieldNames(traffic.space).index('inport');
    this.software = 1;
    this.types = typesOf(this.space);
    this.unreadable = unreadableOf(this.space, this.types);
    this.isUntagged = this.canLeaveTags();
    this.alone = leftAlone(capabilities, device);
    this.room = this.mostRules() - this.alone.length;
    this.purposes[0] = 'who sends: ports and their addresses';
    this.purposes[1] = 'left to software';
  }

  plan(): OffloadPlan {
    const { traffic, options } = this;
    const made = familiesOf(traffic, options.capabilities, this.hasTunnels);
    const { families } = made;
    this.ledger.leave([...traffic.software, ...made.lost]);
    if (this.alone.length > 0) {
      const returning = this.returning(families);
      if (this.hasTunnels) this.receive();
      if (returning) this.send(families, returning);
      this.nothingBehind();
    } else {
      this.ledger.fail(this.space.orAll(families.map((family) => this.whole(family))), cannotLeave);
      for (const { port } of traffic.arriving) this.ledger.failArriving(port, cannotLeave);
    }
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

  private whole(family: Family): PacketSet {
    const { space, wholes } = this;
    const { senders, kind, targets } = family;
    const known = wholes.get(family);
    if (known !== undefined) return known;
    const made = space.and(space.and(senders, kind), space.orAll(targets.map(({ set }) => set)));
    wholes.set(family, made);
    return made;
  }

  /** Cells as conjunctions with an order, among packets that may come there. */
  private cover(
    care: PacketSet,
    cells: readonly Cell<Doing>[],
    more: { readonly grammar?: Grammar } = {},
  ): Cover<Doing> {
    const { space, grammar, unreadable, types } = this;
    return coverCells({ space, care, cells, grammar, unreadable, types, ...more });
  }

  /**
   * From the ports of the node on.  What all senders share comes first; for what each port has of its own there is the
   * room that is left.
   */
  private send(families: readonly Family[], returning: readonly (readonly Literal[])[]): void {
    const { space, traffic } = this;
    const crowds = this.crowdsOf(families);
    const entrances = crowds.map((crowd) => this.entrancesOf(crowd));
    const ways = new Map(entrances.flat().map((one): [Doing, Entrance] => [one.doing, one]));
    const cells = [...ways.values()].map(({ set, doing }): Cell<Doing> => ({ set, layer: 0, target: doing }));
    const root = this.cover(traffic.possible, cells);
    const failed = space.orAll(root.failed.map(({ set }) => set));
    if (failed !== space.empty)
      this.ledger.fail(failed, { code: 'unsupported-match', detail: 'the senders are not told apart by few rules' });
    const apart = this.isUntagged ? [[tagged(space)], ...returning] : returning;
    const needed = apart.length + root.ranked.length;
    if (needed > this.room) {
      const packets = space.orAll(families.map((family) => this.whole(family)));
      const detail = `to tell who sends takes ${needed} rules, and there is room for ${Math.max(this.room, 0)}`;
      this.ledger.fail(packets, { code: 'table-full', detail });
      return;
    }
    this.room -= needed;
    for (const crowd of crowds) this.share(crowd);
    const groups = new Map<Doing, number>();
    for (const [index, crowd] of crowds.entries()) {
      const own = entrances[index] ?? [];
      const homes = this.ownGroups(crowd, own);
      for (const { port, doing } of own) groups.set(doing, homes.get(port) ?? this.homeOf(crowd));
    }
    const exceptions = apart.map((literals): Ranked<Doing> => ({ literals, priority: 0, target: undefined }));
    const entering = root.ranked.map((one): Ranked<Doing> => {
      const group = one.target && groups.get(one.target);
      const target: Doing | undefined = group === undefined ? undefined : { actions: [{ type: 'jump', group }] };
      return { ...one, priority: one.priority + (exceptions.length > 0 ? 1 : 0), target };
    });
    this.add(0, [...exceptions, ...entering], space.all);
  }

  /** The rules that all senders of a crowd share, if there is room for them. */
  private share(crowd: Crowd): void {
    const { space } = this;
    const shared = [...crowd.families].filter(({ bySender }) => !bySender);
    const cover = this.cover(this.careOf(crowd), this.cellsOf(crowd, shared, 0));
    const drafts = this.made(crowd.group, cover.ranked, crowd.senders, []);
    this.purposes[crowd.group] = 'destinations';
    if (drafts.length > this.room) {
      const packets = space.orAll(shared.map((family) => this.whole(family)));
      const detail = `these destinations need ${drafts.length} rules, and there is room for ${this.room}`;
      this.ledger.fail(space.and(crowd.senders, packets), { code: 'table-full', detail });
      return;
    }
    this.noteFailed(cover, crowd);
    this.room -= drafts.length;
    for (const { rule } of drafts) this.rules.push(rule);
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
    return families.flatMap((family) => {
      const known = this.knownOf(family);
      const alike = new Map<string, Alike>();
      for (const target of family.targets) {
        const made = this.actionsFor(target.class, known, sender);
        if ('actions' in made) this.sort(alike, target, made.actions);
        else this.ledger.fail(this.space.and(crowd.senders, this.space.and(family.kind, target.set)), made.reason);
      }
      return [...alike.values()].map((one) => this.cellOf(one, family.kind, known));
    });
  }

  /** Puts a target to those that differ from it by the value of one field. */
  private sort(alike: Map<string, Alike>, { set, class: one }: Target, actions: readonly Action[]): void {
    const { space } = this;
    const key = `${one.exit.kind} ${actions.map(({ type }) => type).join(' ')}`;
    const found = exactField(space, set);
    const value = found?.value;
    const id = found ? `${key} ${found.field} ${found.others}` : `${key} set ${set}`;
    const known = alike.get(id);
    if (known && value !== undefined && !known.values.has(value)) {
      known.values.add(value);
      known.classes.push(one);
      known.sets.push(set);
    } else {
      const values = new Set(value === undefined ? [] : [value]);
      const own = { field: found?.field, values, classes: [one], sets: [set], actions };
      alike.set(known ? `${id} ${alike.size}` : id, own);
    }
  }

  private cellOf({ field, values, classes, sets, actions }: Alike, kind: PacketSet, known: Known): Cell<Doing> {
    const { space } = this;
    const layer = classes[0]?.exit.kind === 'tunnel' ? 1 : 0;
    const set = space.and(kind, space.orAll(sets));
    const target: Doing = { actions, classes, known };
    return {
      set,
      layer,
      target,
      ...(field !== undefined && values.size > 1 && { many: { field, values: [...values] } }),
    };
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
    const handled = isOwn ? [] : handledOf(cells, failed);
    if (handled.length > 0) this.ledger.handle(crowd.senders, handled, [crowd.group], crowd.group);
  }

  /** The packets of each port of a crowd, which a rule of group 0 is to take. */
  private entrancesOf(crowd: Crowd): Entrance[] {
    const { space, traffic } = this;
    return traffic.ports.flatMap((port): Entrance[] => {
      const own = space.cube([{ field: this.inport, value: BigInt(port.number), mask: 0xfffffn }]);
      const set = space.and(crowd.senders, own);
      if (set === space.empty) return [];
      if (this.portName(port.number) !== undefined) return [{ port, set, doing: { actions: [] } }];
      const behind = space.orAll([...crowd.families].map((family) => this.whole(family)));
      const detail = `no port of the device is known for ${port.name}`;
      this.ledger.fail(space.and(set, behind), { code: 'unsupported-match', detail });
      return [];
    });
  }

  /** Groups of ports that have rules of their own, because tunnels tell who sent a packet: alike but for that. */
  private ownGroups(crowd: Crowd, entrances: readonly Entrance[]): Map<NodePort, number> {
    const { space } = this;
    const groups = new Map<NodePort, number>();
    const families = [...crowd.families].filter(({ bySender }) => bySender);
    if (families.length === 0) return groups;
    const cells = this.cellsOf(crowd, families, 0);
    const cover = this.cover(this.careOf(crowd), cells);
    this.noteFailed(cover, crowd, true);
    const last = 1 + Math.max(-1, ...cover.ranked.map(({ priority }) => priority));
    const actions: readonly Action[] = [{ type: 'jump', group: this.homeOf(crowd) }];
    const onward: Ranked<Doing> = { literals: [], priority: last, target: { actions } };
    // What is not for these rules may be for those of the crowd.
    const drafts = this.made(crowd.group, [...cover.ranked, onward], crowd.senders, [], { otherwise: actions });
    const served: PacketSet[] = [];
    const left: PacketSet[] = [];
    for (const { port, set } of entrances) {
      if (drafts.length > this.room) {
        left.push(set);
        continue;
      }
      this.room -= drafts.length;
      const group = this.groups++;
      groups.set(port, group);
      served.push(set);
      this.purposes[group] = `destinations of ${port.name} alone`;
      for (const draft of drafts) this.rules.push({ ...this.asSentBy(draft, port.tunnelKey), group });
    }
    if (left.length > 0) {
      const packets = space.and(space.orAll(left), space.orAll(families.map((family) => this.whole(family))));
      this.ledger.fail(packets, { code: 'table-full', detail: tooMany(drafts.length) });
    }
    const handled = handledOf(cover.cells, cover.failed);
    if (served.length > 0) this.ledger.handle(space.orAll(served), handled, [...groups.values()], crowd.group);
    return groups;
  }

  /** Where packets of a crowd go whom no port's own rules take: all rules may be ports' own, and a group has one at least. */
  private homeOf({ group }: Crowd): number {
    return this.rules.some((rule) => rule.group === group) ? group : this.software;
  }

  /** A rule as it is for one of the ports that send: a tunnel's header names it. */
  private asSentBy({ rule, doing }: Draft, tunnelKey: number): Rule {
    const { classes: [one] = [], known } = doing ?? {};
    if (!one || !known) return rule;
    const made = this.actionsFor(one, known, tunnelKey);
    return 'actions' in made ? { ...rule, actions: made.actions } : rule;
  }

  /** What tunnels bring. */
  private receive(): void {
    const { traffic, options } = this;
    const group = this.groups++;
    this.purposes[group] = 'from tunnels';
    const entering = intoGroup(traffic.node, options, group);
    this.room -= entering.length;
    const rules = traffic.arriving.flatMap((entry) => this.receiveFor(entry, group));
    if (rules.length === 0) {
      this.room += entering.length;
      return;
    }
    for (const rule of [...rules, ...entering]) this.rules.push(rule);
  }

  /** What tunnels bring for a port. */
  private receiveFor(entry: TunnelEntry, group: number): Rule[] {
    const { traffic, options } = this;
    const { device, capabilities } = options;
    const { port, datapathKey, classes } = entry;
    const made = classes.map((one) => {
      return classActions(capabilities, { ...device, node: traffic.node }, one.exit, one.changes, {}, 0);
    });
    const refused = made.find((one) => 'reason' in one);
    if (refused && 'reason' in refused) {
      this.ledger.failArriving(port, refused.reason);
      return [];
    }
    const decap: Action = { type: 'raw_decap', data: '00'.repeat(tunnelBytes) };
    const cells = classes.map((one, index): Cell<Doing> => {
      const known = made[index];
      const actions = inOrder(capabilities, [decap, ...(known && 'actions' in known ? known.actions : [])]);
      return { set: packetsInside(traffic, entry, one), layer: 0, target: { actions, classes: [one] } };
    });
    if (cells.length === 0) return [];
    const cover = this.receivedAlike(cells);
    if (!cover) {
      const detail = 'the packets inside of tunnels are not told by few rules of this device';
      this.ledger.failArriving(port, { code: 'match-too-wide', detail });
      return [];
    }
    const own = outerItems(datapathKey, port.tunnelKey, port.tunnelKey);
    const outer = outerItems(datapathKey, port.tunnelKey);
    const drafts = this.made(group, cover.ranked, this.space.empty, outer, { first: 1 });
    if (drafts.length + 1 > this.room) {
      const detail = `what tunnels bring for one port needs ${drafts.length + 1} rules, and there is no room for them`;
      this.ledger.failArriving(port, { code: 'table-full', detail });
      return [];
    }
    this.room -= drafts.length + 1;
    this.ledger.handleArriving(port, group);
    return [this.rule(group, 0, own, this.toSoftware()), ...drafts.map(({ rule }) => rule)];
  }

  /** Conjunctions for what a tunnel brings: those of another port, where they differ by the address of the host alone. */
  private receivedAlike(cells: readonly Cell<Doing>[]): Pick<Cover<Doing>, 'ranked'> | undefined {
    const { space, received } = this;
    const sets = cells.map(({ set }) => set);
    const targets = cells.map(({ target }) => target);
    const own = addressInside(space, sets);
    const known = own && received.get(own.key);
    if (own && known) return readdressed(space, known, own.address, targets);
    const grammar = createGrammar({ ...this.pattern, otherWords: wordsOf(outerItems(1, 1)) });
    const cover = this.cover(this.traffic.possible, cells, { grammar });
    if (cover.failed.length > 0) return undefined;
    if (own && isReaddressable(space, cover, own.address)) {
      received.set(own.key, { cover, address: own.address, targets });
    }
    return cover;
  }

  /** The group of what is left to software, if there is anything else. */
  private nothingBehind(): void {
    if (this.rules.length === 0) return;
    for (const { pattern, actions } of this.alone) this.rules.push(this.rule(this.software, 0, pattern, actions));
  }

  private mostRules(): number {
    const { capabilities, mostRules = manyRules } = this.options;
    return Math.min(mostRules, capabilities.limits.rules?.value ?? mostRules);
  }

  private add(group: number, ranked: readonly Ranked<Doing>[], senders: PacketSet): void {
    const first = group === 0 && this.rules.some((rule) => rule.group === 0) ? 1 : 0;
    for (const { rule } of this.made(group, ranked, senders, [], { first })) this.rules.push(rule);
  }

  /** Rules of one group; an exception drops where all that it takes is dropped anyway, and leaves the rest to software. */
  private made(
    group: number,
    ranked: readonly Ranked<Doing>[],
    senders: PacketSet,
    before: readonly Item[],
    { first = 0, otherwise = this.toSoftware() }: Making = {},
  ): Draft[] {
    const portName = (number: number): string => this.portName(number) ?? '';
    const drafts: Draft[] = [];
    let shift = first;
    let last = -1;
    const all = ranked.flatMap((one) => this.each(one));
    for (const { literals, priority, target, needsHeader } of all) {
      if (!this.isThere(literals)) continue;
      const shadows = last === priority ? [] : this.shadows(all.filter((one) => one.priority === priority));
      if (last !== priority && shadows.length > 0) {
        for (const pattern of shadows) {
          const rule = this.rule(group, priority + shift, [...before, ...pattern], otherwise);
          drafts.push({ rule });
        }
        shift += 1;
      }
      last = priority;
      const pattern = [...before, ...itemsOf(literals, this.pattern, portName, needsHeader)];
      const actions = target ? target.actions : this.isDropped(literals, senders) ? this.drop() : otherwise;
      const rule = this.rule(group, priority + shift, pattern, actions);
      drafts.push({ rule, ...(target && { doing: target }) });
    }
    return drafts;
  }

  /** The conjunctions that one stands for, each with the actions for its own class. */
  private each(ranked: Ranked<Doing>): Ranked<Doing>[] {
    const { many, target, literals } = ranked;
    if (!many || !target) return [ranked];
    const { classes = [], known = {} } = target;
    return many.values.flatMap((value, index): Ranked<Doing>[] => {
      const one = classes[index];
      const made = one && this.actionsFor(one, known, 0);
      if (!one || !made || 'reason' in made) return [];
      const own = literals.map((literal) => (literal.field === many.field ? { ...literal, value } : literal));
      const { many: _, ...rest } = ranked;
      return [{ ...rest, literals: own, target: { ...target, actions: made.actions, classes: [one] } }];
    });
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
      for (const pattern of fragmentsOf(itemsOf(seen, this.pattern, portName, true), isIp6)) {
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
    const all = space.and(traffic.possible, space.and(senders, space.cube(literals)));
    if (!this.isGone(all)) return false;
    if (this.isUntagged) return true;
    // Behind tags that software does not know hardware may see what it asks for.
    const seen = literals.filter((literal) => this.grammar.isOutside(literal) && !isType(space, literal));
    const hidden = space.and(space.oneOf(fieldNames(space).index('eth.type'), tagTypes), space.cube(seen));
    return this.isGone(space.and(traffic.possible, space.and(senders, hidden)));
  }

  /** Whether all of them end without a trace. */
  private isGone(packets: PacketSet): boolean {
    const { space, traffic } = this;
    const rest = space.diff(packets, traffic.returning);
    return traffic.alive.every(({ packets: some, among }) => !space.intersects(space.and(rest, among), some));
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
    return this.names.get(number);
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

/** Cells that hardware handles, without those that failed. */
function handledOf(cells: readonly Cell<Doing>[], failed: readonly Cell<Doing>[]): readonly Handled[] {
  const gone = new Set(failed);
  return cells.flatMap((cell): Handled[] => {
    const { classes } = cell.target;
    return classes && !gone.has(cell) ? [{ set: cell.set, exits: classes.map(({ exit }) => exit) }] : [];
  });
}

const tooMany = (wanted: number): string =>
  `a tunnel's header names the port that sent a packet, so each port needs ${wanted} rules of its own, and there is no room for so many`;

const cannotLeave: Reason = {
  code: 'unsupported-match',
  detail: 'no rule of this device can stand where packets are left to software',
};

/** The port first, then headers from the outermost on. */
function ordered(pattern: readonly Item[]): readonly Item[] {
  return [
    ...pattern.filter(({ type }) => type === 'represented_port'),
    ...pattern.filter(({ type }) => type !== 'represented_port'),
  ];
}
