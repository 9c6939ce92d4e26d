import { expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import { insertRow } from '../../../engine/ovsdb/northbound.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { addPort, addSwitch, northbound } from '../../northd/router/build.ts';
import { logicalSwitch } from '../../northd/topologies.ts';

/** Where new packets to a group's MAC address come out, of a switch with hosts a and b beside one with c. */
function comesOut(members: string[]): string[] {
  const nb = northbound();
  addSwitch(nb, 's');
  addSwitch(nb, 't');
  for (const [index, name] of ['a', 'b'].entries()) addPort(nb, 's', name, [`02:00:00:00:00:0${index + 1}`]);
  addPort(nb, 't', 'c', ['02:00:00:00:00:03']);
  const row = { name: 'f', vip: '10.0.0.99', vmac: '02:00:00:00:00:99', child_port: members };
  logicalSwitch(nb, 's').forwarding_groups.push(insertRow(nb, 'Forwarding_Group', 'f', row)._uuid);
  const { southbound } = computeSouthbound(nb);
  const isGroup = (actions: string): boolean => actions.startsWith('fwd_group(');
  expect(southbound.flows.some(({ actions }) => isGroup(actions))).toBe(true);
  const others = southbound.flows.filter(({ stage, actions }) => stage !== 'ls_in_l2_lkup' || isGroup(actions));
  const { classes } = analyse(networkOf({ ...southbound, flows: others }));
  const ports = classes.flatMap(({ end }) => (end.kind === 'port' ? end.port.name : []));
  return [...new Set(ports)].sort();
}

test('a forwarding group sends to any of its ports', () => {
  expect(comesOut(['a', 'b'])).toEqual(['a', 'b']);
});

test('one with a port of another switch, or with one that there is not, sends nowhere', () => {
  expect(comesOut(['a', 'c'])).toEqual([]);
  expect(comesOut(['c'])).toEqual([]);
  expect(comesOut(['a', 'nobody'])).toEqual([]);
});
