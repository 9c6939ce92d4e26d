/**
 * Of a promised packet that does not arrive: one complete way, with everything on
 * it that would have to change.
 *
 * The packet is traced; where it is lost, that is an obstacle, and the packet goes
 * on as if it had been let through: by the table's next flow, by the way to where it
 * is promised to arrive, until it is there.  So nobody mends one thing to find the next.
 */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { Network, NetworkDatapath, NetworkPort } from '../symbolic/types.ts';
import type { Obstacle } from '../verdict.ts';
import type { FlowTeller } from './flow-met.ts';
import { addressesOf } from './hosts.ts';
import { quoted } from './microflow.ts';
import { fieldReader, networkOf, type PacketValues } from './packet.ts';
import { componentsOf } from './played.ts';
import { isSameKind, type Story } from './story.ts';
import { createTracer, type TracedLeg } from './traced.ts';

/** Nobody mends more than this at once. */
const obstacleLimit = 16;

/** Flows that are not there, and flows that are there instead. */
interface Edits {
  readonly removed: ReadonlySet<string>;
  readonly added: readonly LogicalFlow[];
}

/** Everything that keeps the last packet of a story from its ports (from the world outside, without any), in order. */
export function obstaclesOf(network: Network, story: Story, tell: FlowTeller): Obstacle[] {
  const targets = targetsOf(network, story);
  const senders = story.sends.flatMap((send) => (send.kind === 'answer' ? [] : [send.port]));
  const components = new Set(senders.map(({ datapath }) => datapath.component));
  const southbound = componentsOf(network, components);
  const obstacles: Obstacle[] = [];
  let edits: Edits = { removed: new Set(), added: [] };
  for (let round = 0; round < obstacleLimit; round++) {
    const { legs } = createTracer(edited(southbound, edits)).tell(story);
    const leg = legs.at(-1);
    if (!leg) break;
    const arrived = leg.deliveries.filter(({ packet }) => isSameKind(leg.packet, packet)).map(({ port }) => port);
    if (legs.length === story.sends.length && targets.some(({ name }) => arrived.includes(name))) break;
    const found = obstacleAt(network, leg, targets, arrived, edits);
    if (!found.isOurs) obstacles.push({ what: found.what, ...(found.flow && { flow: tell(found.flow) }) });
    if (!found.next) break;
    edits = found.next;
  }
  return obstacles;
}

function targetsOf(network: Network, { sends }: Story): NetworkPort[] {
  const { expected } = sends.at(-1) ?? sends[0];
  const names = expected.kind === 'lost' ? (expected.ports ?? []) : [];
  const named = names.flatMap((name) => network.ports.get(name) ?? []);
  return named.length > 0 ? named : [...network.ports.values()].filter(({ edge }) => edge === 'outside');
}

function edited(southbound: Southbound, { removed, added }: Edits): Southbound {
  const kept = southbound.flows.filter(({ uuid }) => !removed.has(uuid));
  const flows = [...kept, ...added].sort((a, b) => b.priority - a.priority);
  return { ...southbound, flows };
}

interface Found {
  readonly what: string;
  readonly flow?: LogicalFlow;
  /** How the packet goes on; undefined where nobody could say. */
  readonly next?: Edits;
  /** It is in the way only because the packet went on where it would not have got. */
  readonly isOurs?: boolean;
}

