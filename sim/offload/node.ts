/**
 * One node as a network of its own, so that all packets of the node are followed
 * as those of any network are: `analyse(networkOf(nodeNetwork(...).southbound))`.
 *
 * Ports of other chassis become edges.  What is sent to one ends at the end of the
 * ingress pipeline, where a chassis puts it into a tunnel; what comes in by one
 * begins with the egress pipeline, for the port that the tunnel says, which stands
 * in `pkt.mark` of packets there (ovn-architecture(7), "Architectural Physical
 * Life Cycle of a Packet").  Flows that leave work to software say so.
 */
import type { LogicalFlow, PortBinding, Southbound } from '../../engine/ovsdb/southbound.ts';
import { type LocalPort, portsHere, type Tunnel, viewOf } from '../../engine/program/chassis.ts';
import { NO_PLACEMENT, type Placement } from '../../engine/program/placement.ts';

/** What is known of a node besides the databases. */
export interface OffloadNode {
  /** Name of its chassis. */
  readonly name: string;
  /** Logical ports that are plugged in here, and the names of the device's ports that they are behind. */
  readonly ports: ReadonlyMap<string, string>;
  /** The device's port that leads to the other nodes. */
  readonly uplink: string;
  /** Ends of tunnels by chassis, the node's own among them; all IPv4 or all IPv6. */
  readonly tunnels: ReadonlyMap<string, { readonly ip: string }>;
}

/** How packets leave the node for a logical port. */
export type Leaving =
  | { readonly kind: 'host'; readonly devicePort: string }
  | {
      readonly kind: 'tunnel';
      readonly chassis: string;
      readonly address?: string;
      readonly vni: number;
      readonly outKey: number;
    }
  /** The physical network, with this VLAN tag; 0 for none. */
  | { readonly kind: 'network'; readonly tag: number };

export interface NodeNetwork {
  readonly southbound: Southbound;
  /** By name of the logical port; ports that are neither here nor behind a tunnel are not there. */
  readonly leaving: ReadonlyMap<string, Leaving>;
  /** Tunnel keys of the ports that tunnels bring packets for, by UUID of the datapath. */
  readonly targets: ReadonlyMap<string, readonly number[]>;
  /** By UUID: what a flow leaves to software, as its actions have it. */
  readonly work: ReadonlyMap<string, string>;
  /** Logical ports that have others nested in them, behind VLAN tags. */
  readonly parents: ReadonlySet<string>;
}

/** Above all priorities that ovn-northd gives. */
const first = 100_000;
/** Behind the tables that ovn-northd fills: the last one that `next` takes. */
const arrivals = 31;
/** A gap of this name is work that a flow leaves to software. */
const noted = 'lflow-software';
/** What the gap is told as. */
export const workReason = `mirror("${noted}")`;

