/** What is broken in parts that are alike: one is followed, and the others show it with packets of their own. */
import { describe, expect, test } from 'vitest';
import type { NorthboundRow } from '../../../../engine/ovsdb/northbound.ts';
import { isShown } from '../../../../sim/jobs/alike/shown.ts';
import type { Subject } from '../../../../sim/jobs/parts.ts';
import type { Finding, Verification } from '../../../../sim/verdict.ts';
import { openVerifier } from '../../../../sim/verifier.ts';
import { bothWays } from '../both-ways.ts';
import { rowNamed, subjectOf, tenant } from './subjects.ts';

type Port = NorthboundRow<'Logical_Switch_Port'>;

const tenants = ['blue', 'green', 'red'];

/** Three VPCs that are alike, with a port of each that is another one. */
const changed = (change: (port: Port) => Partial<Port>): Subject =>
  subjectOf(tenants.flatMap(tenant), (northbound) => {
    for (const name of tenants) {
      const row = rowNamed(northbound.Logical_Switch_Port, `default/${name}net-vf0@${name}-1`);
      (northbound.Logical_Switch_Port as Map<string, Port>).set(row._uuid, { ...row, ...change(row) });
    }
  });

const broken = ({ properties }: Pick<Verification, 'properties'>): Finding[] =>
  properties.filter(({ verdict }) => verdict === 'violated');

/** What is said of them, but for the packet that shows it. */
const claims = ({ properties }: Pick<Verification, 'properties'>) =>
  properties.map(({ id, subject, verdict, severity }) => ({ id, subject, verdict, severity }));

describe('parts that are broken alike', () => {
  test('by packets that arrive: one is followed, and each shows its own', { timeout: 300_000 }, () => {
    const subject = changed(() => ({ port_security: [] }));
    const verifier = openVerifier();
    const found = verifier.verify(subject);
    expect(verifier.last).toEqual({ parts: 3, verified: 1 });
    const { parts } = bothWays(subject);
    expect(claims(found)).toEqual(claims(parts));
    expect(broken(found).map(({ reason }) => reason)).toEqual(broken(parts).map(({ reason }) => reason));
    const shown = broken(found).filter(({ id }) => id === 'source-guarded');
    expect(shown.map(({ subject: about }) => about)).toEqual(tenants.map((name) => `default/${name}net`));
    for (const [index, { counterexample, source }] of shown.entries()) {
      expect(counterexample?.replayed).toEqual({ tracer: true, plane: true });
      expect(counterexample?.inport).toContain(`${tenants[index]}net-vf0`);
      expect(source.length).toBeGreaterThan(0);
    }
  });

  test('by what flows say, without a packet: each is followed', { timeout: 300_000 }, () => {
    const subject = changed(() => ({ enabled: false }));
    const verifier = openVerifier();
    const found = verifier.verify(subject);
    expect(verifier.last).toEqual({ parts: 3, verified: 3 });
    expect(broken(found).map(({ id }) => id)).toContain('ambiguous-flows');
    expect(claims(found)).toEqual(claims(bothWays(subject).parts));
  });
});

test('packets that do not arrive show it as well, or each is followed', { timeout: 300_000 }, () => {
  const withoutRoutes = subjectOf(tenants.flatMap(tenant), (northbound) => {
    const routers = northbound.Logical_Router as Map<string, NorthboundRow<'Logical_Router'>>;
    for (const row of routers.values()) routers.set(row._uuid, { ...row, static_routes: [] });
  });
  for (const subject of [withoutRoutes, changed(() => ({ dhcpv4_options: undefined }))]) {
    const found = openVerifier().verify(subject);
    const { parts } = bothWays(subject);
    expect(claims(found)).toEqual(claims(parts));
    expect(broken(found).map(({ reason }) => reason)).toEqual(broken(parts).map(({ reason }) => reason));
  }
});

test('only what was seen is shown elsewhere', () => {
  const finding = (tracer: boolean, plane: boolean | 'not run'): Finding => ({
    ...({ id: 'x', subject: 'y', severity: 'error', verdict: 'violated', method: 'proof', source: [] } as const),
    counterexample: { inport: 'a', frame: '', microflow: '', summary: '', trace: '', replayed: { tracer, plane } },
  });
  expect(isShown(finding(true, true))).toBe(true);
  expect(isShown(finding(true, 'not run'))).toBe(true);
  expect(isShown(finding(true, false))).toBe(false);
  expect(isShown(finding(false, true))).toBe(false);
  expect(isShown({ ...finding(true, true), verdict: 'unknown' })).toBe(false);
  const { counterexample: _, ...written } = finding(true, true);
  expect(isShown(written)).toBe(false);
});
