/**
 * What ovn-controller of one chassis makes of the southbound database: which
 * datapaths are local, how each of their ports and multicast groups is reached, and
 * which conntrack zones they have (controller/local_data.c, physical.c, ovn-controller.c;
 * ovn-sb(5), Port_Binding).
 */
import type { DatapathBinding, MulticastGroup, PortBinding, Southbound } from '../ovsdb/southbound.ts';
import { NO_PLACEMENT, type Placement } from './placement.ts';

/** A way to another chassis. */
export interface Tunnel {
  /** Operand of DP_TUNNEL. */
  readonly number: number;
  /** Physical port that its packets come in by. */
  readonly port: number;
  readonly type: 'geneve' | 'vxlan';
}

export interface ChassisInput {
  readonly southbound: Southbound;
  readonly placement?: Placement;
  /** Name of the chassis. */
  readonly chassis: string;
  /** Numbers of physical ports by logical port: VIFs, localports, localnet and l2gateway ports that are here. */
  readonly ports: ReadonlyMap<string, number>;
  /** By name of the other chassis. */
  readonly tunnels?: ReadonlyMap<string, Tunnel>;
  readonly chassisMacs?: ChassisMacs;
}

/**
 * MAC addresses of chassis on physical networks, by the names of both: what they route leaves from there, so that
 * a network does not see a router's address in many places.  `ovn-chassis-mac-mappings` of ovn-controller(8).
 */
export type ChassisMacs = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Which MAC addresses are put in the place of others on a network. */
export interface NetworkMacs {
  readonly own: string;
  /** Of the routers that this chassis stands for. */
  readonly routers: readonly string[];
  readonly others: readonly string[];
  /** Of the router that other chassis stand for. */
  readonly router: string;
}

/** How a port is reached from this chassis. */
export type Reach =
  /** A physical port; with `tag` behind it, nested in another port's machine if `nested`. */
  | {
      readonly kind: 'vif' | 'network';
      readonly physical: number;
      readonly tag: number;
      readonly nested: boolean;
      readonly macs?: NetworkMacs;
      /** Ways to the other chassis that have the port, too. */
      readonly others?: readonly Tunnel[];
      /** Nothing passes until its machine sends RARP. */
      readonly isShut?: boolean;
    }
  | { readonly kind: 'patch'; readonly peer: PortBinding }
  /** `others`: to further chassis that have it, too. */
  | {
      readonly kind: 'remote';
      readonly tunnel: Tunnel;
      readonly isVtep: boolean;
      readonly others?: readonly Tunnel[];
    }
  /** By another port of the same datapath: the distributed port that is resident here, the localnet port. */
  | { readonly kind: 'redirect' | 'by-network'; readonly key: number }
  /** Over the localnet port of another datapath, from a MAC address: `redirect-type=bridged`. */
  | { readonly kind: 'bridged'; readonly network: PortBinding; readonly mac: string }
  | { readonly kind: 'absent' };

export interface LocalPort {
  readonly binding: PortBinding;
  readonly reach: Reach;
}

export interface LocalGroup {
  readonly group: MulticastGroup;
  /** Keys of members that only the chassis where the packet was sent serves. */
  readonly own: readonly number[];
  readonly tunnels: readonly Tunnel[];
  /** Keys of members on this chassis. */
  readonly here: readonly number[];
}

export interface LocalDatapath {
  readonly binding: DatapathBinding;
  readonly ports: readonly LocalPort[];
  readonly groups: readonly LocalGroup[];
}

export interface ChassisView {
  readonly datapaths: readonly LocalDatapath[];
  /** Whether `is_chassis_resident` holds. */
  isResident(port: string): boolean;
  /** Chassis that packets would be sent to if there were a tunnel. */
  readonly missingTunnels: readonly string[];
}

/** What the chassis sees. */
export function viewOf(input: ChassisInput): ChassisView {
  return new View(input).result;
}

/** Logical ports that this chassis serves by physical ports of its own, by the database alone. */
export function portsHere(southbound: Southbound, chassis: string, placement: Placement = NO_PLACEMENT): string[] {
  const physical = southbound.ports.filter(({ logicalPort, type }) => {
    const { parent } = placement.ports.get(logicalPort) ?? {};
    return parent === undefined && ['', 'localport', 'localnet', 'l2gateway'].includes(type);
  });
  const names = new Map(physical.map(({ logicalPort }, index) => [logicalPort, index]));
  const view = viewOf({ southbound, placement, chassis, ports: names });
  const local = view.datapaths.flatMap(({ ports }) => ports);
  return local
    .filter(({ binding, reach }) => {
      if (reach.kind === 'network') return true;
      if (reach.kind !== 'vif' || reach.nested) return false;
      return binding.type === 'localport' || chassisOfVif(binding).includes(chassis);
    })
    .map(({ binding }) => binding.logicalPort);
}

