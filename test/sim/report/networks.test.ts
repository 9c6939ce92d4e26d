import { expect, test } from 'vitest';
import {
  networksConclusion,
  networksJson,
  networksJunit,
  networkText,
  verdictOfAll,
} from '../../../sim/report/index.ts';
import type { Finding, Verdict, Verification } from '../../../sim/verdict.ts';

const finding = (verdict: Verdict, more: Partial<Finding> = {}): Finding => ({
  ...{ id: 'no-loop', subject: 'red', severity: 'error', verdict, method: 'proof', source: [] },
  ...(verdict === 'holds' ? {} : { reason: 'packets go round' }),
  ...more,
});

const network = (name: string, verdict: Verdict, ...properties: Finding[]) => {
  const topology = { vpcs: 1, networks: 1, interfaces: 2, nodes: 1, logicalFlows: 9 };
  const verification: Verification = { verdict, topology, properties, elapsedMs: 1234 };
  return { name, verification };
};

const good = network('a.yaml', 'holds', finding('holds'), finding('violated', { severity: 'warning' }));
const bad = network('b.db', 'violated', finding('holds'), finding('violated'), finding('unknown'));
const excused = network(
  'c.db',
  'holds',
  finding('violated', { excused: { reason: 'it is old', until: '2030-01-01' } }),
);

test('a network is a line, and one for each promise that is broken or open', () => {
  expect(networkText(good)).toBe('holds     a.yaml: 1 hold (1.2 s)\n');
  expect(networkText(excused)).toBe('holds     c.db: 0 hold (1.2 s)\n');
  expect(networkText(bad)).toBe(
    [
      'violated  b.db: 1 hold, 1 violated, 1 unknown (1.2 s)',
      '    violated: no-loop, red: packets go round',
      '    unknown: no-loop, red: packets go round',
      '',
    ].join('\n'),
  );
});

test('of all networks the worst counts', () => {
  const open = network('d.db', 'unknown', finding('unknown'));
  expect(verdictOfAll([good, open])).toBe('unknown');
  expect(verdictOfAll([good, open, bad])).toBe('violated');
  expect(verdictOfAll([good])).toBe('holds');
  expect(verdictOfAll([network('e', 'vacuous')])).toBe('vacuous');
  expect(networksConclusion([good, excused, bad, open])).toBe('4 networks: 2 hold, 1 violated, 1 unknown.\n');
});

test('programs get all of them', () => {
  const { verdict, networks } = JSON.parse(networksJson([good, bad]));
  expect(verdict).toBe('violated');
  expect(networks).toEqual([
    { name: 'a.yaml', ...good.verification },
    { name: 'b.db', ...bad.verification },
  ]);
});

const lost = { name: 'e.yaml', problem: 'e.yaml:1:1: <it> is no resource' };

test('a network that could not be read is counted, and no verdict', () => {
  expect(networksConclusion([good], [lost])).toBe('2 networks: 1 hold, 1 could not be verified.\n');
  expect(JSON.parse(networksJson([good], [lost]))).toMatchObject({ verdict: 'holds', unread: [lost] });
  const text = networksJunit([good], { properties: [] }, [lost]);
  expect(text).toContain('<testsuite name="input" package="e.yaml" tests="1" failures="0" errors="1"');
  expect(text).toContain('e.yaml:1:1: &lt;it&gt; is no resource');
});

test('build servers get a package a network, with the suites that its report has by itself', () => {
  const text = networksJunit([good, bad], { properties: [{ id: 'no-loop', promise: 'nothing goes round' }] });
  expect(text.match(/<testsuite /g)).toHaveLength(2);
  expect(text).toContain('<testsuite name="no-loop" package="a.yaml" tests="2" failures="0"');
  expect(text).toContain('<testsuite name="no-loop" package="b.db" tests="3" failures="1" errors="1"');
  expect(text.match(/<\/?testsuites/g)).toHaveLength(2);
});
