/** A verifier that is asked again: what it knows of before. */
import { expect, test } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import type { NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { openVerifier, type Subject, verifyNetwork } from '../../sim/verifier.ts';
import { network, node, resourcesOf, vf, vpc } from '../topology.ts';
import { cheap, said, twoVpcManifests } from './jobs/subjects.ts';

function subjectOf(manifests: readonly object[]): Subject {
  const plans = planTopology(resourcesOf(...manifests));
  const northbound = northboundOfPlan(plans);
  return { southbound: computeSouthbound(northbound).southbound, northbound, plans };
}

const alone = (interfaces: number): Subject =>
  subjectOf([
    vpc('red'),
    network('rednet', 'red', '10.0.0.0/24'),
    ...Array.from({ length: interfaces }, (_, index) => vf('rednet', index)),
    node('n0', 'red'),
  ]);

/** The same with the last port of a host changed. */
function withPort(
  { northbound, ...rest }: Subject,
  change: (row: NorthboundRow<'Logical_Switch_Port'>) => Partial<NorthboundRow<'Logical_Switch_Port'>>,
): Subject {
  const row = [...(northbound?.Logical_Switch_Port.values() ?? [])].findLast(({ type }) => type === '');
  if (!northbound || !row) throw new Error('there is no port of a host');
  const table = new Map(northbound.Logical_Switch_Port).set(row._uuid, { ...row, ...change(row) });
  const changed = { ...northbound, Logical_Switch_Port: table };
  return { ...rest, southbound: computeSouthbound(changed).southbound, northbound: changed };
}

test('of a network of one part nothing is followed that was there before, whatever was found', {
  timeout: 300_000,
}, () => {
  const verifier = openVerifier({ isRepeated: true });
  const states = [alone(2), withPort(alone(2), () => ({ port_security: [] })), alone(3)] as const;
  const fresh = states.map((one) => said(verifyNetwork(one)));
  expect(fresh.map(({ verdict }) => verdict)).toEqual(['holds', 'violated', 'holds']);
  const asked = [0, 1, 0, 1, 2, 1, 0, 2] as const;
  const followed = asked.map((state) => {
    expect(said(verifier.verify(states[state]))).toEqual(fresh[state]);
    return verifier.last;
  });
  expect(followed).toEqual([1, 1, 0, 0, 1, 0, 0, 0].map((verified) => ({ parts: 1, verified })));
});

test('nor where what differed concerned all parts', { timeout: 300_000 }, () => {
  const states = [true, false].map((interNetworkAccess) =>
    subjectOf([
      vpc('red', { interNetworkAccess }),
      ...['one', 'other'].map((name, index) => network(name, 'red', `10.0.${index}.0/24`)),
      ...['one', 'other'].map((name, index) => vf(name, index)),
      node('n0', 'red'),
    ]),
  );
  const verifier = openVerifier({ properties: cheap, isRepeated: true });
  const followed = [0, 1, 0, 0, 1].map((state) => {
    const subject = states[state] as Subject;
    expect(said(verifier.verify(subject))).toEqual(said(verifyNetwork(subject, { properties: cheap })));
    return verifier.last.verified;
  });
  expect(followed).toEqual([1, 1, 0, 0, 0]);
});

test('whose part differs from one that was there before by a MAC address is told by that one', {
  timeout: 300_000,
}, () => {
  const { plans: _, ...database } = alone(2);
  const renumbered = (mac: string): Subject => {
    const own = (text: string): string => text.replace(/^\S+/, mac);
    return withPort(database, ({ addresses, port_security: secured }) => ({
      addresses: addresses.map(own),
      port_security: secured.map(own),
    }));
  };
  const verifier = openVerifier({ properties: cheap, isRepeated: true });
  const found = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'].map((mac) => {
    const subject = renumbered(mac);
    expect(said(verifier.verify(subject))).toEqual(said(verifyNetwork(subject, { properties: cheap })));
    return verifier.last.verified;
  });
  expect(found).toEqual([1, 0]);
});

test('of several parts only those are followed that were never so', { timeout: 300_000 }, () => {
  const states = [0, 1, 2].map((interfaces) => subjectOf(twoVpcManifests(interfaces)));
  const verifier = openVerifier();
  const followed = [1, 2, 1, 0, 2, 1].map((state) => {
    const subject = states[state] as Subject;
    expect(said(verifier.verify(subject))).toEqual(said(verifyNetwork(subject)));
    return verifier.last.verified;
  });
  expect(followed.slice(2)).toEqual([0, 1, 0, 0]);
});
