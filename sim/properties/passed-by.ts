/** The way of one packet, as the tracer takes it where routers know each other. */
import { formatEthernet, formatIpv4, formatIpv6 } from '../../engine/lang/index.ts';
import { fieldIndex, type Network, type NetworkDatapath } from '../symbolic/index.ts';
import { rowsOfRouters } from '../symbolic/neighbors.ts';
import { parsePacket, prepare, type TraceTopology, traceFlow, trackingConntrack } from '../trace/index.ts';

const topologies = new WeakMap<Network, TraceTopology>();

/** The datapaths that a packet passes, in their order; a value for each field of packets says which packet. */
export function passedBy(network: Network, packet: readonly bigint[]): NetworkDatapath[] {
  const topology = topologies.get(network) ?? acquainted(network);
  topologies.set(network, topology);
  const text = microflow(network, packet);
  if (text === undefined) return [];
  const parsed = parsePacket(topology, text);
  const options = { conntrack: trackingConntrack() };
  const way: NetworkDatapath[] = [];
  for (const { datapath } of traceFlow(topology, parsed.datapath, parsed.packet, options).flows) {
    const here = network.datapaths.get(datapath);
    if (here && way.at(-1) !== here) way.push(here);
  }
  return way;
}

function acquainted(network: Network): TraceTopology {
  const { southbound } = network;
  return prepare({ ...southbound, macBindings: [...southbound.macBindings, ...rowsOfRouters(network)] });
}

/** The packet as a microflow. */
function microflow({ portsByNumber }: Network, packet: readonly bigint[]): string | undefined {
  const value = (name: string): bigint => packet[fieldIndex(name)] ?? 0n;
  const port = portsByNumber[Number(value('inport'))];
  if (!port) return undefined;
  const terms = [
    `inport == ${JSON.stringify(port.name)}`,
    `eth.src == ${formatEthernet(value('eth.src'))}`,
    `eth.dst == ${formatEthernet(value('eth.dst'))}`,
  ];
  const type = value('eth.type');
  if (type === 0x800n) {
    terms.push(`ip4.src == ${formatIpv4(value('ip4.src'))}`, `ip4.dst == ${formatIpv4(value('ip4.dst'))}`);
  } else if (type === 0x86ddn) {
    terms.push(`ip6.src == ${formatIpv6(value('ip6.src'))}`, `ip6.dst == ${formatIpv6(value('ip6.dst'))}`);
  } else return [...terms, `eth.type == ${type}`].join(' && ');
  terms.push(`ip.ttl == ${value('ip.ttl')}`, `ip.proto == ${value('ip.proto')}`);
  const name = new Map([
    [6n, 'tcp'],
    [17n, 'udp'],
    [132n, 'sctp'],
  ]).get(value('ip.proto'));
  if (name) terms.push(`${name}.src == ${value('tp.src')}`, `${name}.dst == ${value('tp.dst')}`);
  if (name === 'tcp') terms.push(`tcp.flags == ${value('tcp.flags')}`);
  const icmp = value('ip.proto') === (type === 0x800n ? 1n : 58n);
  const family = type === 0x800n ? 'icmp4' : 'icmp6';
  if (icmp) terms.push(`${family}.type == ${value('icmp.type')}`, `${family}.code == ${value('icmp.code')}`);
  return terms.join(' && ');
}
