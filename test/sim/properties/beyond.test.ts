import { expect, it } from 'vitest';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { misled } from '../../../sim/properties/beyond.ts';
import { nextHopValid } from '../../../sim/properties/next-hop-valid.ts';
import { exampleView, rows, violationOf } from './views.ts';

const example = 'field/cluster-services';

const told = (...beyond: string[]): string => `lflow: 1
builtin:
  next-hop-valid:
    beyond:
${beyond.map((text) => `      - { ${text} }`).join('\n')}
`;

const services = 'cidr: 10.96.0.0/16, by: 172.18.0.2';
const world = 'cidr: 0.0.0.0/0, by: 172.18.0.1';

const sentenceOf = (...beyond: string[]): string =>
  violationOf(nextHopValid, exampleView(example, 'good', told(...beyond)), 'gw').sentence;

it('routes lead to the neighbours who are told to know the way', () => {
  const [check] = nextHopValid.checks(exampleView(example, 'good', told(services, world)));
  expect(check?.judge().verdict).toBe('holds');
});

it('they do not, where another neighbour is told', () => {
  expect(sentenceOf('cidr: 10.96.0.0/16, by: 172.18.0.1', world)).toBe(
    'the route to 10.96.0.0/16 by 172.18.0.2 leads elsewhere than the policy says: 10.96.0.0/16 is behind 172.18.0.1',
  );
});

it('what is told of the longest prefix counts, and the route with the longest prefix is taken', () => {
  expect(sentenceOf(services, 'cidr: 10.98.0.0/16, by: [172.18.0.2, 172.18.0.9]', world)).toBe(
    'the route to 0.0.0.0/0 by 172.18.0.1 leads elsewhere than the policy says: 10.98.0.0/16 is behind 172.18.0.2, 172.18.0.9',
  );
});

it('a network that no route leads to is missed', () => {
  const { northbound } = exampleView(example, 'good', told(services));
  const ports = rows(northbound as Northbound, 'Logical_Router_Port', () => true);
  const beyond = [{ networks: [prefix(10n << 24n, 8)], by: [prefix(0xac120002n, 32)], at }];
  expect(misled({ ports, routes: [], hasNeighbor: () => false }, beyond)).toEqual({
    fault: '10.0.0.0/8 is behind 172.18.0.2, and no route leads there',
  });
});

it('routers without such a neighbour are not spoken of, nor networks that a router is in', () => {
  const [one] = nextHopValid.checks(
    exampleView(example, 'good', told('cidr: 10.96.0.0/16, by: 192.0.2.1', 'cidr: 172.18.7.0/24, by: 172.18.0.9')),
  );
  expect(one?.judge().verdict).toBe('holds');
});

it('a host on the switch is a neighbour, in whatever network', () => {
  const text = told('cidr: 10.10.10.11, by: 10.10.10.11', 'cidr: 10.10.10.12, by: 10.10.10.12');
  expect(violationOf(nextHopValid, exampleView('field/discard-beside-route', 'good', text), 'lr').sentence).toBe(
    'the route to 10.10.10.0/24 by discard leads elsewhere than the policy says: 10.10.10.12 is behind 10.10.10.12',
  );
});

const at = { file: 'policy.yaml', line: 1, column: 1 };
const prefix = (value: bigint, length: number) => ({ family: 4 as const, value, length, text: '' });
