import { expect, test } from 'vitest';
import { compareFlows, type Flow } from './compare.ts';

const base: Flow = {
  datapath: 'net',
  pipeline: 'ingress',
  table: 0,
  stage: 'ls_in_check_port_sec',
  priority: 50,
  match: '1',
  actions: 'next;',
  source: 'northd.c:1',
  hint: '01234567',
};

test('equal in any order', () => {
  const other = { ...base, match: 'ip4' };
  expect(compareFlows([base, other], [other, base])).toBe('');
});

test.each<Partial<Flow>>([
  { datapath: 'other' },
  { pipeline: 'egress' },
  { table: 1 },
  { stage: 'ls_in_l2_lkup' },
  { priority: 51 },
  { match: 'ip' },
  { actions: 'drop;' },
  { source: 'northd.c:2' },
  { hint: '76543210' },
  { controllerMeter: 'm' },
])('sees a difference in %o', (change) => {
  expect(compareFlows([base], [{ ...base, ...change }])).not.toBe('');
});

test('counts how often a flow is there', () => {
  expect(compareFlows([base, base], [base])).toContain('1 flows missing, 0 too many');
  expect(compareFlows([base], [base, base])).toContain('0 flows missing, 1 too many');
});

test('a flow that two datapaths share has the source of one of them', () => {
  const one = { ...base, source: 'northd.c:1' };
  const other = { ...base, datapath: 'other', source: 'northd.c:2' };
  expect(compareFlows([one, { ...other, source: 'northd.c:1' }], [one, other])).toBe('');
  expect(compareFlows([one, { ...other, source: 'northd.c:3' }], [one, other])).not.toBe('');
});

test('shows a missing flow beside the one that stands in its place', () => {
  expect(compareFlows([base], [{ ...base, actions: 'drop;' }])).toBe(
    [
      'datapath "net": 1 flows missing, 1 too many',
      '  missing  ingress table=0 (ls_in_check_port_sec), priority=50, match=(1), action=(next;), source=northd.c:1, hint=01234567',
      '  instead  ingress table=0 (ls_in_check_port_sec), priority=50, match=(1), action=(drop;), source=northd.c:1, hint=01234567',
    ].join('\n'),
  );
});
