/**
 * Everything that hosts and the world outside may try with a packet or two: to
 * reach each other, by the way that is meant for it and by others, with addresses
 * of their own and with forged ones.  What has to come of an attempt is not said
 * here; only who must never hear of it.
 */
import { formatIpv4, lastAddress } from '../../../engine/address.ts';
import { trackingConntrack } from '../../../sim/trace/index.ts';
import { answer, between, gatewayText, type Opening, openingText, toOutside } from './conversation.ts';
import {
  answerTo,
  arpAnnouncementText,
  arpRequestText,
  dhcpDiscoverText,
  ipv4Text,
  strays,
  type Transport,
  transports,
} from './packets.ts';
import { type Gateway, type Host, outsideMac, type World } from './world.ts';

/** Sends into a world. */
type Attempt = (world: World) => void;

/** Nobody's MAC and IPv4 address. */
const strangeMac = '02:00:5e:00:53:ff';
const strangeAddress = '198.51.100.7';

/** Whether a host may not reach another: they are of two VPCs, or of two networks of one that separates them. */
const isApart = (from: Host, to: Host): boolean =>
  from.vpc !== to.vpc || (from.network !== to.network && !from.vpc.vpc.interNetworkAccess);

const pairsOf = ({ hosts }: World): [Host, Host][] =>
  hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to): [Host, Host] => [from, to]));

const gatewayOf = ({ gatewaysOf }: World, { vpc, port }: Host) =>
  gatewaysOf(vpc).find(({ plan }) => plan.node === port.node);

/** An address that the target would take for one of its own network's. */
const neighbourOf = ({ network }: Host): string => formatIpv4(lastAddress(network.subnet) - 1);

/** Sends the first packet, and an answer from wherever it arrived. */
function converse(world: World, opening: Opening): void {
  const connections = trackingConntrack();
  const { arrivals } = world.send(openingText(opening), connections);
  for (const arrival of arrivals) {
    if (arrival.port !== opening.from.port.name && arrival.field('eth.type') === 0x800n) {
      answer(world, arrival, opening.transport, connections);
    }
  }
}

/** `from` tries to reach `to` on the way that is meant for it; where that is forbidden straight on the wire and forged, too. */
function reachOut(world: World, from: Host, to: Host): void {
  for (const transport of transports) {
    const direct = between(from, to, transport);
    if (isApart(from, to)) {
      unheard(world, to, openingText(direct));
      unheard(world, to, openingText({ ...direct, hop: to.endpoint.mac }));
      unheard(world, to, openingText({ ...direct, source: neighbourOf(to) }));
    } else {
      converse(world, direct);
    }
  }
  world.send(arpRequestText(from.port.name, from.endpoint, to.endpoint.ip));
}

/** Sends what nobody on the network of `to` may hear; throws an Error if somebody does. */
function unheard(world: World, { network }: Host, microflow: string): void {
  const arrival = world.send(microflow).arrivals.find(({ host }) => host?.network === network);
  if (arrival) throw new Error(`${microflow} is heard at ${arrival.port}`);
}

/** Two that may not reach each other send to each other's gateway at once. */
function punch(world: World, from: Host, to: Host): void {
  const [mine, theirs] = [gatewayOf(world, from), gatewayOf(world, to)];
  if (!mine || !theirs) return;
  for (const transport of transports.filter(({ protocol }) => protocol !== 'icmp')) {
    const answered = answerTo(transport);
    const second: Transport = answered.protocol === 'tcp' ? { ...answered, flags: 'ack' } : answered;
    const connections = trackingConntrack();
    world.send(openingText({ ...toOutside(world, to, transport), to: mine.endpoint.ip }), connections);
    world.send(openingText({ ...toOutside(world, from, second), to: theirs.endpoint.ip }), connections);
  }
}

/** A MAC address of nobody, and source addresses of nobody and of another network. */
function forge(world: World, host: Host): void {
  const stranger = world.hosts.find(({ vpc, network }) => vpc === host.vpc && network !== host.network);
  for (const transport of transports) {
    const outwards = toOutside(world, host, transport);
    world.send(openingText({ ...outwards, ethSrc: strangeMac }));
    world.send(openingText({ ...outwards, source: strangeAddress }));
    if (stranger) {
      world.send(openingText({ ...outwards, source: stranger.endpoint.ip }));
      world.send(openingText({ ...between(host, stranger, transport), source: strangeAddress }));
    }
  }
}

/** Asks the gateway, claims to be it, and sends in its name. */
function claimGateway(world: World, host: Host): void {
  const { endpoint, network } = host;
  const { name } = host.port;
  const ip = gatewayText(host);
  const { mac } = network.gateway;
  world.send(arpRequestText(name, endpoint, ip));
  const ping: Transport = { protocol: 'icmp', type: 'request' };
  world.send(
    ipv4Text({
      inport: name,
      ethSrc: endpoint.mac,
      ethDst: mac,
      source: endpoint.ip,
      destination: ip,
      transport: ping,
    }),
  );
  const neighbour = network.ports.find((port) => port.name !== name) ?? { mac: 'ff:ff:ff:ff:ff:ff' };
  const udp: Transport = { protocol: 'udp', source: 49152, destination: 53 };
  world.send(arpAnnouncementText(name, { mac: endpoint.mac, ip }, endpoint.mac));
  world.send(arpAnnouncementText(name, { mac, ip }, mac));
  world.send(
    ipv4Text({
      inport: name,
      ethSrc: mac,
      ethDst: neighbour.mac,
      source: ip,
      destination: endpoint.ip,
      transport: udp,
    }),
  );
}

/** From outside, with an address of its own and with the gateway's. */
function comeIn(world: World, { localnet, endpoint }: Gateway, destination: string): void {
  const sent = { inport: localnet, ethSrc: outsideMac, ethDst: endpoint.mac, destination };
  for (const transport of [...transports, ...strays]) {
    world.send(ipv4Text({ ...sent, source: world.outsideAddress, transport }));
  }
  for (const transport of transports) world.send(ipv4Text({ ...sent, source: endpoint.ip, transport }));
}

/** What every attempt is for, and how it is made. */
export const attempts: Readonly<Record<string, Attempt>> = {
  'hosts that reach out for each other': (world) => {
    for (const [from, to] of pairsOf(world)) reachOut(world, from, to);
  },
  'hosts and the world outside': (world) => {
    for (const host of world.hosts) {
      for (const transport of transports) converse(world, toOutside(world, host, transport));
      for (const transport of strays) world.send(openingText(toOutside(world, host, transport)));
    }
  },
  'forged addresses': (world) => {
    for (const host of world.hosts) forge(world, host);
  },
  'hosts that ask for their gateway, and that claim to be it': (world) => {
    for (const host of world.hosts) claimGateway(world, host);
  },
  'hosts without an address': (world) => {
    for (const { port, endpoint } of world.hosts) world.send(dhcpDiscoverText(port.name, endpoint.mac));
  },
  'the world outside, to gateways and to what lies behind them': (world) => {
    for (const gateway of world.gateways) {
      for (const destination of [gateway.endpoint.ip, ...world.hosts.map((host) => host.endpoint.ip)]) {
        comeIn(world, gateway, destination);
      }
    }
  },
  'holes punched through gateways': (world) => {
    for (const [from, to] of pairsOf(world)) if (isApart(from, to)) punch(world, from, to);
  },
};
