/** Reasons that no flow of a running switch has are given by plans of examples. */
import { expect, test, vi } from 'vitest';
import { loadSubject } from '../../cli/offload/subject.ts';
import { parseActions } from '../../engine/lang/index.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { reasonsOf } from '../../sim/offload/work.ts';

vi.setConfig({ testTimeout: 120_000 });

test.each([
  ['examples/offload/load-balancer/network.db', 'worker1', 'bluefield-3-doca-hws', ['ecmp', 'not-modelled']],
  ['examples/offload/arp/network.db', 'worker1', 'connectx-6-dx-hws', ['match-too-wide']],
])('%s on %s, %s', async (input, node, device, codes) => {
  const subject = await loadSubject([input], { node, device, uplink: 'p0', port: [] });
  const given = planOffload(subject).traffic.flatMap(({ reasons }) => reasons.map(({ code }) => code));
  expect(given).toEqual(expect.arrayContaining(codes));
});

test('an ACL that logs', () => {
  const list = parseActions('log(name="web", severity=info, verdict=allow);', { pipeline: 'ingress', table: 8 });
  const flow = {
    uuid: 'f',
    stage: 'ls_in_acl',
    match: '1',
    actions: '',
    priority: 1,
    table: 8,
    datapath: 'd',
    source: '',
  };
  const reasons = reasonsOf(list, { ...flow, pipeline: 'ingress' });
  expect(reasons).toEqual([
    { code: 'log', detail: 'the flow of ls_in_acl writes a line to the log', stage: 'ls_in_acl', flow: 'f' },
  ]);
});
