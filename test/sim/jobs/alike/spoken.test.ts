import { describe, expect, test } from 'vitest';
import { rangesSpokenOf } from '../../../../sim/jobs/alike/spoken.ts';
import { type Policy, readPolicy } from '../../../../sim/policy/index.ts';
import { builtInProperties } from '../../../../sim/properties/index.ts';
import { openVerifier, verifyNetwork } from '../../../../sim/verifier.ts';
import { said } from '../subjects.ts';
import { compared, subjectOf, tenant } from './subjects.ts';

const policyOf = (...lines: readonly string[]): Policy => {
  const { policy, problems } = readPolicy('policy.yaml', ['lflow: 1', ...lines].join('\n'));
  if (!policy) throw new Error(problems.map(({ message }) => message).join('\n'));
  return policy;
};

describe('a policy', () => {
  test('that tells nothing but ranges of addresses speaks of these', () => {
    const policy = policyOf(
      'sets:',
      '  core: { cidr: [192.0.2.0/24, 2001:db8::/32] }',
      '  door: { cidr: 198.51.100.7 }',
      'builtin:',
      '  infrastructure-unreachable: { infrastructure: [core, door] }',
    );
    expect(rangesSpokenOf(policy)).toEqual([
      { family: 4, value: 0xc0000200n, mask: 0xffffff00n },
      { family: 6, value: 0x20010db8n << 96n, mask: 0xffffffffn << 96n },
      { family: 4, value: 0xc6336407n, mask: 0xffffffffn },
    ]);
  });

  test('that switches properties off, or excuses findings, speaks of nothing', () => {
    const policy = policyOf('builtin:', '  disable: [mtu-fits]', '  except:', '    - { id: no-loop, reason: known }');
    expect(rangesSpokenOf(policy)).toEqual([]);
  });

  test.each([
    ['names a network', 'builtin:', '  masquerade-applied: { routed: [{ network: bluenet }] }'],
    ['names a set of a port', 'sets:', '  door: { port: a }', 'builtin:', '  source-guarded: { trusted: [door] }'],
  ])('that %s speaks of more than addresses', (_, ...lines) => {
    expect(rangesSpokenOf(policyOf(...lines))).toBeUndefined();
  });
});

describe('two VPCs of one template', () => {
  const subject = () => subjectOf([...tenant('blue'), ...tenant('red')]);
  const properties = builtInProperties.filter(({ id }) => /^(infrastructure-unreachable|nat-scope)$/.test(id));
  const verified = (policy: Policy): number => {
    const verifier = openVerifier({ policy, properties });
    const found = verifier.verify(subject());
    expect(said(found)).toEqual(said(verifyNetwork(subject(), { policy, properties })));
    return verifier.last.verified;
  };

  test('are told of each other beside addresses that are neither one’s', { timeout: 120_000 }, () => {
    expect(
      verified(policyOf('builtin:', '  infrastructure-unreachable: { infrastructure: [{ cidr: 100.64.0.0/16 }] }')),
    ).toBe(1);
  });

  test('are not where an address of one is spoken of', () => {
    const blues = { family: 4, value: 0x1e1e0002n, mask: 0xffffffffn } as const;
    expect(compared(subject()).renaming).toBeDefined();
    expect(compared(subject(), [blues])).toEqual({ isSameForm: true, renaming: undefined });
  });

  test('are not where a network is named', { timeout: 120_000 }, () => {
    expect(verified(policyOf('builtin:', '  masquerade-applied: { routed: [{ network: default/bluenet }] }'))).toBe(2);
  });
});
