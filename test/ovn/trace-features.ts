/**
 * Small northbound databases, each about one or two features, that between them
 * make ovn-northd write every action that it knows.  Scripts of ovn-nbctl
 * commands, as trace-topologies.ts has them.
 */
import type { Learned } from '../oracle/sandbox.ts';
import { balancerFeatures } from './trace-features-balancers.ts';
import { routerFeatures } from './trace-features-routers.ts';
import { switchFeatures } from './trace-features-switches.ts';
import type { TraceTopologyScript } from './trace-topologies.ts';

/** A microflow, and the states that conntrack actions find. */
export interface FeaturePacket {
  microflow: string;
  ct: string[];
}

/** A feature's name, its commands after those of a base, and what chassis have learned. */
export interface Feature {
  name: string;
  base: 'pair' | 'distributed' | 'gateway';
  commands: string;
  learned?: Partial<Learned>;
  /** Packets that chance seldom finds. */
  packets?: FeaturePacket[];
  /** `STAGE: MATCH` of flows that are to be compared: ovn-northd has to write them, and packets to meet them. */
  matches?: string[];
}

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

/** Switches a and b with two hosts each on one router. */
const pair = `
ovn-nbctl ls-add a -- ls-add b -- lr-add r
host a a1 1 1; host a a2 2 1; host b b1 1 2; host b b2 2 2
attach r a 1; attach r b 2
`;

/** A switch to the outside, on network 9, with a host that is a router there; chassis that know ct_lb_mark. */
const outside = `
ovn-sbctl --may-exist chassis-add n1 geneve 10.9.9.1 -- --may-exist chassis-add n2 geneve 10.9.9.2
for n in n1 n2; do ovn-sbctl set chassis $n other_config:ct-no-masked-label=true; done
ovn-nbctl ls-add out
uplink out
host out o1 1 9
`;

const bases = {
  pair,
  distributed: `${pair}${outside}attach r out 9
ovn-nbctl lrp-set-gateway-chassis r-out n1 20 -- lr-route-add r 0.0.0.0/0 10.0.9.1 -- lr-route-add r ::/0 fd00:9::1
`,
  gateway: `${pair}${outside}ovn-nbctl set logical_router r options:chassis=n1
attach r out 9
ovn-nbctl lr-route-add r 0.0.0.0/0 10.0.9.1 -- lr-route-add r ::/0 fd00:9::1
`,
} as const;

/** A whole database of its own, and packets for it. */
export interface FeatureTopology extends TraceTopologyScript {
  packets: readonly FeaturePacket[];
  matches: readonly string[];
}

function topologyOf({ name, base, commands, learned, packets = [], matches = [] }: Feature): FeatureTopology {
  return {
    name,
    northbound: `${prelude}${bases[base]}${commands}`,
    packets,
    matches,
    learned: { macBindings: learned?.macBindings ?? [], fdb: learned?.fdb ?? [] },
  };
}

export const traceFeatures: readonly FeatureTopology[] = [
  ...switchFeatures,
  ...routerFeatures,
  ...balancerFeatures,
].map(topologyOf);
