/** Counterexamples beside the real ovn-trace: what is shown can be pasted there, with its options, and ends where it is said to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nbctlScript } from '../../engine/ovsdb/nbctl.ts';
import { openAnswers } from '../../sim/answers/index.ts';
import type { Counterexample } from '../../sim/verdict.ts';
import { analysed, hostToOutside, masqueraded, redToBlue, twoNetworks } from '../networks.ts';
import { addAcl, logicalSwitch } from '../northd/topologies.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

/** What ovn-trace says of it, once its neighbours are known there. */
async function traced({ microflow, traceOptions = [], neighbors = [] }: Counterexample): Promise<string> {
  const macBindings = neighbors.map((text) => {
    const [logicalPort = '', ip = '', mac = ''] = text.split(' ');
    return { logicalPort, ip, mac };
  });
  await central.learn({ macBindings, fdb: [] });
  const { status, stdout, stderr } = await central.trace([...traceOptions, '--minimal', microflow]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

test('a packet through stateful ACLs arrives with the options that are shown', async () => {
  const nb = twoNetworks();
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'inport == "red1" && ip4', 'allow-related');
  addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'tcp.dst == 443 || udp', 'allow-related');
  addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1000, 'ip4', 'drop');
  const { analysis, arriving, usual, port } = analysed(nb);
  await central.load(nbctlScript(nb));
  for (const [proto, more] of [
    [6, { 'tcp.flags': 2 }],
    [17, {}],
  ] as const) {
    const packets = usual({ ...redToBlue, inport: port('red1').number, 'ip.proto': proto, 'tp.dst': 443, ...more });
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(packets, 'blue1'),
      sentence: 'x',
    });
    expect(counterexample?.traceOptions?.length).toBeGreaterThan(0);
    expect(counterexample && (await traced(counterexample))).toContain('output("blue1")');
  }
});

test('a packet that leaves translated does so with the neighbours that are shown', async () => {
  const nb = masqueraded();
  const { analysis, arriving, usual, port } = analysed(nb);
  await central.load(nbctlScript(nb));
  const packets = usual({
    ...hostToOutside,
    inport: port('host').number,
    'ip.proto': 1,
    'icmp.type': 8,
    'icmp.code': 0,
  });
  const { counterexample } = openAnswers(analysis).explain({
    kind: 'goes',
    ...arriving(packets, 'wire'),
    sentence: 'x',
  });
  expect(counterexample && (await traced(counterexample))).toContain('output("wire")');
});

test('all kinds of packets are microflows that ovn-trace takes', async () => {
  const nb = twoNetworks();
  const { analysis, arriving, is, both, port, space } = analysed(nb);
  await central.load(nbctlScript(nb));
  const kinds = [
    both(is('eth.type', 0x806), is('arp.op', 2)),
    both(is('eth.type', 0x86dd), is('ip.proto', 58), is('icmp.type', 135), is('icmp.code', 0), is('ip.ttl', 255)),
    both(is('eth.type', 0x86dd), is('ip.proto', 17), is('ip6.label', 77)),
    both(is('eth.type', 0x800), is('ip.proto', 132)),
    both(is('eth.type', 0x800), is('ip.proto', 6), is('ip.frag', 3)),
    both(is('eth.type', 0x800), is('ip.proto', 47)),
    is('eth.type', 0x88cc),
    is('pkt.mark', 7),
  ];
  const toRed2 = both(is('inport', port('red1').number), is('eth.dst', 0x020000000002));
  for (const kind of kinds) {
    const packets = space.and(kind, toRed2);
    const { counterexample } = openAnswers(analysis).explain({
      kind: 'goes',
      ...arriving(packets, 'red2'),
      sentence: 'x',
    });
    expect(counterexample?.replayed.tracer).toBe(true);
    expect(counterexample && (await traced(counterexample)), counterexample?.microflow).toContain('output("red2")');
  }
});
