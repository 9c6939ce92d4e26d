/**
 * The physical ports of a chassis, and the wires that join the localnet ports
 * of one physical network: what ovn-controller's patch ports to a bridge are.
 */
import type { Southbound } from '../ovsdb/southbound.ts';

export interface NodePort {
  /** The logical port. */
  readonly name: string;
  readonly kind: 'vif' | 'localnet' | 'tunnel';
  /** Of a localnet port: its physical network. */
  readonly network?: string;
}

/** What a physical network's frames pass: a switch that learns addresses, or a hub. */
export class Wire {
  /** Numbers of the physical ports of the network's localnet ports. */
  members: number[] = [];
  private readonly kind: 'switch' | 'hub';
  /** Where a source address was seen last; `undefined` is the world outside. */
  private readonly seen = new Map<string, number | undefined>();

  constructor(kind: 'switch' | 'hub') {
    this.kind = kind;
  }

  /** The members that a frame reaches which `from` sent, or the world outside. */
  carry(frame: Uint8Array, from: number | undefined): readonly number[] {
    const others = this.members.filter((member) => member !== from);
    if (this.kind === 'hub' || frame.length < 14) return others;
    this.learn(keyOf(frame, 6), from);
    const isGroup = ((frame[0] ?? 0) & 1) === 1;
    const to = keyOf(frame, 0);
    if (isGroup || !this.seen.has(to)) return others;
    const member = this.seen.get(to);
    return others.filter((other) => other === member);
  }

  private learn(source: string, from: number | undefined): void {
    this.seen.delete(source);
    this.seen.set(source, from);
    if (this.seen.size <= MAX_SEEN) return;
    const [oldest] = this.seen.keys();
    if (oldest !== undefined) this.seen.delete(oldest);
  }
}

/** Addresses that a switch remembers: `mac-table-size` of ovs-vswitchd.conf.db(5). */
const MAX_SEEN = 8192;

/** An address in its VLAN: a switch keeps those of each apart. */
function keyOf(frame: Uint8Array, at: number): string {
  const tagged = frame[12] === 0x81 && frame[13] === 0 && frame.length >= 16;
  const vlan = tagged ? (((frame[14] ?? 0) & 0x0f) << 8) | (frame[15] ?? 0) : 0;
  return `${vlan} ${frame.subarray(at, at + 6).join()}`;
}

export class PhysicalPorts {
  readonly numbers = new Map<string, number>();
  ports: readonly NodePort[] = [];
  /** Numbers that the plane has to be told of. */
  readonly added: number[] = [];
  readonly removed: number[] = [];
  private readonly names = new Map<number, string>();
  private readonly wires = new Map<string, Wire>();
  private readonly byPort = new Map<string, Wire>();
  private readonly free: number[] = [];
  private readonly kind: 'switch' | 'hub';
  private readonly others: NodePort[] = [];
  private next = 0;

  /** Number of the port of the underlay, if there is one. */
  readonly underlay: number | undefined;

  /** `tunnels` numbers behind that of the underlay are for tunnels. */
  constructor(kind: 'switch' | 'hub', underlay?: string, tunnels = 0) {
    this.kind = kind;
    this.underlay = underlay === undefined ? undefined : 0;
    if (underlay === undefined) return;
    this.next = 1 + tunnels;
    this.names.set(0, underlay);
    this.others.push({ name: underlay, kind: 'tunnel' });
    this.added.push(0);
  }

  /** From now on these logical ports are here; localnet ports only of the networks given. */
  use(names: readonly string[], southbound: Southbound, networks: readonly string[] | undefined): void {
    const bindings = new Map(southbound.ports.map((port) => [port.logicalPort, port]));
    const ports = [...new Set(names)].flatMap((name): NodePort[] => {
      const binding = bindings.get(name);
      const network = binding?.options.network_name;
      if (binding?.type !== 'localnet' && binding?.type !== 'l2gateway') return [{ name, kind: 'vif' }];
      if (network === undefined || (networks && !networks.includes(network))) return [];
      return [{ name, kind: 'localnet', network }];
    });
    const wanted = new Set(ports.map(({ name }) => name));
    for (const [name, number] of this.numbers) if (!wanted.has(name)) this.remove(name, number);
    for (const { name } of ports) if (!this.numbers.has(name)) this.add(name);
    this.ports = [...ports, ...this.others];
    this.joinWires();
  }

  numberOf(port: string): number | undefined {
    const isUnderlay = this.others.some(({ name }) => name === port);
    return this.numbers.get(port) ?? (isUnderlay ? this.underlay : undefined);
  }

  nameOf(number: number): string | undefined {
    return this.names.get(number);
  }

  /** By the name of a physical network or of one of its localnet ports. */
  wireOf(name: string): Wire | undefined {
    return this.byPort.get(name) ?? this.wires.get(name);
  }

  private joinWires(): void {
    this.byPort.clear();
    for (const wire of this.wires.values()) wire.members = [];
    for (const { name, network } of this.ports) {
      const number = this.numbers.get(name);
      if (network === undefined || number === undefined) continue;
      const wire = this.wires.get(network) ?? new Wire(this.kind);
      this.wires.set(network, wire);
      this.byPort.set(name, wire);
      wire.members.push(number);
    }
  }

  private add(name: string): void {
    const number = this.free.shift() ?? this.next++;
    this.numbers.set(name, number);
    this.names.set(number, name);
    this.added.push(number);
  }

  private remove(name: string, number: number): void {
    this.numbers.delete(name);
    this.names.delete(number);
    this.free.push(number);
    this.removed.push(number);
  }
}
