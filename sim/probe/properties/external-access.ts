/** Externally routed networks reach the world outside by their own node's gateway; the others do not. */
import { localnetPort } from '../../../engine/vpc/names.ts';
import { answer, openingText, toOutside } from '../conversation.ts';
import { type Transport, transports } from '../packets.ts';
import { ipv4Text } from '../read.ts';
import type { Host, World } from '../world.ts';
import { trackingConntrack } from '../../trace/index.ts';
import { departure, expectNoArrival, protocolName } from './expect.ts';
import { allNetworks, type Failure, networkSubject, type Probe, type Property, sample, share } from './property.ts';

export const externalAccess: Property = {
  id: 'external-access',
  promise: "externally routed networks reach the outside by each port's own node; others send nothing out",
  *checks(world) {
    for (const { plan } of allNetworks(world)) {
      const hosts = world.hostsOf(plan);
      yield {
        subject: networkSubject(plan),
        source: plan.network.at('spec.externallyRouted'),
        probes: probes(world, sample(hosts, share(world, 1024))),
        ...(hosts.length === 0 && { vacuous: 'the network has no port' }),
      };
    }
  },
};

function* probes(world: World, hosts: readonly Host[]): Generator<Probe> {
  for (const host of hosts) {
    for (const transport of transports) {
      yield () =>
        host.network.network.externallyRouted
          ? expectWayOut(world, host, transport)
          : expectNoWayOut(world, host, transport);
    }
  }
}

function expectWayOut(world: World, host: Host, transport: Transport): Failure | undefined {
  const connections = trackingConntrack();
  const request = world.send(openingText(toOutside(world, host, transport)), connections);
  const what = `${protocolName(transport)} from ${host.port.name} to the world outside (${world.outsideAddress})`;
  const out = departure(request);
  if (!out) return { reason: `${what} was dropped`, outcome: request };
  const own = localnetPort(host.vpc.vpc, host.port.node);
  if (out.port !== own)
    return { reason: `${what} left by ${out.port}, not by its own node`, outcome: request, outport: out.port };

  const reply = answer(world, out, transport, connections);
  const back = reply.arrivals.find(({ port }) => port === host.port.name);
  if (!back) return { reason: `the answer to ${what} was dropped`, outcome: reply };
  const addressed = ipv4Text(back.field('ip4.dst'));
  if (addressed === host.endpoint.ip) return undefined;
  return { reason: `the answer to ${what} came back addressed to ${addressed}`, outcome: reply, outport: back.port };
}

function expectNoWayOut(world: World, host: Host, transport: Transport): Failure | undefined {
  const what = `${protocolName(transport)} from ${host.port.name}, whose network is not externally routed,`;
  return expectNoArrival(
    world.send(openingText(toOutside(world, host, transport))),
    what,
    ({ gateway }) => gateway !== undefined,
  );
}
