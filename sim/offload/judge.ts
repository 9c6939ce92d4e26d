/** Holds what rules do with all packets against what the logical flows do with them. */
import { parseIpv4, parseIpv6 } from '../../engine/lang/index.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { type Analysis, analyse, networkOf, openWorkshop, type Workshop } from '../symbolic/index.ts';
import { at, headerPlaces, read, type Store } from '../symbolic/store.ts';
import { differences, differing } from './compare.ts';
import { connectionProblem, packetsOf } from './connections.ts';
import { execute, type Outcome } from './execute.ts';
import { endWords, type Fate, type Fates, fatesOf, otherClass } from './fates.ts';
import { fieldIs, hardwareField, kindsOf, openSpace, possibleInHardware, uplinkNumber } from './fields.ts';
import { type NodeNetwork, nodeNetwork, type OffloadNode, workReason } from './node.ts';
import type { ProofSubject, RuleNamed, RuleViolation } from './prove.ts';
import { foundValid, possibleFindings } from './rewrite.ts';
import { createSorter, type Sorter } from './sorter.ts';
import { entering, type Hardware, type HardwareState, type Wrapping } from './state.ts';
import { packetShown, type Shown } from './told.ts';

/** What came of it. */
export interface Judgement {
  readonly violations: readonly RuleViolation[];
  /** What was not understood: sentences. */
  readonly reasons: readonly string[];
  readonly unmet: readonly RuleNamed[];
}

/** The packets of a node and what its flows do with them, ready to hold rules against. */
export interface Survey {
  readonly workshop: Workshop;
  readonly analysis: Analysis;
  readonly fates: Fates;
  readonly made: NodeNetwork;
  readonly node: OffloadNode;
}

/** Follows the packets of a node. */
export function surveyed(subject: ProofSubject, node: OffloadNode): Survey {
  const made = nodeNetwork(subject.southbound, node, subject.placement);
  const network = networkOf(made.southbound);
  const workshop = openWorkshop(network, openSpace());
  const analysis = analyse(network, {}, workshop);
  return { workshop, analysis, fates: fatesOf(analysis), made, node };
}

/** Holds rules against what was found; `most` violations are told at most. */
export function judged(survey: Survey, ruleSet: RuleSet, most: number): Judgement {
  const { space } = survey.workshop;
  const mark = space.mark();
  try {
    return new Judge(survey, ruleSet, most).result();
  } finally {
    space.release(mark);
  }
}

/** Packets that come in one way. */
interface Entry {
  readonly hardware: Hardware;
  readonly start: HardwareState;
  /** Packets of which the logical flows say what becomes. */
  readonly ours: PacketSet;
  /** Packets that software sends, which leave by the port that it means. */
  readonly sent: PacketSet;
  readonly tunnelled: boolean;
}

class Judge {
  private readonly made: NodeNetwork;
  private readonly node: OffloadNode;
  private readonly ruleSet: RuleSet;
  private readonly most: number;
  private readonly analysis: Analysis;
  private readonly workshop: Workshop;
  private readonly space: Space;
  private readonly fates: Fates;
  private readonly sorter: Sorter;
  private readonly work: PacketSet;
  private readonly gaps: PacketSet;
  private readonly violations: RuleViolation[] = [];
  private readonly reasons = new Set<string>();
  /** Rules that a violation was told of; -1 for none. */
  private readonly told = new Set<number>();

  constructor({ workshop, analysis, fates, made, node }: Survey, ruleSet: RuleSet, most: number) {
    this.made = made;
    this.node = node;
    this.ruleSet = ruleSet;
    this.most = most;
    this.analysis = analysis;
    this.workshop = workshop;
    this.space = workshop.space;
    this.fates = fates;
    this.sorter = createSorter(workshop.stores);
    const sets = (isWork: boolean) =>
      analysis.gaps.filter(({ reason }) => reason.includes(workReason) === isWork).map(({ packets }) => packets);
    this.work = this.space.orAll(sets(true));
    this.gaps = this.space.orAll(sets(false));
  }