/** Actions by which software learns, measures or tells something: ovn-sb(5). */
const working =
  /\b(put_arp|put_nd|put_fdb|log|igmp|handle_svc_check|handle_dhcpv6_reply|handle_bfd_msg|set_queue|set_meter|sample|bind_vport|trigger_event|commit_ecmp_nh|commit_lb_aff)\b\s*[;({]/;

/** The node as a network. */
export function nodeNetwork(
  southbound: Southbound,
  node: OffloadNode,
  placement: Placement = NO_PLACEMENT,
): NodeNetwork {
  const names = portsHere(southbound, node.name, placement);
  const peers = [...chassisIn(southbound)].filter((name) => name !== node.name);
  const tunnels = new Map(
    peers.map((peer, number): [string, Tunnel] => [peer, { number, port: names.length + number, type: 'geneve' }]),
  );
  const ports = new Map(names.map((name, number) => [name, number]));
  const view = viewOf({ southbound, placement, chassis: node.name, ports, tunnels });
  const local = new Set(view.datapaths.map(({ binding }) => binding.uuid));
  const reached = view.datapaths.flatMap((datapath) =>
    datapath.ports.map((port) => ({ ...port, vni: datapath.binding.tunnelKey })),
  );
  const away = new Set(reached.filter(isAway).map(({ binding }) => binding.logicalPort));
  const leaving = new Map(
    reached.flatMap((port): [string, Leaving][] => {
      const way = leavingBy(port, port.vni, node, peers);
      return way ? [[port.binding.logicalPort, way]] : [];
    }),
  );
  const work = new Map<string, string>();
  const flows = southbound.flows
    .filter(({ datapath }) => local.has(datapath))
    .map((flow) => {
      const resident = resolved(flow, view.isResident);
      const [, action] = working.exec(flow.actions) ?? [];
      if (action === undefined) return resident;
      work.set(flow.uuid, action);
      return { ...resident, actions: `mirror("${noted}"); ${flow.actions}` };
    });
  const portGroups = new Map(southbound.portGroups);
  const targets = new Map<string, number[]>();
  for (const { binding: datapath, ports: own } of view.datapaths) {
    const group = `lflow_away_${datapath.tunnelKey}`;
    const others = own.map(({ binding }) => binding.logicalPort).filter((name) => away.has(name));
    const here = own.flatMap((port) => targetOf(port, southbound));
    targets.set(
      datapath.uuid,
      here.map(({ key }) => key),
    );
    if (others.length === 0) continue;
    portGroups.set(group, others);
    const flow = flowIn(datapath.uuid);
    flows.push(
      flow('egress', 0, `outport == @${group}`, 'output;'),
      flow('ingress', 0, `inport == @${group}`, `next(pipeline=ingress, table=${arrivals});`),
      ...here.map(({ key, name }) =>
        flow(
          'ingress',
          arrivals,
          `pkt.mark == ${key}`,
          `outport = ${JSON.stringify(name)}; next(pipeline=egress, table=0);`,
        ),
      ),
    );
  }
  return {
    southbound: {
      ...southbound,
      datapaths: southbound.datapaths.filter(({ uuid }) => local.has(uuid)),
      ports: southbound.ports
        .filter(({ datapath }) => local.has(datapath))
        .map((port) => (away.has(port.logicalPort) ? edgeOf(port) : port)),
      flows,
      portGroups,
    },
    leaving,
    targets,
    work,
    parents: new Set([...placement.ports.values()].flatMap(({ parent }) => parent ?? [])),
  };
}

const isAway = ({ reach }: LocalPort): boolean =>
  reach.kind === 'remote' || reach.kind === 'absent' || reach.kind === 'by-network';

/** A port that leads outside and nowhere else. */
function edgeOf(port: PortBinding): PortBinding {
  const { peer: _, ...options } = port.options;
  return { ...port, type: 'remote', options };
}

function leavingBy(
  { binding, reach }: LocalPort,
  vni: number,
  node: OffloadNode,
  peers: readonly string[],
): Leaving | undefined {
  if (reach.kind === 'vif' && !reach.nested) {
    const devicePort = node.ports.get(binding.logicalPort);
    return devicePort === undefined ? undefined : { kind: 'host', devicePort };
  }
  if (reach.kind === 'network') return { kind: 'network', tag: reach.tag };
  if (reach.kind !== 'remote' || reach.isVtep) return undefined;
  const chassis = peers[reach.tunnel.number] ?? '';
  const address = node.tunnels.get(chassis)?.ip;
  return { kind: 'tunnel', chassis, vni, outKey: binding.tunnelKey, ...(address !== undefined && { address }) };
}

/** A port that a tunnel may bring packets for: one that is served here, or stands for one that is. */
function targetOf({ binding, reach }: LocalPort, { ports }: Southbound): { key: number; name: string }[] {
  const { tunnelKey: key, logicalPort: name } = binding;
  if (reach.kind === 'vif' || reach.kind === 'patch') return [{ key, name }];
  if (reach.kind !== 'redirect') return [];
  const own = ports.find((port) => port.datapath === binding.datapath && port.tunnelKey === reach.key);
  return own ? [{ key, name: own.logicalPort }] : [];
}

const flowIn =
  (datapath: string) =>
  (pipeline: LogicalFlow['pipeline'], table: number, match: string, actions: string): LogicalFlow => ({
    uuid: `${datapath} ${pipeline} ${match}`,
    datapath,
    pipeline,
    table,
    stage: 'tunnel',
    priority: first,
    match,
    actions,
    source: '',
  });

/** What is resident here is known. */
function resolved(flow: LogicalFlow, isResident: (port: string) => boolean): LogicalFlow {
  if (!flow.match.includes('is_chassis_resident')) return flow;
  const match = flow.match.replace(/is_chassis_resident\("([^"]*)"\)/g, (_, name: string) =>
    isResident(name) ? '1' : '0',
  );
  return { ...flow, match };
}

/** The chassis that ports are bound to or asked for on. */
export function chassisIn({ ports, chassis = [] }: Southbound): Set<string> {
  const names = new Set(chassis.map(({ name }) => name));
  for (const { chassis: bound, options } of ports) {
    const wanted = ['requested-chassis', 'l3gateway-chassis'].flatMap((option) => options[option]?.split(',') ?? []);
    for (const name of [bound ?? '', ...wanted]) if (name !== '') names.add(name);
  }
  return names;
}