/** Where the packet is lost, and what would let it go on. */
function obstacleAt(
  network: Network,
  leg: TracedLeg,
  targets: readonly NetworkPort[],
  arrived: readonly string[],
  { removed, added }: Edits,
): Found {
  const flow = leg.flows.find(consumes) ?? leg.flows.at(-1);
  const datapath = network.datapaths.get(flow?.datapath ?? '');
  if (!flow || !datapath) return { what: `nothing takes packets that come in by ${leg.inport}` };
  if (arrived.length > 0) {
    return {
      what: `it leaves by ${[...new Set(arrived)].join(', ')} instead of ${targets.map(({ name }) => name).join(', ') || 'outside'}`,
      flow,
    };
  }
  const place = { datapath, flow, leg, targets };
  const drops = /^(drop;)?$/.test(withoutComments(flow.actions));
  if (drops || consumes(flow)) {
    const without = new Set([...removed, flow.uuid]);
    const detour = detourOf(place, flow.table);
    // Behind a route that is not there nobody has told the router who is at its other end.
    const isOurs = isLookup(flow) && added.some(({ actions }) => actions !== 'next;');
    return {
      what: whatOf(place, flow),
      flow,
      isOurs,
      next: { removed: without, added: detour ? [...added, detour] : added },
    };
  }
  if (/(^|[\s;])output;/.test(flow.actions)) {
    return { what: `${datapath.name} sends it to no port that it could leave by`, flow };
  }
  const table = flow.table + 1;
  const missing = `no flow of ${datapath.name} in table ${table} of its ${flow.pipeline} pipeline takes the packet`;
  return { what: missing, next: { removed, added: [...added, detourOf(place, table) ?? passing(flow, table)] } };
}

