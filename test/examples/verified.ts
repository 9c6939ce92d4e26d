/** The examples that come in pairs, as `lflow verify` judges them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { readDatabase } from '../../engine/ovsdb/file.ts';
import { readNorthbound } from '../../engine/ovsdb/northbound-db.ts';
import { type Policy, readPolicy } from '../../sim/policy/index.ts';
import type { Finding } from '../../sim/verdict.ts';
import { propertiesOf, verifyNetwork } from '../../sim/verifier.ts';
import type { Pair } from './pairs.ts';

/** What is found of one of a pair's databases: by the property that the pair is about, by all of them, or by all with nothing told of the network. */
export function verified(
  pair: Pair,
  side: 'bad' | 'good',
  which: 'own' | 'all' | 'untold' = 'own',
): readonly Finding[] {
  const { northbound } = readNorthbound(readDatabase(readFileSync(join(pair.folder, `${pair[side]}.db`))));
  const { southbound } = computeSouthbound(northbound);
  const policy = which === 'untold' ? undefined : policyIn(pair.folder);
  const all = propertiesOf(policy, { today: '2026-01-01' });
  const properties = which !== 'own' ? all : all.filter(({ id }) => id === pair.expected.property);
  return verifyNetwork({ southbound, northbound }, { properties, ...(policy && { policy }) }).properties;
}

function policyIn(folder: string): Policy | undefined {
  const file = join(folder, 'policy.yaml');
  if (!existsSync(file)) return undefined;
  const { policy, problems } = readPolicy('policy.yaml', readFileSync(file, 'utf8'));
  if (!policy) throw new Error(problems.map(({ message }) => message).join('\n'));
  return policy;
}

/** The findings that a pair's property is violated, about its subject or about something of it (`gw: dnat 203.0.113.10`). */
export const violations = (findings: readonly Finding[], { property, subject = '' }: Pair['expected']): Finding[] =>
  findings.filter(
    (one) =>
      one.id === property &&
      one.verdict === 'violated' &&
      subject.split(', ').some((part) => one.subject.includes(part)),
  );

/** The findings by which a network counts as violated, or is left open. */
export const complaints = (findings: readonly Finding[]): Finding[] =>
  findings.filter(
    ({ verdict, severity, excused }) =>
      verdict === 'unknown' || (verdict === 'violated' && severity === 'error' && excused === undefined),
  );

/** Pairs that take many seconds: `npm run test:ovn` has them, and `npm test` the others. */
export const large: ReadonlySet<string> = new Set([
  'field/one-address-two-networks',
  'field/snat-is-no-firewall',
  'field/two-gateway-ports',
]);