  result(): Judgement {
    for (const warning of this.analysis.network.warnings) this.reasons.add(warning);
    const met = new Set<number>();
    for (const entry of this.entries()) {
      const { outcomes, unmet } = execute(entry.hardware, this.ruleSet, [entry.start]);
      const missed = new Set(unmet);
      for (const index of this.ruleSet.rules.keys()) if (!missed.has(index)) met.add(index);
      for (const outcome of outcomes) {
        if (this.violations.length >= this.most) break;
        this.outcome(entry, outcome);
      }
    }
    const unmet = [...this.ruleSet.rules.keys()].filter((index) => !met.has(index)).map((index) => this.named(index));
    return { violations: this.violations, reasons: [...this.reasons], unmet };
  }

  private named(index: number): RuleNamed {
    const { group = 0, priority = 0, cookie } = this.ruleSet.rules[index] ?? {};
    return { index, group, priority, ...(cookie !== undefined && { cookie }) };
  }

  /** The ways by which packets come to the device. */
  private entries(): Entry[] {
    const { space, made, node, workshop } = this;
    const { portsByNumber } = workshop.network;
    const numberOf = (name: string) => workshop.network.ports.get(name)?.number ?? 0;
    const ports = new Map<string, number[]>();
    const plug = (devicePort: string, number: number) =>
      ports.set(devicePort, [...(ports.get(devicePort) ?? []), number]);
    const hosts: number[] = [];
    const parents: bigint[] = [];
    for (const [name, way] of made.leaving) {
      if (way.kind !== 'host') continue;
      hosts.push(numberOf(name));
      plug(way.devicePort, numberOf(name));
      if (made.parents.has(name)) parents.push(BigInt(numberOf(name)));
    }
    const wires = [...made.leaving].filter(([, { kind }]) => kind === 'network').map(([name]) => numberOf(name));
    const [wire = 0] = wires;
    const isWired = wires.length === 1 && this.tagOf(wire) === 0;
    const uplink = isWired ? wire : uplinkNumber;
    plug(node.uplink, uplink);
    const common = {
      space,
      values: workshop.stores.values,
      kinds: kindsOf(space),
      ports,
    };
    const inports = (numbers: readonly number[]) => space.oneOf(at.inport, numbers.map(BigInt));
    const base = this.frames(common);
    const unmarked = space.and(base, fieldIs(space, 'pkt.mark', 0));
    const fromHost = space.and(unmarked, fieldIs(space, 'hw.software', 0));
    const untagged = fieldIs(space, 'vlan.tci', 0);
    const nested = space.and(space.oneOf(at.inport, parents), space.not(untagged));
    const geneve = this.geneveToNode(common.kinds.udp);
    const plain = space.and(inports(hosts), space.not(nested));
    const outside = isWired
      ? space.and(inports([uplink]), space.diff(space.diff(untagged, common.kinds.hidden), geneve))
      : space.empty;
    const anywhere = inports([0, uplink, ...hosts]);
    const all = space.diff(space.and(unmarked, anywhere), space.and(inports([uplink]), geneve));
    const direct: Entry = {
      hardware: common,
      start: entering(common, all, 'none'),
      ours: space.and(fromHost, space.or(plain, outside)),
      sent: space.and(unmarked, fieldIs(space, 'hw.software', 1)),
      tunnelled: false,
    };
    const own = node.tunnels.get(node.name)?.ip;
    if (own === undefined) return [direct];
    const isV6 = own.includes(':');
    const inKeys = new Map(portsByNumber.flatMap((port) => (port ? [[port.number, port.binding.tunnelKey]] : [])));
    const hardware: Hardware = {
      ...common,
      arrivesBy: node.uplink,
      outerFamily: isV6 ? 6 : 4,
      outerAddress: (isV6 ? parseIpv6(own) : parseIpv4(own)) ?? 0n,
      inKeys: inKeys as Map<number, number>,
    };
    const whole = fieldIs(space, 'outer.offset', 0, 0x3fffn);
    const { known, ours } = this.tunnels();
    // What other nodes send has passed their flows.
    const sent = [fieldIs(space, 'hw.software', 0), workshop.possible, whole, known];
    const packets = sent.reduce((a, b) => space.and(a, b), base);
    const arriving: Entry = {
      hardware,
      start: entering(hardware, packets, 'inside'),
      ours: space.and(packets, ours),
      sent: space.empty,
      tunnelled: true,
    };
    return [direct, arriving];
  }

  /** All frames that there can be. */
  private frames(hardware: Hardware): PacketSet {
    const { space, workshop } = this;
    return [workshop.possible, possibleInHardware(space), possibleFindings(hardware)].reduce((a, b) => space.and(a, b));
  }

