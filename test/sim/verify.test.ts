import { describe, expect, it, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { Northbound, NorthboundRow, NorthboundTable } from '../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { type Verification, verify } from '../../sim/verify.ts';
import { network, node, redAndBlue, resourcesOf, vf, vpc } from '../topology.ts';

/** The verdict after something in the northbound database was broken on purpose. */
function verdictAfter(damage: (nb: Northbound) => void, resources = redAndBlue()): Verification {
  const plans = planTopology(resources);
  const nb = northboundOfPlan(plans);
  damage(nb);
  return verify(computeSouthbound(nb).southbound, plans);
}

const violated = ({ properties }: Verification): string[] => [
  ...new Set(properties.filter(({ verdict }) => verdict === 'violated').map(({ id }) => id)),
];

function rows<T extends NorthboundTable>(
  nb: Northbound,
  table: T,
  isMeant: (row: NorthboundRow<T>) => boolean,
): NorthboundRow<T>[] {
  const all: Map<string, NorthboundRow<T>> = nb[table];
  const found = [...all.values()].filter(isMeant);
  if (found.length === 0) throw new Error(`nothing to break in ${table}`);
  return found;
}

/** Routing policies by what their match says. */
const policies = (nb: Northbound, match: RegExp, priority: number) =>
  rows(nb, 'Logical_Router_Policy', (row) => row.priority === priority && match.test(row.match));

const port = (nb: Northbound, name: string) => rows(nb, 'Logical_Switch_Port', (row) => row.name === name)[0];

describe('a topology as engine/vpc builds it', () => {
  const verification = verdictAfter(() => {});

  it('is probed, and nothing is found', () => {
    expect(violated(verification)).toEqual([]);
    expect(verification.verdict).toBe('probed');
    expect(verification.topology).toMatchObject({ vpcs: 2, networks: 5, interfaces: 10, nodes: 4 });
  });

  it('never says that probes prove something', () => {
    const verdicts = new Set(verification.properties.map(({ verdict }) => verdict));
    expect([...verdicts].sort()).toEqual(['probed', 'vacuous']);
    expect(verification.properties.every(({ method }) => method === 'probe')).toBe(true);
  });

  it('says why a promise speaks of nothing', () => {
    const finding = verification.properties.find(
      ({ id, subject }) => id === 'external-ingress-blocked' && subject === 'default/red-b',
    );
    expect(finding).toMatchObject({
      verdict: 'vacuous',
      probes: 0,
      reason: expect.stringContaining('without masquerade'),
    });
  });

  it('says where each promise is written down', () => {
    for (const { source } of verification.properties) {
      expect(source[0]).toMatchObject({ file: 'test.yaml', line: expect.any(Number), column: expect.any(Number) });
    }
  });
});

/** What is broken, and the property that has to say so. */
const damages: [string, string, (nb: Northbound) => void][] = [
  [
    'a gateway router lets in what is addressed to private addresses',
    'external-ingress-blocked',
    (nb) => {
      for (const row of policies(nb, /^1$/, 1)) row.action = 'allow';
    },
  ],
  [
    'separated networks meet on the router',
    'inter-network-access',
    (nb) => {
      for (const row of policies(nb, /"default\/blue:blue-a" && ip4.src/, 500))
        row.match = 'inport == "default/blue:blue-a"';
    },
  ],
  [
    'connected networks do not meet',
    'inter-network-access',
    (nb) => {
      for (const row of policies(nb, /"default\/red:red-a" && ip4.src/, 500)) row.action = 'drop';
    },
  ],
  [
    'two tenants punch a hole through both gateways',
    'tenant-isolation',
    (nb) => {
      for (const row of policies(nb, /ip4.dst == \{\$vpc_external/, 400)) row.match = 'ip4.dst == 0.0.0.1';
      for (const row of policies(nb, /ip4.src == \$vpc_external/, 500)) row.match = 'ip4.dst == 0.0.0.1';
    },
  ],
  [
    'separated networks punch a hole through their gateways',
    'inter-network-access',
    (nb) => {
      for (const row of policies(nb, /ip4.dst == \{\$vpc_external/, 400)) row.match = 'ip4.dst == 0.0.0.1';
      for (const row of policies(nb, /ip4.src == \$vpc_external/, 500)) row.match = 'ip4.dst == 0.0.0.1';
    },
  ],
  [
    "a tenant's port is plugged into another tenant's switch",
    'tenant-isolation',
    (nb) => {
      const stray = port(nb, 'default/blue-a-vf2@n2');
      const [blue] = rows(nb, 'Logical_Switch', (row) => row.name === 'default/blue-a');
      const [red] = rows(nb, 'Logical_Switch', (row) => row.name === 'default/red-a');
      blue.ports = blue.ports.filter((uuid) => uuid !== stray._uuid);
      red.ports.push(stray._uuid);
    },
  ],
  [
    'the world outside may claim to be a VPC',
    'tenant-isolation',
    (nb) => {
      for (const row of policies(nb, /ip4.dst == \{\$vpc_external/, 400)) row.match = 'ip4.dst == 0.0.0.1';
      for (const row of policies(nb, /ip4.src == \$vpc_external/, 500)) row.action = 'allow';
    },
  ],
  [
    'a port may use any MAC address',
    'forged-source',
    (nb) => {
      port(nb, 'default/red-a-vf2@n0').port_security = [];
    },
  ],
  [
    'a source address of another network passes the router',
    'forged-source',
    (nb) => {
      for (const row of policies(nb, /"default\/red:red-a" && outport/, 200))
        row.match = row.match.replace(/ && ip4.src.*/, '');
      for (const row of policies(nb, /^1$/, 1)) row.action = 'allow';
    },
  ],
  [
    'a port takes over the gateway',
    'gateway-takeover',
    (nb) => {
      for (const row of rows(nb, 'ACL', ({ match }) => match.startsWith('arp.spa'))) row.match = 'ip4.src == 0.0.0.1';
    },
  ],
  [
    'two ports of a network do not hear each other',
    'network-reachability',
    (nb) => {
      port(nb, 'default/red-a-vf2@n1').addresses = ['02:00:00:00:00:09 10.1.0.9'];
    },
  ],
  [
    'the gateway has another address',
    'gateway-answers',
    (nb) => {
      rows(nb, 'Logical_Router_Port', (row) => row.name === 'default/red:red-a')[0].networks = ['10.1.0.254/16'];
    },
  ],
  [
    'DHCP gives an address that IPAM did not choose',
    'dhcp-address',
    (nb) => {
      const row = port(nb, 'default/red-a-vf2@n0');
      row.addresses = [row.addresses[0].replace('10.1.0.2', '10.1.7.7')];
    },
  ],
  [
    'DHCP names another router',
    'dhcp-address',
    (nb) => {
      const [row] = rows(nb, 'DHCP_Options', ({ external_ids }) => external_ids.network === 'default/red-a');
      row.options.router = '10.1.0.99';
    },
  ],
  [
    'DHCP answers where it is off',
    'dhcp-address',
    (nb) => {
      const [options] = rows(nb, 'DHCP_Options', ({ external_ids }) => external_ids.network === 'default/blue-a');
      port(nb, 'default/blue-b-vf3@n2').dhcpv4_options = options._uuid;
      options.cidr = '10.3.0.0/16';
    },
  ],
  [
    "a port leaves by another node's gateway",
    'external-access',
    (nb) => {
      for (const row of policies(nb, /"default\/red:red-a".*10\.1\.0\.3/, 300)) row.nexthops = ['100.64.0.2'];
    },
  ],
  [
    'there is no way back from outside',
    'external-access',
    (nb) => {
      for (const row of policies(nb, /ct\.rpl/, 400)) row.action = 'drop';
    },
  ],
  [
    'a network that is not externally routed has a way out',
    'external-access',
    (nb) => {
      for (const row of policies(nb, /"default\/blue:blue-a" && outport/, 200)) {
        row.match = 'outport == "default/blue+join"';
        row.priority = 600;
      }
      for (const row of policies(nb, /^1$/, 1)) row.action = 'allow';
    },
  ],
  [
    'what conntrack does not know leaves with its private source',
    'masquerade',
    (nb) => {
      for (const row of rows(nb, 'ACL', ({ match }) => match.includes('+external:router')))
        row.match = 'ip4.src == 0.0.0.1';
    },
  ],
  [
    'private source addresses leave',
    'masquerade',
    (nb) => {
      for (const router of rows(nb, 'Logical_Router', ({ nat }) => nat.length > 0)) router.nat = [];
      for (const row of rows(nb, 'ACL', ({ match }) => match.includes('+external:router')))
        row.match = 'ip4.src == 0.0.0.1';
    },
  ],
];

describe('a topology that was broken on purpose', () => {
  it.each(damages)('%s: %s', (_what, property, damage) => {
    const verification = verdictAfter(damage);
    expect(violated(verification)).toContain(property);
    expect(verification.verdict).toBe('violated');
  });

  it('shows a packet, the flows that it met and the lines to blame', () => {
    const { properties } = verdictAfter((nb) => {
      for (const row of policies(nb, /^1$/, 1)) row.action = 'allow';
    });
    const finding = properties.find(({ id, verdict }) => id === 'external-ingress-blocked' && verdict === 'violated');
    expect(finding?.counterexample).toMatchObject({
      inport: expect.stringMatching(/\+external:localnet$/),
      outport: expect.stringMatching(/^default\/(red|blue)-/),
      microflow: expect.stringContaining('inport == '),
      frame: expect.stringMatching(/^([0-9a-f]{2}){34,}$/),
    });
    expect(finding?.flows?.some(({ stage, source }) => stage === 'lr_in_policy' && source)).toBe(true);
    expect(finding?.source.length).toBeGreaterThan(1);
  });
});

describe('separated networks that are guarded by the source address', () => {
  it('are caught by a host that forges it', () => {
    const { properties } = verdictAfter((nb) => {
      for (const row of policies(nb, /"default\/blue/, 500)) row.priority = 2;
      for (const row of policies(nb, /^1$/, 1)) {
        row.match = 'ip4.src == 10.1.0.0/16 && ip4.dst == {10.3.0.0/16, 10.4.0.0/16}';
        row.priority = 900;
      }
    });
    const finding = properties.find(({ id, subject }) => id === 'inter-network-access' && subject === 'default/blue');
    expect(finding).toMatchObject({ verdict: 'violated', reason: expect.stringContaining('forged source') });
  });
});

describe('flows that are not understood', () => {
  test.each([
    ['an action that nobody knows', { actions: 'frobnicate; next;' }],
    ['an action that the tracer does not model', { actions: 'reg0[4] = dns_lookup(); next;' }],
    ['a match that nobody can read', { match: 'frobnicate == 1' }],
    ['a match with an address set that is not there', { match: 'ip4.src == $frobnicate' }],
  ])('make verdicts unknown, never probed: %s', (_what, change) => {
    const plans = planTopology(redAndBlue());
    const { southbound } = computeSouthbound(northboundOfPlan(plans));
    for (const flow of southbound.flows) if (flow.stage === 'ls_in_l2_lkup') Object.assign(flow, change);
    const { verdict, properties } = verify(southbound, plans);
    const judged = properties.filter(({ id }) => id === 'tenant-isolation');
    expect(judged.map((finding) => finding.verdict)).toEqual(['unknown', 'unknown']);
    expect(judged[0].reason).toMatch(/frobnicate|dns_lookup/);
    expect(['violated', 'unknown']).toContain(verdict);
  });
});

describe('a topology without anything', () => {
  it('is vacuous, not probed', () => {
    const plans = planTopology(resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/16'), node('n0', 'red')));
    const { southbound } = computeSouthbound(northboundOfPlan(plans));
    const verification = verify(southbound, plans);
    expect(verification.verdict).toBe('vacuous');
  });

  it('with one port probes what one port can show', () => {
    const resources = resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/16'),
      vf('red-a', 2),
      node('n0', 'red'),
    );
    const verification = verdictAfter(() => {}, resources);
    expect(verification.verdict).toBe('probed');
  });
});