/** The chassis that the database names for a port, whether it is there already or asked for. */
function chassisOf(binding: PortBinding): string | undefined {
  const { chassis, options } = binding;
  const option = { l3gateway: 'l3gateway-chassis', l2gateway: 'l2gateway-chassis' }[binding.type];
  const requested = options[option ?? 'requested-chassis']?.split(',')[0];
  return chassis ?? (requested || undefined);
}

/** Its first MAC address. */
const macOf = ({ mac }: PortBinding): string[] => mac.slice(0, 1).flatMap((text) => text.split(' ').slice(0, 1));

/**
 * The chassis that have a VIF at the same time, the main one first: `requested-chassis` may name several, so that a
 * machine can move without a gap.
 */
export function chassisOfVif(binding: PortBinding): readonly string[] {
  const main = chassisOf(binding);
  const requested = (binding.options['requested-chassis'] ?? '').split(',').filter((name) => name !== '');
  const isSeveral = binding.type === '' && requested.length > 1;
  return main === undefined ? [] : isSeveral ? [...new Set([main, ...requested])] : [main];
}

/** The one activation strategy that there is. */
const RARP = 'rarp';

/**
 * Whether a chassis has a port before its machine is there: `activation-strategy` of ovn-nb(5).  Which chassis have
 * seen it is in `additional-chassis-activated`, where ovn-controller writes it.
 */
export function waitsForMachine(binding: PortBinding, chassis: string): boolean {
  const { [STRATEGY]: strategy, [ACTIVATED]: activated = '' } = binding.options;
  return strategy === RARP && isFurther(binding, chassis) && !activated.split(',').includes(chassis);
}

/** Whether a port is on a chassis besides its main one. */
const isFurther = (binding: PortBinding, chassis: string): boolean => chassisOfVif(binding).slice(1).includes(chassis);

const STRATEGY = 'activation-strategy';
const ACTIVATED = 'additional-chassis-activated';

/** The port as it is when its machine was seen on a chassis; the same one where nobody waited for it. */
export function withMachine(binding: PortBinding, chassis: string): PortBinding {
  if (!waitsForMachine(binding, chassis)) return binding;
  const { [ACTIVATED]: before } = binding.options;
  const activated = before ? `${before},${chassis}` : chassis;
  return { ...binding, options: { ...binding.options, [ACTIVATED]: activated } };
}

/** What is wrong with the port's activation strategy on this chassis; undefined if nothing is. */
export function strategyProblem(binding: PortBinding, chassis: string): string | undefined {
  const { [STRATEGY]: strategy } = binding.options;
  if (strategy === undefined || strategy === RARP || !isFurther(binding, chassis)) return undefined;
  return `port "${binding.logicalPort}" is open on this chassis from the beginning: there is no activation strategy "${strategy}", only "${RARP}"`;
}

const isBoundTo = (binding: PortBinding, chassis: string): boolean => chassisOf(binding) === chassis;

class View {
  readonly result: ChassisView;
  private readonly input: ChassisInput;
  private readonly placement: Placement;
  private readonly byName: ReadonlyMap<string, PortBinding>;
  private readonly byDatapath = new Map<string, PortBinding[]>();
  private readonly missing = new Set<string>();
  private readonly networks = new Map<string, PortBinding | undefined>();

  constructor(input: ChassisInput) {
    this.input = input;
    this.placement = input.placement ?? NO_PLACEMENT;
    this.byName = new Map(input.southbound.ports.map((port) => [port.logicalPort, port]));
    for (const port of input.southbound.ports) {
      const ports = this.byDatapath.get(port.datapath);
      if (ports) ports.push(port);
      else this.byDatapath.set(port.datapath, [port]);
    }
    const local = this.localDatapaths();
    const groups = new Map<string, MulticastGroup[]>();
    for (const group of input.southbound.multicastGroups) {
      groups.set(group.datapath, [...(groups.get(group.datapath) ?? []), group]);
    }
    const byUuid = new Map(input.southbound.ports.map((port) => [port.uuid, port]));
    const datapaths = input.southbound.datapaths
      .filter(({ uuid }) => local.has(uuid))
      .map((binding): LocalDatapath => {
        const ports = this.portsOf(binding.uuid).map((port) => ({ binding: port, reach: this.reachOf(port) }));
        const reaches = new Map(ports.map((port) => [port.binding.uuid, port.reach]));
        const own = (groups.get(binding.uuid) ?? []).map((group) => this.groupOf(group, byUuid, reaches));
        return { binding, ports, groups: own };
      });
    const isResident = (name: string) => this.isResident(name);
    this.result = { datapaths, isResident, missingTunnels: [...this.missing].sort() };
  }

