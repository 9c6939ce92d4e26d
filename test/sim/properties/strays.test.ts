import { expect, it } from 'vitest';
import { gatewayAnswers } from '../../../sim/properties/gateway-answers.ts';
import { strayChecks } from '../../../sim/properties/strays.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { changedView, exampleView, manifestView, rows, violationOf } from './views.ts';

const example = 'properties/gateway-answers';

it('hosts with an address of another network are told', () => {
  const view = changedView(example, (nb) => {
    for (const port of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm')) {
      port.addresses = ['0a:00:00:00:00:01 192.0.2.5'];
    }
  });
  const [check] = strayChecks(view);
  expect(check?.severity).toBe('warning');
  expect(violationOf(gatewayAnswers, view, 'net: vm').sentence).toBe(
    'vm has 192.0.2.5, which is in no network of a router of net: no router sends it anything',
  );
});

it.each([example, 'field/discard-beside-route', 'field/reply-by-another-address', 'properties/address-unique'])(
  '%s has none: they are neighbours, there is a route, or nobody routes',
  (name) => {
    expect([...strayChecks(exampleView(name, 'good'))]).toEqual([]);
  },
);

it('hosts to whose network a route leads, but not to their switch, are told', () => {
  const view = changedView('field/route-left-behind', (nb) => {
    const [pod] = rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'pod2');
    for (const row of rows(nb, 'Logical_Switch', ({ name }) => name === 'node1' || name === 'node2')) {
      const others = row.ports.filter((uuid) => uuid !== pod?._uuid);
      row.ports = row.name === 'node1' && pod ? [...others, pod._uuid] : others;
    }
  });
  expect([...strayChecks(view)].map(({ subject }) => subject)).toEqual(['node1: pod2']);
});

it('ports that are switched off are nobody', () => {
  const view = changedView(example, (nb) => {
    for (const port of rows(nb, 'Logical_Switch_Port', ({ name }) => name === 'vm')) {
      port.addresses = ['0a:00:00:00:00:01 192.0.2.5'];
      port.enabled = false;
    }
  });
  expect([...strayChecks(view)]).toEqual([]);
});

it('of manifests nothing is said', () => {
  const resources = resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/24'), vf('red-a', 2), node('n0', 'red'));
  expect([...strayChecks(manifestView(resources))]).toEqual([]);
});
