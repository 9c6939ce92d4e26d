/** Rules in the form of dpctl/dump-flows: Open vSwitch's own parser takes them. */
import { expect, test } from 'vitest';
import { loadSubject } from '../../cli/offload/subject.ts';
import { planText } from '../../engine/offload/plan-text.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { startPeer } from '../oracle/packet-peer.ts';
import { startCentral } from '../oracle/sandbox.ts';

/** What the parser does not read though Open vSwitch prints it so, or reads otherwise. */
function asTyped(actions: string): string {
  return actions
    .replaceAll('dec_ttl(le_1(drop)),', '')
    .replaceAll(/recirc\(0x([0-9a-f]+)\)/g, (_, group: string) => `recirc(${Number.parseInt(group, 16)})`)
    .replaceAll(/(^|,)(pf\d+vf\d+|p0|genev_sys_6081)(?=,|$)/g, '$11');
}

test.each([
  ['examples/two-networks.yaml', 'testnet1-1'],
  ['examples/offload/mtu-check/network.db', 'worker1'],
])(
  '%s',
  async (input, node) => {
    const subject = await loadSubject([input], {
      node,
      device: 'bluefield-3-doca-hws',
      uplink: 'p0',
      port: ['a=pf0vf1'].filter(() => input.endsWith('.db')),
    });
    const lines = planText(planOffload(subject), 'dump-flows').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(20);
    const central = await startCentral();
    try {
      const peer = await startPeer(central);
      await peer.appctl('dpctl/add-dp', 'dummy@rules');
      const ports = ['genev_sys_6081', 'p0', ...subject.device.ports.values()];
      await peer.appctl('dpctl/add-if', 'dummy@rules', ...ports.map((name) => `${name},type=dummy`));
      const answerTo = (flow: string, actions: string): Promise<string> =>
        peer.appctl('dpctl/add-flow', 'dummy@rules', flow, actions).catch(String);
      for (const line of lines) {
        const [, flow = '', actions = ''] = /^(.*), packets:0, .* actions:(.*)$/.exec(line) ?? [];
        // What it has understood the datapath for tests may refuse all the same.
        expect(await answerTo(flow, asTyped(actions)), line).not.toMatch(/parsing (flow key|actions)/);
      }
      expect(await answerTo('in_port(p0),eth(nonsense)', 'drop')).toMatch(/parsing flow key/);
      expect(await answerTo('in_port(p0),eth()', 'nonsense')).toMatch(/parsing actions/);
      await peer.stop();
    } finally {
      await central.stop();
    }
  },
  200_000,
);
