/** A node of two networks, with rules by hand, for tests of proofs. */
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../engine/ovsdb/southbound.ts';
import type { OffloadNode } from '../../sim/offload/node.ts';
import { twoNetworks } from '../networks.ts';
import { addPort } from '../northd/router/build.ts';
import { nodeOf, rulesFor } from './rule-maker.ts';

export interface Scene {
  readonly southbound: Southbound;
  readonly node: OffloadNode;
  readonly rules: RuleSet;
}

/** red1 and blue1 on worker1, red2 and blue2 on worker2; the rules are those of worker1. */
export function scene(change: (nb: Northbound) => void = () => {}): Scene {
  const nb = twoNetworks();
  addPort(nb, 'blue', 'blue2', ['02:00:00:00:00:04 10.1.0.12']);
  change(nb);
  const { southbound } = computeSouthbound(nb);
  for (const port of southbound.ports) {
    if (port.type === '') port.options['requested-chassis'] = port.logicalPort.endsWith('1') ? 'worker1' : 'worker2';
  }
  const node = nodeOf(southbound, 'worker1');
  return { southbound, node, rules: rulesFor(southbound, node) };
}