  private tagOf(number: number): number {
    const name = this.workshop.network.portsByNumber[number]?.name ?? '';
    const way = this.made.leaving.get(name);
    return way?.kind === 'network' ? way.tag : 0;
  }

  /** Frames without a tag that are tunnels to this node, which come in another way. */
  private geneveToNode(udp: PacketSet): PacketSet {
    const { space, node } = this;
    const own = node.tunnels.get(node.name)?.ip;
    if (own === undefined) return space.empty;
    const isV6 = own.includes(':');
    const address = isV6
      ? fieldIs(space, 'ip6.dst', parseIpv6(own) ?? 0n)
      : fieldIs(space, 'ip4.dst', parseIpv4(own) ?? 0n);
    const port = fieldIs(space, 'tp.dst', 6081);
    return [udp, address, port, fieldIs(space, 'vlan.tci', 0)].reduce((a, b) => space.and(a, b));
  }

  /** What comes through tunnels to this node: from ports that there are, or of networks that are not here; and what of it is for ports of the node. */
  private tunnels(): { known: PacketSet; ours: PacketSet } {
    const { space, made, workshop } = this;
    const known: PacketSet[] = [];
    const ours: PacketSet[] = [];
    const networks: PacketSet[] = [];
    for (const { uuid, tunnelKey } of made.southbound.datapaths) {
      const vni = fieldIs(space, 'geneve.vni', tunnelKey);
      networks.push(vni);
      const others = (workshop.network.datapaths.get(uuid)?.ports ?? []).filter(
        ({ name }) => made.leaving.get(name)?.kind === 'tunnel',
      );
      const senders = space.and(
        vni,
        space.oneOf(
          at.inport,
          others.map(({ number }) => BigInt(number)),
        ),
      );
      const keys = made.targets.get(uuid) ?? [];
      const forKey = (key: number) => space.and(fieldIs(space, 'geneve.out', key), fieldIs(space, 'pkt.mark', key));
      const here = space.orAll(keys.map(forKey));
      const elsewhere = space.and(
        space.not(space.oneOf(hardwareField('geneve.out'), keys.map(BigInt))),
        fieldIs(space, 'pkt.mark', 0),
      );
      known.push(space.and(senders, space.or(here, elsewhere)));
      ours.push(space.and(senders, space.and(here, fieldIs(space, 'geneve.option', 1))));
    }
    const strange = space.and(space.not(space.orAll(networks)), fieldIs(space, 'pkt.mark', 0));
    const nobody = space.and(strange, space.oneOf(at.inport, [0n]));
    return {
      known: space.or(space.orAll(known), nobody),
      ours: space.orAll(ours),
    };
  }

  private outcome(entry: Entry, outcome: Outcome): void {
    const { space } = this;
    const { end, packets } = outcome;
    if (outcome.rule !== undefined && this.told.has(outcome.rule)) return;
    switch (end.kind) {
      case 'not followed':
        this.notFollowed(entry, outcome, end.why);
        return;
      case 'circle':
        this.violated(entry, outcome, packets, 'leads the packet through more than 256 groups', 'do not');
        return;
      case 'miss':
      case 'software':
        this.toSoftware(entry, outcome);
        return;
    }
    const bySoftware = space.and(packets, entry.sent);
    if (bySoftware !== space.empty) this.sentBySoftware(entry, outcome, bySoftware);
    const ours = space.and(packets, entry.ours);
    const foreign = space.diff(packets, space.or(ours, bySoftware));
    if (foreign !== space.empty) {
      this.violated(entry, outcome, foreign, this.doing(outcome), 'know nothing of it, so that it is for software');
      return;
    }
    if (ours !== space.empty) this.finished(entry, { ...outcome, packets: ours });
  }

  private notFollowed(entry: Entry, { rule, packets }: Outcome, why: string): void {
    const example = this.shown(entry, packets);
    const such = example ? `, for example of ${example.packet.summary}, in by ${example.packet.devicePort}` : '';
    this.reasons.add(`${this.ruleWords(rule)}: ${why}${such}`);
  }

