/** What a real Open vSwitch prints of its flows is read whole, in both forms, and explained by the same reasons. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { judgeFlow, readDatapathFlows } from '../../engine/offload/datapath-flows.ts';
import { frame, icmp, protocols, tcp, tcpFlags, udp, whoHas } from '../oracle/frames.ts';
import { peerChassis, startPeer } from '../oracle/packet-peer.ts';
import { startCentral } from '../oracle/sandbox.ts';

const script = readFileSync(
  fileURLToPath(new URL('../../examples/offload/ping-through-acls/network.nbctl', import.meta.url)),
  'utf8',
).replaceAll(/worker\d/g, peerChassis);

const [a, b] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02'];
const ip = { src: '10.0.0.11', dst: '10.0.0.12' };
const link = { src: a, dst: b };

test('TCP, UDP, ping and ARP behind stateful ACLs', async () => {
  const central = await startCentral();
  try {
    await central.load(script);
    const peer = await startPeer(central);
    await peer.bind(['a', 'b']);
    await peer.ready();
    const syn = tcp({ src: 40000, dst: 80, flags: tcpFlags.syn });
    const sent = [
      frame(link, ip, protocols.tcp, syn),
      frame(link, ip, protocols.udp, udp(5000, 53)),
      frame(link, ip, protocols.icmp, icmp(8, 0, 1)),
      frame(link, { ...ip, fragment: 0x2000 }, protocols.udp, udp(5000, 53)),
      whoHas({ mac: a, ip: ip.src }, ip.dst),
    ];
    for (const bytes of sent) await peer.send('a', bytes);
    const [long, short] = [await peer.appctl('dpctl/dump-flows', '-m'), await peer.appctl('dpctl/dump-flows')];
    await peer.stop();
    const [detailed, brief] = [readDatapathFlows(long), readDatapathFlows(short)];
    expect([detailed.problems, brief.problems]).toEqual([[], []]);
    expect(detailed.flows.length).toBeGreaterThan(5);
    expect(brief.flows).toHaveLength(detailed.flows.length);
    const codes = ({ flows }: typeof brief) =>
      flows.map((flow) => {
        const { reasons } = judgeFlow(flow);
        return reasons.map(({ code }) => code).filter((code) => code !== 'device-setup');
      });
    // A flow is the same in both forms; their order may differ.
    const sorted = (lists: string[][]) => lists.map((list) => list.join()).sort();
    expect(sorted(codes(detailed))).toEqual(sorted(codes(brief)));
    expect(codes(detailed).flat()).toEqual(expect.arrayContaining(['ct-icmp', 'ct-new', 'arp-nd', 'fragment']));
    for (const flow of detailed.flows) expect(judgeFlow(flow).place).toBe('software');
    for (const flow of brief.flows) expect(judgeFlow(flow).place).toBeUndefined();
  } finally {
    await central.stop();
  }
});
