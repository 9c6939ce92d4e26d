/**
 * Northbound databases whose packets are compared with the real data plane: the features of
 * trace-features.ts on one chassis, others that only packets show, examples and random manifests.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { nbctlScript } from '../../../engine/ovsdb/nbctl.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { readManifests } from '../../../engine/spec/read.ts';
import { northboundOf } from '../../../engine/vpc/index.ts';
import { exampleManifests } from '../../examples/manifests.ts';
import { onePeer } from '../../oracle/both-worlds.ts';
import { peerChassis } from '../../oracle/packet-peer.ts';
import type { Learned } from '../../oracle/sandbox.ts';
import { randomManifests } from '../random-topologies.ts';
import type { Feature } from '../trace-features.ts';
import { balancerFeatures } from '../trace-features-balancers.ts';
import { routerFeatures } from '../trace-features-routers.ts';
import { switchFeatures } from '../trace-features-switches.ts';
import { planeFeatures } from './features.ts';

export interface PlaneTopology {
  name: string;
  /** A script of ovn-nbctl commands (sandbox.ts). */
  northbound: string;
  /** What chassis know besides the routers outside. */
  learned: Learned;
}

/** What needs a chassis of OVN 22.x; and what drops packets that come too fast, so that time decides (see `QoS marks`). */
const leftOut = new Set(['chassis that do not know ct_lb_mark', 'QoS']);

/**
 * `host SWITCH NAME HOST NET` adds a port with 10.0.NET.HOST and fd00:NET::HOST;
 * `attach ROUTER SWITCH NET` connects a switch with that network's address 254;
 * `uplink SWITCH` adds a localnet port.
 */
const prelude = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
host() { ovn-nbctl lsp-add $1 $2 -- lsp-set-addresses $2 "02:00:00:00:0$4:0$3 10.0.$4.$3 fd00:$4::$3"; }
attach() {
  ovn-nbctl lrp-add $1 $1-$2 02:00:00:00:0$3:fe 10.0.$3.254/24 fd00:$3::fe/64 -- lsp-add $2 $2-$1 \\
    -- lsp-set-type $2-$1 router -- lsp-set-addresses $2-$1 router -- lsp-set-options $2-$1 router-port=$1-$2
}
uplink() {
  ovn-nbctl lsp-add $1 ln-$1 -- lsp-set-type ln-$1 localnet -- lsp-set-addresses ln-$1 unknown \\
    -- lsp-set-options ln-$1 network_name=physnet
}
`;

const pair = `
ovn-nbctl ls-add a -- ls-add b -- lr-add r
host a a1 1 1; host a a2 2 1; host b b1 1 2; host b b2 2 2
attach r a 1; attach r b 2
`;

/** A switch to the outside with a host of its own; the router's next hop stands behind the localnet port. */
const outside = `
ovn-nbctl ls-add out
uplink out
host out o1 9 9
`;

const toOutside = 'ovn-nbctl lr-route-add r 0.0.0.0/0 10.0.9.1 -- lr-route-add r ::/0 fd00:9::1\n';

const bases: Record<Feature['base'], string> = {
  pair,
  distributed: `${pair}${outside}attach r out 9\n${toOutside}ovn-nbctl lrp-set-gateway-chassis r-out ${peerChassis} 20\n`,
  gateway: `${pair}${outside}ovn-nbctl set logical_router r options:chassis=${peerChassis}\nattach r out 9\n${toOutside}`,
};

/** The commands of a feature name two chassis; here there is one, and the other one is absent.  Meters let everything pass. */
const onOneChassis = (commands: string): string =>
  commands
    .replace(/\bn1\b/g, peerChassis)
    .replace(/\b\d+ pktps\b/g, '1000000 pktps')
    .replace(/\boptions:interval=\d+/, 'options:interval=1000 options:timeout=1000');

function featureTopology({ name, base, commands, learned }: Feature): PlaneTopology {
  return {
    name,
    northbound: `${prelude}${bases[base]}${onOneChassis(commands)}`,
    learned: { macBindings: learned?.macBindings ?? [], fdb: learned?.fdb ?? [] },
  };
}

/** A topology of manifests, all of whose nodes are the one chassis. */
function manifestTopology(name: string, nb: Northbound): PlaneTopology {
  for (const { options } of nb.Logical_Router.values()) if (options.chassis) options.chassis = peerChassis;
  for (const { options } of nb.Logical_Switch_Port.values()) {
    if (options['requested-chassis']) options['requested-chassis'] = peerChassis;
  }
  return { name, northbound: nbctlScript(nb), learned: { macBindings: [], fdb: [] } };
}

const northboundOfText = (file: string, text: string): Northbound =>
  northboundOf(readManifests([{ file, text }]).resources);

function manifestTopologies(): PlaneTopology[] {
  const folder = new URL('../../../examples/', import.meta.url);
  const random = fc.sample(randomManifests, { seed: 7, numRuns: 4 });
  return [
    manifestTopology('red and blue', onePeer().nb),
    ...exampleManifests.map((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      return manifestTopology(`example ${file.replace('.yaml', '')}`, northboundOfText(file, text));
    }),
    ...random.map((text, at) => manifestTopology(`random manifests ${at + 1}`, northboundOfText('random.yaml', text))),
  ];
}

const ofFeatures = (features: readonly Feature[]): PlaneTopology[] =>
  features.filter(({ name }) => !leftOut.has(name)).map(featureTopology);

/** By what they are about; each part is a suite of its own, so that they can run side by side. */
export const planeTopologies = {
  switches: ofFeatures(switchFeatures),
  routers: ofFeatures(routerFeatures),
  balancers: ofFeatures(balancerFeatures),
  features: ofFeatures(planeFeatures),
  manifests: manifestTopologies(),
} as const satisfies Record<string, readonly PlaneTopology[]>;

export const allPlaneTopologies: readonly PlaneTopology[] = Object.values(planeTopologies).flat();