  /** Software gets what it gets as it came. */
  private toSoftware(entry: Entry, outcome: Outcome): void {
    const { space, workshop } = this;
    const { state, packets, end } = outcome;
    const wrapped: Wrapping = entry.tunnelled ? 'inside' : 'none';
    const changed =
      state.wrapping === wrapped ? differing(entry.hardware, state, workshop.stores.initial, packets) : packets;
    if (changed !== space.empty) {
      const how = state.wrapping === wrapped ? this.changesShown(entry, outcome, changed, workshop.stores.initial) : '';
      const where = end.kind === 'miss' ? `, for no rule of group ${end.group} takes it` : '';
      const what = `hands the packet to software after it has changed it${where}`;
      this.violated(entry, outcome, changed, what, 'begin with the packet as it came', undefined, how);
      return;
    }
    if (end.kind !== 'software') return;
    const numbers = entry.hardware.ports.get(end.port) ?? [];
    const isOwn = entry.tunnelled
      ? end.port === this.node.uplink
        ? space.all
        : space.empty
      : space.oneOf(at.inport, numbers.map(BigInt));
    const elsewhere = space.diff(packets, isOwn);
    const told = `hands the packet to software as if it had come by ${end.port}`;
    if (elsewhere !== space.empty) this.violated(entry, outcome, elsewhere, told, 'go by the port that it came by');
  }

  /** What software sends by a representor leaves by its port, as it is. */
  private sentBySoftware(entry: Entry, outcome: Outcome, packets: PacketSet): void {
    const { space, workshop } = this;
    const { end, state } = outcome;
    const numbers = end.kind === 'port' ? (entry.hardware.ports.get(end.port) ?? []) : [];
    const right = space.oneOf(at.inport, numbers.map(BigInt));
    const changed = differing(entry.hardware, state, workshop.stores.initial, packets);
    const wrong = state.wrapping === 'none' ? space.or(space.diff(packets, right), changed) : packets;
    if (wrong === space.empty) return;
    const what = `takes a packet that software sends: it ${this.doing(outcome)}`;
    this.violated(entry, outcome, wrong, what, 'have sent it by that port already');
  }

  /** Packets that hardware finishes. */
  private finished(entry: Entry, outcome: Outcome): void {
    const { space } = this;
    const { hardware } = entry;
    const tracked = outcome.state.tracked.at(-1);
    const known = tracked && this.ruleSet.indirect?.find(({ id }) => id === tracked.id)?.connection;
    const found = tracked ? foundValid(hardware, tracked.field) : space.empty;
    const own = known && tracked ? packetsOf(hardware, known, tracked.reply) : space.empty;
    const valid = space.and(outcome.packets, space.or(found, own));
    const others = space.diff(outcome.packets, valid);
    if (others !== space.empty) this.always(entry, { ...outcome, packets: others });
    if (valid === space.empty || !tracked) return;
    const fate = this.fateOf(entry, { ...outcome, packets: valid });
    if (!fate) return;
    const problem = connectionProblem({
      hardware,
      sorter: this.sorter,
      fate,
      state: outcome.state,
      packets: valid,
      reply: tracked.reply,
      ...(known && { known }),
    });
    if (!problem) return;
    this.violated(entry, outcome, problem.packets, this.doing(outcome), problem.sentence);
  }

  /** Packets with which hardware does the same whatever is known of connections. */
  private always(entry: Entry, outcome: Outcome): void {
    const { space, fates } = this;
    const { packets } = outcome;
    const busy = space.and(packets, this.work);
    if (busy !== space.empty) {
      const gap = this.gapWith(busy, true);
      const action = gap ? (this.made.work.get(gap.flow.uuid) ?? '') : '';
      this.violated(entry, outcome, busy, this.doing(outcome), `need software to see it: ${action}`, gap?.flow);
      return;
    }
    const vague = space.and(packets, this.gaps);
    if (vague !== space.empty) {
      const gap = this.gapWith(vague, false);
      this.reasons.add(`${gap?.reason ?? 'something is not modelled'} (${gap?.flow.stage}: ${gap?.flow.match})`);
    }
    const fate = this.fateOf(entry, outcome);
    if (!fate) return;
    const several = space.and(packets, fates.several);
    if (several !== space.empty) {
      const other = this.classOf(entry, several, fate.key);
      const also = other ? endWords(other.class.end, other.class.made) : 'do more with it';
      this.violated(entry, outcome, several, this.doing(outcome), `also ${also}, or may do so`, other?.flow);
      return;
    }
    const lost = space.diff(packets, fate.packets);
    if (lost !== space.empty) {
      const other = this.classOf(entry, lost, fate.key);
      const words = other ? endWords(other.class.end, other.class.made) : 'do nothing of the kind with it';
      this.violated(entry, outcome, lost, this.doing(outcome), words, other?.flow);
      return;
    }
    if (fate.key === 'drop') return;
    const opening = space.and(packets, fate.opening);
    if (opening !== space.empty) {
      const words = 'open a connection with it, which hardware does not know';
      this.violated(entry, outcome, opening, this.doing(outcome), words);
      return;
    }
    this.looksAlike(entry, outcome, fate);
  }

