/** allowed_ext_ips and exempted_ext_ips of a NAT rule: for which outside addresses it applies. */
import type { NatRule } from './nat.ts';
import type { Router } from './router.ts';

/** What the peer of a translated packet is compared with. */
export interface ExternalPeers {
  /** ` && ip4.src == $NAME` for a rule with allowed_ext_ips, else ''. */
  condition: string;
  /** The same for exempted_ext_ips: packets that are not to be translated. */
  exemption: string;
}

/** The conditions that `rule` puts on the peer, which is the packet's `side`. */
export function externalPeers({ topology }: Router, { row, family }: NatRule, side: 'src' | 'dst'): ExternalPeers {
  const compare = (set: string | undefined): string => {
    const name = set === undefined ? undefined : topology.nb.Address_Set.get(set)?.name;
    return name === undefined ? '' : ` && ip${family}.${side} == $${name}`;
  };
  return { condition: compare(row.allowed_ext_ips), exemption: compare(row.exempted_ext_ips) };
}