  private portsOf(datapath: string): readonly PortBinding[] {
    return this.byDatapath.get(datapath) ?? [];
  }

  /** Those with a port here, and what patch ports lead to from there. */
  private localDatapaths(): Set<string> {
    const local = new Set<string>();
    const queue: string[] = [];
    const add = (datapath: string) => {
      if (!local.has(datapath)) {
        local.add(datapath);
        queue.push(datapath);
      }
    };
    for (const port of this.input.southbound.ports) if (this.makesLocal(port)) add(port.datapath);
    for (let datapath = queue.shift(); datapath !== undefined; datapath = queue.shift()) {
      for (const port of this.portsOf(datapath)) {
        const peer = this.peerOf(port);
        if (peer && this.isCrossable(port)) add(peer.datapath);
      }
    }
    return local;
  }

  private makesLocal(port: PortBinding): boolean {
    const { chassis, ports } = this.input;
    switch (port.type) {
      case '':
        return this.isVifHere(port);
      case 'l3gateway':
      case 'l2gateway':
        return isBoundTo(port, chassis);
      case 'chassisredirect':
        return this.candidates(port).includes(chassis);
      case 'localport':
      case 'localnet':
        return false;
      default:
        return ports.has(port.logicalPort);
    }
  }

  /** A VIF is here if it has a physical port, or is nested behind one that has. */
  private isVifHere(port: PortBinding): boolean {
    const { parent } = this.placement.ports.get(port.logicalPort) ?? {};
    const name = parent ?? port.logicalPort;
    if (!this.input.ports.has(name)) return false;
    const bound = chassisOfVif(this.byName.get(name) ?? port);
    return bound.length === 0 || bound.includes(this.input.chassis);
  }

  private isCrossable(port: PortBinding): boolean {
    return port.type === 'patch' || (port.type === 'l3gateway' && isBoundTo(port, this.input.chassis));
  }

  private peerOf(port: PortBinding): PortBinding | undefined {
    const peer = this.byName.get(port.options.peer ?? '');
    return peer?.options.peer === port.logicalPort ? peer : undefined;
  }

  /** Chassis that may serve a port, the most wanted first. */
  private candidates(port: PortBinding): readonly string[] {
    const bound = chassisOf(port);
    return bound === undefined ? (this.placement.ports.get(port.logicalPort)?.chassis ?? []) : [bound];
  }

  private isResident(name: string): boolean {
    const port = this.byName.get(name);
    if (!port) return false;
    const { chassis } = this.input;
    switch (port.type) {
      case '':
        // Of several chassis the main one.
        return this.isVifHere(port) && (chassisOfVif(port)[0] ?? chassis) === chassis;
      case 'chassisredirect':
      case 'external':
        return this.candidates(port)[0] === chassis;
      default:
        return isBoundTo(port, chassis);
    }
  }

  private reachOf(port: PortBinding): Reach {
    const { ports, chassis } = this.input;
    const { tag = 0, parent } = this.placement.ports.get(port.logicalPort) ?? {};
    const physical = ports.get(port.logicalPort);
    switch (port.type) {
      case 'patch':
      case 'l3gateway': {
        const peer = this.peerOf(port);
        if (this.isCrossable(port)) return peer ? { kind: 'patch', peer } : { kind: 'absent' };
        return this.remote(port, chassisOf(port));
      }
      case 'localnet':
      case 'l2gateway':
        if (physical !== undefined) {
          const macs = this.macsOf(port);
          return { kind: 'network', physical, tag, nested: false, ...(macs && { macs }) };
        }
        return port.type === 'localnet' ? { kind: 'absent' } : this.remote(port, chassisOf(port));
      case 'localport':
        return physical === undefined ? { kind: 'absent' } : { kind: 'vif', physical, tag: 0, nested: false };
      case 'chassisredirect': {
        const [active] = this.candidates(port);
        if (active !== chassis) {
          return port.options['redirect-type'] === 'bridged' ? this.bridged(port) : this.remote(port, active);
        }
        const distributed = this.byName.get(port.options['distributed-port'] ?? '');
        return distributed?.datapath === port.datapath
          ? { kind: 'redirect', key: distributed.tunnelKey }
          : { kind: 'absent' };
      }
      case '':
        if (!this.isVifHere(port)) break;
        if (parent === undefined) {
          const others = this.tunnelsTo(chassisOfVif(port));
          const vif = { kind: 'vif', physical: physical ?? 0, tag: 0, nested: false } as const;
          const shut = waitsForMachine(port, chassis) ? { isShut: true } : {};
          return others.length > 0 ? { ...vif, ...shut, others } : vif;
        }
        // A nested port without a tag cannot be told from its parent.
        if (tag === 0) return { kind: 'absent' };
        return { kind: 'vif', physical: ports.get(parent) ?? 0, tag, nested: true };
      default:
    }
    return this.elsewhere(port);
  }