  /** Whether the packets look as the flows make them look. */
  private looksAlike(entry: Entry, outcome: Outcome, fate: Fate): void {
    const { space } = this;
    const tag = typeof fate.key === 'number' ? this.tagOf(fate.key) : 0;
    for (const { class: one, packets } of fate.classes) {
      if (!space.intersects(packets, outcome.packets)) continue;
      const isBack = one.end.kind === 'sender' ? space.and(one.copies, packets) : one.copies;
      for (const part of this.sorter.parts(one.store, space.and(isBack, outcome.packets), headerPlaces)) {
        const wrong = differing(entry.hardware, outcome.state, part.store, part.packets, { tag });
        if (wrong !== space.empty) {
          const how = this.changesShown(entry, outcome, wrong, part.store, tag);
          const flows = 'send it there with other headers';
          this.violated(entry, outcome, wrong, this.doing(outcome), flows, undefined, how);
          return;
        }
        const keyed = this.wrongInKey(outcome, part.store, part.packets);
        if (keyed !== space.empty) {
          const words = 'came to this place by another port than the one that the tunnel names';
          this.violated(entry, outcome, keyed, this.doing(outcome), `say that it ${words}`);
          return;
        }
      }
    }
  }

  /** Packets whose tunnel names another port that they came in by than the flows do. */
  private wrongInKey({ state: { wrapping } }: Outcome, store: Store, packets: PacketSet): PacketSet {
    const { space, workshop } = this;
    if (typeof wrapping === 'string') return space.empty;
    const { portsByNumber } = workshop.network;
    const inport = read(store, at.inport);
    if (inport.constant !== undefined) {
      const port = portsByNumber[Number(inport.constant)];
      return port?.binding.tunnelKey === wrapping.inKey ? space.empty : packets;
    }
    const right = portsByNumber.flatMap((port) =>
      port?.binding.tunnelKey === wrapping.inKey ? [BigInt(port.number)] : [],
    );
    return space.diff(packets, space.oneOf(at.inport, right));
  }

  /** Where hardware brings packets, as the logical flows say it; says what is wrong where they cannot. */
  private fateOf(entry: Entry, outcome: Outcome): Fate | undefined {
    const { end, state, packets } = outcome;
    if (end.kind === 'drop') return this.fates.byKey.get('drop') ?? noFate('drop', this.space);
    if (end.kind !== 'port') return undefined;
    const { wrapping } = state;
    const wrong = (words: string): undefined => {
      this.violated(entry, outcome, packets, this.doing(outcome), words);
    };
    if (typeof wrapping === 'string') {
      if (wrapping === 'inside') return wrong('look into the tunnel that it came by');
      if (end.port === this.node.uplink) return this.wireFate(outcome) ?? wrong('send nothing there without a tunnel');
      const [number] = entry.hardware.ports.get(end.port) ?? [];
      if (number === undefined) return wrong(`know of no port of this node behind ${end.port}`);
      return this.fates.byKey.get(number) ?? noFate(number, this.space);
    }
    if (end.port !== this.node.uplink) return wrong('send tunnels by the uplink');
    const own = this.addressOf(this.node.name);
    if (own === undefined) {
      this.reasons.add(`no address of node "${this.node.name}" for tunnels is known`);
      return undefined;
    }
    if (wrapping.src !== own) return wrong("begin tunnels at the node's own address");
    const target = [...this.made.leaving].find(
      ([, way]) => way.kind === 'tunnel' && way.vni === wrapping.vni && way.outKey === wrapping.outKey,
    );
    if (!target) {
      return wrong(
        `have no port elsewhere with the key ${wrapping.outKey} in the network with the key ${wrapping.vni}`,
      );
    }
    const [name, way] = target;
    if (way.kind !== 'tunnel') return undefined;
    const address = this.addressOf(way.chassis);
    if (address === undefined) {
      this.reasons.add(`no address of node "${way.chassis}" for tunnels is known`);
      return undefined;
    }
    if (wrapping.dst !== address) return wrong(`have "${name}" on ${way.chassis}, which has another address`);
    const number = this.workshop.network.ports.get(name)?.number ?? 0;
    return this.fates.byKey.get(number) ?? noFate(number, this.space);
  }