const withoutComments = (actions: string): string => actions.replace(/\/\*.*?\*\//g, '').trim();

/** Actions that answer a packet, or wait for an answer, instead of sending it on. */
const consumes = ({ actions }: LogicalFlow): boolean =>
  /(^|[\s;])(arp|nd_ns|icmp4|icmp6|icmp4_error|icmp6_error|tcp_reset|sctp_abort|reject)\s*\{/.test(actions);

/** A switch looks for the port of a MAC address. */
const isLookup = ({ stage }: LogicalFlow): boolean => /l2_unknown|l2_lkup/.test(stage);

interface Place {
  readonly datapath: NetworkDatapath;
  readonly flow: LogicalFlow;
  readonly leg: TracedLeg;
  readonly targets: readonly NetworkPort[];
}

const destinationText = (packet: PacketValues): string => {
  const read = fieldReader(packet);
  switch (networkOf(read)) {
    case 'ip4':
      return formatIpv4(read('ip4.dst'));
    case 'ip6':
      return formatIpv6(read('ip6.dst'));
    default:
      return formatEthernet(read('eth.dst'));
  }
};

/** What stands in the way, by the stage that it stands in: ovn-northd(8). */
function whatOf({ datapath, leg }: Place, { stage, priority, match, actions }: LogicalFlow): string {
  const { name } = datapath;
  const to = destinationText(leg.packet);
  if (/port_sec/.test(stage)) return `port security of ${name} does not allow the packet's addresses`;
  if (/_acl/.test(stage)) return `an ACL of ${name} (priority ${priority - 1000}) denies it: ${match}`;
  if (/ip_routing/.test(stage)) {
    return match === '1' ? `no route of ${name} leads to ${to}` : `a route of ${name} discards it: ${match}`;
  }
  if (/policy/.test(stage)) return `a routing policy of ${name} (priority ${priority}) drops it: ${match}`;
  if (/admission/.test(stage)) return `${name} does not take frames to that MAC address on that port`;
  if (/^(arp|nd_ns)\s*\{/.test(actions)) return `nobody tells ${name} the MAC address of the next hop to ${to}`;
  if (/l2_unknown|l2_lkup/.test(stage)) {
    return `no port of ${name} has the MAC address ${formatEthernet(fieldReader(leg.packet)('eth.dst'))}`;
  }
  if (/ip_input/.test(stage) && /ip\.ttl/.test(match)) return `its time to live ends at ${name}`;
  if (/ip_input/.test(stage)) return `${name} keeps it for itself: ${match}`;
  if (/larger_pkts/.test(stage)) return `it is too long for the next link of ${name}`;
  return `${name} drops it (${stage || `table`}, priority ${priority}: ${match})`;
}

/** A flow that lets the packet go on to the next table. */
function passing({ datapath, pipeline, stage, uuid }: LogicalFlow, table: number): LogicalFlow {
  return {
    uuid: `let-through-${table}-${uuid}`,
    datapath,
    pipeline,
    table,
    stage,
    priority: 65535,
    match: '1',
    actions: 'next;',
    source: 'obstacles',
  };
}

/** Where a lookup for the way has nothing to say, the way to where the packet is promised to arrive. */
function detourOf(place: Place, table: number): LogicalFlow | undefined {
  const { flow, datapath } = place;
  const isRoute = /lr_in_ip_routing$/.test(flow.stage) && flow.match === '1';
  const actions = isLookup(flow) ? toPort(place) : isRoute ? toRouter(place) : undefined;
  if (actions === undefined) {
    // Without the flow another one of the table may match; a table's last flow leaves none.
    return flow.match === '1' || datapath.kind === 'router' ? { ...passing(flow, table), priority: 0 } : undefined;
  }
  return { ...passing(flow, table), priority: 65535, actions };
}

/** The port of this datapath that leads to a target, the shortest way. */
function exitTo(from: NetworkDatapath, targets: readonly NetworkPort[]): NetworkPort | undefined {
  const wanted = new Set(targets.map(({ datapath }) => datapath));
  const done = new Set([from]);
  let front = from.ports.flatMap((port) => (port.peer ? [{ exit: port, to: port.peer.datapath }] : []));
  while (front.length > 0) {
    const found = front.find(({ to }) => wanted.has(to));
    if (found) return found.exit;
    const next: typeof front = [];
    for (const { exit, to } of front) {
      if (done.has(to)) continue;
      done.add(to);
      for (const { peer } of to.ports) if (peer) next.push({ exit, to: peer.datapath });
    }
    front = next;
  }
  return undefined;
}

function toPort({ datapath, targets }: Place): string | undefined {
  const own = targets.find((target) => target.datapath === datapath) ?? exitTo(datapath, targets);
  if (!own) return undefined;
  const mac = own.peer && addressesOf(own.peer)[0]?.mac;
  const hop = mac === undefined ? '' : `eth.dst = ${formatEthernet(mac)}; `;
  return `${hop}outport = ${quoted(own.name)}; output;`;
}

function toRouter({ datapath, targets, leg }: Place): string | undefined {
  const exit = exitTo(datapath, targets);
  const own = exit && addressesOf(exit)[0];
  const isIp6 = networkOf(fieldReader(leg.packet)) === 'ip6';
  const address = isIp6 ? own?.ip6[0] : own?.ip4[0];
  if (!exit || !own || address === undefined) return undefined;
  const [next, source] = isIp6 ? ['xxreg0', 'xxreg1'] : ['reg0', 'reg1'];
  const hop = hopBehind(exit, targets, isIp6);
  const destination = hop === undefined ? (isIp6 ? 'ip6.dst' : 'ip4.dst') : isIp6 ? formatIpv6(hop) : formatIpv4(hop);
  const self = isIp6 ? formatIpv6(address) : formatIpv4(address);
  return [
    `ip.ttl--; reg8[0..15] = 0; ${next} = ${destination}; ${source} = ${self};`,
    `eth.src = ${formatEthernet(own.mac)}; outport = ${quoted(exit.name)}; flags.loopback = 1; next;`,
  ].join(' ');
}

/** The address of the next router, where the targets are not on the very next switch. */
function hopBehind({ peer }: NetworkPort, targets: readonly NetworkPort[], isIp6: boolean): bigint | undefined {
  if (!peer || targets.some(({ datapath }) => datapath === peer.datapath)) return undefined;
  const router = peer.datapath.kind === 'router' ? peer : exitTo(peer.datapath, targets)?.peer;
  const own = router && addressesOf(router)[0];
  return isIp6 ? own?.ip6[0] : own?.ip4[0];
}