  /** A port of another chassis: over the physical network where its switch has one, else by a tunnel. */
  private elsewhere(port: PortBinding): Reach {
    const network = this.networkOf(port.datapath);
    // What several have the physical network would bring to one of them.
    if (network && chassisOfVif(port).length < 2) {
      return this.input.ports.has(network.logicalPort)
        ? { kind: 'by-network', key: network.tunnelKey }
        : { kind: 'absent' };
    }
    return this.remote(port, this.candidates(port)[0]);
  }

  /** Of a localnet port: the routers on its switch, and the chassis on its network. */
  private macsOf({ type, options, datapath }: PortBinding): NetworkMacs | undefined {
    const { chassis, chassisMacs = {} } = this.input;
    const { [chassis]: networks = {}, ...rest } = chassisMacs;
    const own = networks[options.network_name ?? ''];
    const others = Object.values(rest).flatMap((byNetwork) => Object.values(byNetwork));
    const routers = this.portsOf(datapath).flatMap((port) => this.peerOf(port) ?? []);
    const [first] = routers.flatMap(macOf);
    if (type !== 'localnet' || first === undefined || (own === undefined && others.length === 0)) return undefined;
    const leaving = routers.filter(({ logicalPort }) => !this.isResident(`cr-${logicalPort}`));
    return { own: own ?? first, routers: own === undefined ? [] : leaving.flatMap(macOf), others, router: first };
  }

  /** A gateway port that resides elsewhere, by the physical network behind the switch that it is on. */
  private bridged(port: PortBinding): Reach {
    const distributed = this.byName.get(port.options['distributed-port'] ?? '');
    const peer = distributed && this.peerOf(distributed);
    const network = peer && this.networkOf(peer.datapath);
    const [mac] = macOf(port);
    if (!network || mac === undefined || !this.input.ports.has(network.logicalPort)) return { kind: 'absent' };
    return { kind: 'bridged', network, mac };
  }

  private networkOf(datapath: string): PortBinding | undefined {
    if (!this.networks.has(datapath)) {
      const ports = this.portsOf(datapath).filter(({ type }) => type === 'localnet');
      this.networks.set(datapath, ports.find(({ logicalPort }) => this.input.ports.has(logicalPort)) ?? ports[0]);
    }
    return this.networks.get(datapath);
  }

  private remote(port: PortBinding, chassis: string | undefined): Reach {
    if (chassis === undefined || chassis === this.input.chassis) return { kind: 'absent' };
    const tunnel = this.input.tunnels?.get(chassis);
    if (tunnel) {
      const others = this.tunnelsTo(chassisOfVif(port).filter((each) => each !== chassis));
      return { kind: 'remote', tunnel, isVtep: port.type === 'vtep', ...(others.length > 0 && { others }) };
    }
    this.missing.add(chassis);
    return { kind: 'absent' };
  }

  /** Those of these chassis that are others, and can be reached. */
  private tunnelsTo(chassis: readonly string[]): Tunnel[] {
    return chassis.flatMap((name) => {
      if (name === this.input.chassis) return [];
      const tunnel = this.input.tunnels?.get(name);
      if (!tunnel) this.missing.add(name);
      return tunnel ?? [];
    });
  }

  private groupOf(
    group: MulticastGroup,
    byUuid: ReadonlyMap<string, PortBinding>,
    reaches: ReadonlyMap<string, Reach>,
  ): LocalGroup {
    const members = group.ports
      .map((uuid) => byUuid.get(uuid))
      .filter((port) => port?.datapath === group.datapath)
      .filter((port) => port !== undefined)
      .sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    const own: number[] = [];
    const here: number[] = [];
    const tunnels = new Set<Tunnel>();
    const hasNetwork = this.networkOf(group.datapath) !== undefined;
    for (const port of members) {
      const reach = reaches.get(port.uuid);
      if (port.type === 'patch' || port.type === 'localport') own.push(port.tunnelKey);
      else if (reach?.kind === 'redirect') here.push(reach.key);
      else if (reach?.kind === 'vif' || reach?.kind === 'network' || reach?.kind === 'patch') here.push(port.tunnelKey);
      // A port that is here gets it here alone, wherever else it is (consider_mc_group()).
      else if (reach?.kind === 'remote' && !hasNetwork) {
        for (const each of [reach.tunnel, ...(reach.others ?? [])]) tunnels.add(each);
      }
    }
    const names = [...(this.input.tunnels ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return { group, own, here, tunnels: names.map(([, tunnel]) => tunnel).filter((tunnel) => tunnels.has(tunnel)) };
  }
}