  private addressOf(chassis: string): bigint | undefined {
    const text = this.node.tunnels.get(chassis)?.ip;
    return text === undefined ? undefined : text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  }

  /** The physical network that most of the packets are for. */
  private wireFate({ packets }: Outcome): Fate | undefined {
    const wires = [...this.made.leaving].filter(([, { kind }]) => kind === 'network');
    const found = wires.flatMap(([name]) => {
      const number = this.workshop.network.ports.get(name)?.number ?? 0;
      return this.fates.byKey.get(number) ?? [];
    });
    return found.find((fate) => this.space.intersects(fate.packets, packets)) ?? found[0];
  }

  private gapWith(packets: PacketSet, isWork: boolean) {
    return this.fates.gaps.find(
      (gap) => gap.reason.includes(workReason) === isWork && this.space.intersects(gap.packets, packets),
    );
  }

  private classOf(entry: Entry, packets: PacketSet, known: Fate['key']) {
    const packet = this.shown(entry, packets)?.picked;
    const found = packet && otherClass(this.fates, this.space, packet, known);
    const end = found?.class.end;
    const flow = end?.kind === 'drop' ? end.flow : undefined;
    return found && { ...found, ...(flow && { flow }) };
  }

  private changesShown(entry: Entry, { state }: Outcome, packets: PacketSet, store: Store, tag?: number): string {
    const packet = this.shown(entry, packets)?.picked;
    const found = packet ? differences(entry.hardware, state, store, packet, tag) : [];
    return found.length === 0 ? '' : `: ${found.join(', ')}`;
  }

  /** What hardware does, in words that follow `hardware`. */
  private doing({ end, state: { wrapping } }: Outcome): string {
    switch (end.kind) {
      case 'drop':
        return 'drops it';
      case 'port':
        return typeof wrapping === 'string'
          ? `sends it out by ${end.port}`
          : `sends it out by ${end.port} in a tunnel (network ${wrapping.vni}, port ${wrapping.outKey})`;
      default:
        return 'hands it to software';
    }
  }

  private ruleWords(index: number | undefined): string {
    if (index === undefined) return 'no rule';
    const { group, priority, cookie } = this.named(index);
    return `rules[${index}] (group ${group}, priority ${priority}${cookie === undefined ? '' : `, ${cookie}`})`;
  }

  private shown({ tunnelled, hardware }: Entry, packets: PacketSet): Shown | undefined {
    const { space, node, made, workshop } = this;
    return packetShown({ space, network: workshop.network, node, made, packets, tunnelled, ports: hardware.ports });
  }

  private violated(
    entry: Entry,
    outcome: Outcome,
    packets: PacketSet,
    hardware: string,
    flows: string,
    flow?: LogicalFlow,
    how = '',
  ): void {
    const { rule, rivals } = outcome;
    if (this.told.has(rule ?? -1)) return;
    this.told.add(rule ?? -1);
    const shown = this.shown(entry, packets);
    const by = rule === undefined ? '' : `, by ${this.ruleWords(rule)}`;
    const chance =
      rivals.length === 0 ? '' : `; rules[${rivals.join('], rules[')}] of the same priority may take it as well`;
    const odd = shown?.odd === undefined ? '' : ` (${shown.odd})`;
    const sentence = `hardware ${hardware}${by}${how}${chance}${odd}; the logical flows ${flows}`;
    this.violations.push({
      sentence,
      ...(shown && { packet: shown.packet }),
      ...(rule !== undefined && { rule: this.named(rule) }),
      ...(flow && { flow }),
    });
  }
}

const noFate = (key: Fate['key'], space: Space): Fate => ({
  key,
  packets: space.empty,
  opening: space.empty,
  classes: [],
});
