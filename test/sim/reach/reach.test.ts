import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { type Place, placesOf, reachOf, reachText } from '../../../sim/reach/index.ts';
import { networkOf } from '../../../sim/symbolic/index.ts';
import { masqueraded, twoNetworks } from '../../networks.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';

function reach(nb: Northbound, from: string, to: string, edit: (southbound: Southbound) => Southbound = (as) => as) {
  const network = networkOf(edit(computeSouthbound(nb).southbound));
  const places = placesOf(network);
  const place = (name: string): Place => {
    const found = places.get(name);
    if (!found) throw new Error(`no place ${name}`);
    return found;
  };
  return reachOf(network, place(from), place(to), { northbound: nb });
}

/** Blue takes nothing new but what the match says. */
function guarded(match: string): Northbound {
  const nb = twoNetworks();
  const blue = logicalSwitch(nb, 'blue');
  addAcl(nb, blue, 'to-lport', 1002, match, 'allow-related');
  addAcl(nb, blue, 'to-lport', 1001, 'outport == "blue1" && ip', 'drop');
  return nb;
}

test('places are ports, switches with hosts, wires and the outside', () => {
  const names = (nb: Northbound) => [...placesOf(networkOf(computeSouthbound(nb).southbound)).keys()].sort();
  expect(names(twoNetworks())).toEqual(['blue', 'blue1', 'red', 'red1', 'red2']);
  expect(names(masqueraded())).toEqual(['host', 'inside', 'outside', 'outside (physnet)', 'wire']);
});

test('what an ACL lets through is what arrives', () => {
  const found = reach(guarded('tcp.dst == 443 && ip4.src == 10.0.0.12'), 'red', 'blue1');
  expect(found).toMatchObject({
    verdict: 'reachable',
    traffic: ['tcp/443 from 10.0.0.12'],
    honest: true,
    sample: { inport: 'red2', outport: 'blue1', replayed: { tracer: true } },
    datapaths: ['red', 'router', 'blue'],
    obstacles: [],
  });
  expect(reachText(found)).toMatch(/^REACHABLE: packets get from red to blue1\n {2}tcp\/443 from 10\.0\.0\.12\n/);
});

test('what only liars can send is told as such', () => {
  const found = reach(guarded('ip4.src == 10.7.7.7'), 'red', 'blue');
  expect(found).toMatchObject({ verdict: 'reachable', honest: false });
  expect(reachText(found)).toContain('only with what honest hosts do not send');
});

test('where nothing arrives, everything in the way is told', () => {
  const found = reach(guarded('ip4.src == 10.0.0.12 && 0'), 'red', 'blue');
  expect(found).toMatchObject({ verdict: 'unreachable', traffic: [], sample: { inport: 'red1' } });
  expect(found.obstacles.map(({ what, flow }) => [what, flow?.row])).toEqual([
    [
      'an ACL of blue (priority 1001) denies it: reg0[9] == 1 && (outport == "blue1" && ip)',
      'ACL outport == "blue1" && ip',
    ],
  ]);
  expect(reachText(found)).toMatch(/^UNREACHABLE: no packet of a new connection gets from red to blue$/m);
});

test('what comes back to its sender gets nowhere', () => {
  expect(reach(twoNetworks(), 'blue', 'blue').verdict).toBe('unreachable');
  expect(reach(twoNetworks(), 'red', 'red').verdict).toBe('reachable');
});

test('where the flow that decides was not understood, the verdict is unknown', () => {
  const found = reach(guarded('tcp.dst == 443'), 'red', 'blue', (southbound) => ({
    ...southbound,
    flows: southbound.flows.map((flow) =>
      flow.stage === 'ls_out_acl' && flow.priority === 2002 ? { ...flow, actions: 'make_coffee;' } : flow,
    ),
  }));
  expect(found).toMatchObject({ verdict: 'unknown', traffic: [] });
  expect(found.doubts.length).toBeGreaterThan(0);
  expect(reachText(found)).toMatch(/^UNKNOWN: it is not known what gets from red to blue\nbecause .*tcp\.dst == 443/);
});
