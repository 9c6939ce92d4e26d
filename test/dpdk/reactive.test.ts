/** A data plane and the emulated device together: which packets get rules, what the rules do, and when they go. */
import { describe, expect, test } from 'vitest';
import { createNode, type Node } from '../../engine/node/index.ts';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { capabilitiesOf } from '../../engine/offload/capabilities/index.ts';
import { withTunnels } from '../../engine/offload/reactive.ts';
import { type Loop, openLoop } from '../../engine/offload/reactive-loop.ts';
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { OffloadDevice } from '../../native/offload/index.ts';
import { masqueraded, twoNetworks } from '../networks.ts';
import { addAcl, logicalSwitch } from '../northd/topologies.ts';
import { frame, protocols, tcp, tcpFlags, udp } from '../oracle/frames.ts';
import { emulated } from './rules.ts';
import { bytesOf, hex } from './world.ts';

interface World {
  readonly node: Node;
  readonly device: OffloadDevice;
  readonly loop: Loop;
  /** Sends a frame into the device, and what it hands to software to software; tells where it came out, and by whom. */
  send(port: string, bytes: Uint8Array): Promise<string[]>;
}

const devicePorts = new Map([
  ['red1', 'pf0vf1'],
  ['red2', 'pf0vf2'],
  ['blue1', 'pf0vf3'],
  ['host', 'pf0vf1'],
]);

async function world(nb: Northbound, name = 'bluefield-3-doca-hws'): Promise<World> {
  const { southbound } = computeSouthbound(nb);
  const capabilities = capabilitiesOf(name);
  if (!capabilities) throw new Error('no such device');
  const ports = { ports: devicePorts, uplink: 'p0', tunnels: new Map() };
  const bindings = southbound.ports.filter(({ type }) => type === '').map(({ logicalPort }) => logicalPort);
  const node = createNode(withTunnels({ southbound, chassis: 'here', bindings }, ports));
  const device = await emulated(capabilities, ['p0', ...new Set(devicePorts.values())]);
  const loop = await openLoop({ node, chassis: 'here', device: ports, capabilities, hardware: device });
  return {
    node,
    device,
    loop,
    async send(port, bytes) {
      const from = devicePorts.get(port) ?? 'p0';
      const [fate] = await device.receive(from, [hex(bytes)]);
      const out: string[] = [];
      for (const { software, port: to, frame: sent } of fate?.outputs ?? []) {
        if (!software) {
          out.push(`hardware ${to} ${sent}`);
          continue;
        }
        expect([to, sent]).toEqual([from, hex(bytes)]);
        for (const each of await loop.software([{ port, frame: bytesOf(sent) }])) {
          out.push(`software ${devicePorts.get(each.port) ?? 'p0'} ${hex(each.frame)}`);
        }
      }
      return out;
    },
  };
}

const way = { src: '02:00:00:00:00:01', dst: '02:00:00:00:ff:00' };
const back = { src: '02:00:00:00:00:03', dst: '02:00:00:00:ff:01' };
const asked = (data: readonly number[] = [1]): Uint8Array =>
  frame(way, { src: '10.0.0.11', dst: '10.1.0.11' }, protocols.udp, udp(40000, 53, data));
const answered = (): Uint8Array =>
  frame(back, { src: '10.1.0.11', dst: '10.0.0.11' }, protocols.udp, udp(53, 40000, [2]));

/** Who carried it, and out of which port. */
const short = (out: readonly string[]): string[] => out.map((text) => text.split(' ').slice(0, 2).join(' '));

test('packets that no connection decides are in hardware from the second one on', async () => {
  const { send, loop } = await world(twoNetworks());
  const [first] = await send('red1', asked());
  const [second] = await send('red1', asked());
  expect(first?.split(' ')[0]).toBe('software');
  expect(second).toBe(first?.replace('software', 'hardware'));
  expect(loop.stats()).toMatchObject({ rules: 1, removed: { unused: 0, changed: 0 }, refused: 0 });
});

test('connections are in hardware once they are established, both ways', async () => {
  const nb = twoNetworks();
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'ip4 && udp', 'allow-related');
  const { send, loop } = await world(nb);
  expect(short(await send('red1', asked()))).toEqual(['software pf0vf3']);
  expect(short(await send('red1', asked()))).toEqual(['software pf0vf3']);
  expect(short(await send('blue1', answered()))).toEqual(['software pf0vf1']);
  expect(short(await send('blue1', answered()))).toEqual(['hardware pf0vf1']);
  const [software] = await send('red1', asked());
  expect(await send('red1', asked())).toEqual([software?.replace('software', 'hardware')]);
  const { indirect } = loop.ruleSet();
  expect(indirect?.map(({ connection }) => connection)).toEqual([
    {
      protocol: 'udp',
      opener: { src: '10.0.0.11', dst: '10.1.0.11', srcPort: 40000, dstPort: 53 },
      reply: { src: '10.1.0.11', dst: '10.0.0.11', srcPort: 53, dstPort: 40000 },
    },
  ]);
});

/** A TCP segment of red1 to blue1, or back; `seq` counts bytes. */
const segment = (
  from: 'red1' | 'blue1',
  flags: number,
  seq: number,
  ack: number,
  data: readonly number[] = [],
): Uint8Array =>
  from === 'red1'
    ? frame(
        way,
        { src: '10.0.0.11', dst: '10.1.0.11' },
        protocols.tcp,
        tcp({ src: 40000, dst: 80, flags, seq, ack, data }),
      )
    : frame(
        back,
        { src: '10.1.0.11', dst: '10.0.0.11' },
        protocols.tcp,
        tcp({ src: 80, dst: 40000, flags, seq, ack, data }),
      );

const { syn, ack, fin } = tcpFlags;

function filtered(): Northbound {
  const nb = twoNetworks();
  addAcl(nb, logicalSwitch(nb, 'red'), 'from-lport', 1001, 'inport == "red1" && ip4 && (tcp || udp)', 'allow-related');
  addAcl(nb, logicalSwitch(nb, 'red'), 'to-lport', 1000, 'outport == "red1" && ip4', 'drop');
  return nb;
}

/** Opens a TCP connection; all of its packets are software's. */
async function opened({ send }: World): Promise<void> {
  expect(short(await send('red1', segment('red1', syn, 1000, 0)))).toEqual(['software pf0vf3']);
  expect(short(await send('blue1', segment('blue1', syn | ack, 5000, 1001)))).toEqual(['software pf0vf1']);
  expect(short(await send('red1', segment('red1', ack, 1001, 5001)))).toEqual(['software pf0vf3']);
}

describe.each(['bluefield-3-doca-hws', 'connectx-6-dx-sws'])('connections of TCP on %s', (device) => {
  test('are in hardware between the handshake and the end, and are gone then', async () => {
    const there = await world(filtered(), device);
    await opened(there);
    const { send, loop } = there;
    expect(short(await send('red1', segment('red1', ack, 1001, 5001, [1])))).toEqual(['hardware pf0vf3']);
    expect(short(await send('blue1', segment('blue1', ack, 5001, 1002)))).toEqual(['software pf0vf1']);
    expect(short(await send('blue1', segment('blue1', ack, 5001, 1002, [2])))).toEqual(['hardware pf0vf1']);
    // Far behind all windows that software knows of.
    const far = 3_000_000;
    expect(short(await send('red1', segment('red1', ack, far, 5002, [1])))).toEqual(['hardware pf0vf3']);
    await loop.tick(1000);
    expect(short(await send('red1', segment('red1', fin | ack, far + 1, 5002)))).toEqual(['software pf0vf3']);
    expect(loop.stats().rules).toBe(0);
    expect(loop.ruleSet().indirect).toBeUndefined();
    expect(short(await send('blue1', segment('blue1', ack, 5002, far + 2)))).toEqual(['software pf0vf1']);
    expect(short(await send('blue1', segment('blue1', fin | ack, 5002, far + 2)))).toEqual(['software pf0vf1']);
    expect(short(await send('red1', segment('red1', ack, far + 2, 5003)))).toEqual(['software pf0vf3']);
  });
});

test('a connection goes on as long as hardware has packets of it, and no longer', async () => {
  const { send, loop, device } = await world(filtered());
  const bothWays = async (who: string): Promise<void> => {
    expect(short(await send('red1', asked()))).toEqual([`${who} pf0vf3`]);
    expect(short(await send('blue1', answered()))).toEqual([`${who} pf0vf1`]);
  };
  await bothWays('software');
  await bothWays('software').catch(() => undefined);
  await send('red1', asked());
  await send('blue1', answered());
  for (let i = 0; i < 12; i++) {
    await bothWays('hardware');
    await loop.tick(8000);
    await device.advance(8);
  }
  // Nobody says anything: the rules go first, the connection then.
  await device.advance(20);
  await loop.tick(6000);
  expect(loop.stats()).toMatchObject({ rules: 0, removed: { changed: 0 } });
  await loop.tick(40_000);
  expect(await send('blue1', answered())).toEqual([]);
});

test('rules go with the flows that they were made of', async () => {
  const { send, loop } = await world(twoNetworks());
  await send('red1', asked());
  expect(short(await send('red1', asked()))).toEqual(['hardware pf0vf3']);
  const closed = twoNetworks();
  addAcl(closed, logicalSwitch(closed, 'red'), 'from-lport', 1001, 'udp.dst == 53', 'drop');
  await loop.update(computeSouthbound(closed).southbound);
  expect(loop.stats()).toMatchObject({ rules: 0, removed: { changed: 1 } });
  expect(await send('red1', asked())).toEqual([]);
});

test('and stay where others change', async () => {
  const { send, loop } = await world(twoNetworks());
  await send('red1', asked());
  const more = twoNetworks();
  addAcl(more, logicalSwitch(more, 'red'), 'from-lport', 1001, 'udp.dst == 54', 'drop');
  await loop.update(computeSouthbound(more).southbound);
  await send('red1', asked([7]));
  expect(loop.stats()).toMatchObject({ rules: 1 });
});

test('source addresses are translated both ways', async () => {
  const { send, loop, node } = await world(masqueraded());
  const out = { src: '02:00:00:00:00:01', dst: '02:00:00:00:ff:01' };
  const home = { src: '02:00:00:00:aa:01', dst: '02:00:00:00:ff:02' };
  const query = frame(out, { src: '10.0.0.11', dst: '8.8.8.8' }, protocols.udp, udp(40000, 53, [1]));
  const answer = frame(home, { src: '8.8.8.8', dst: '30.30.0.2' }, protocols.udp, udp(53, 40000, [2]));
  node.learn({ macBindings: [{ logicalPort: 'gateway-outside', ip: '30.30.0.1', mac: home.src, since: 0 }], fdb: [] });
  expect(short(await send('host', query))).toEqual(['software p0']);
  const [software] = await send('wire', answer);
  expect(software?.split(' ').slice(0, 2)).toEqual(['software', 'pf0vf1']);
  expect(await send('wire', answer)).toEqual([software?.replace('software', 'hardware')]);
  const [asked] = await send('host', query);
  expect(await send('host', query)).toEqual([asked?.replace('software', 'hardware')]);
  expect(loop.ruleSet().indirect?.map(({ connection }) => connection)).toEqual([
    {
      protocol: 'udp',
      opener: { src: '10.0.0.11', dst: '8.8.8.8', srcPort: 40000, dstPort: 53 },
      reply: { src: '8.8.8.8', dst: '30.30.0.2', srcPort: 53, dstPort: 40000 },
    },
  ]);
  // The router outside has another address now.
  node.learn({
    macBindings: [{ logicalPort: 'gateway-outside', ip: '30.30.0.1', mac: '02:00:00:00:aa:02', since: 1 }],
    fdb: [],
  });
  await loop.tick(1000);
  const [elsewhere] = await send('host', query);
  expect(elsewhere?.split(' ')[2]?.slice(0, 12)).toBe('02000000aa02');
  expect(loop.stats().removed.changed).toBeGreaterThan(0);
});

test('what the device refuses stays in software', async () => {
  const { send, loop, device } = await world(twoNetworks());
  await device.failAt(1);
  expect(short(await send('red1', asked()))).toEqual(['software pf0vf3']);
  expect(short(await send('red1', asked()))).toEqual(['software pf0vf3']);
  expect(loop.stats()).toMatchObject({ rules: 0, refused: 1 });
  await loop.tick(11_000);
  await send('red1', asked());
  expect(short(await send('red1', asked()))).toEqual(['hardware pf0vf3']);
});

test('a device that matches few words keeps connections in software', async () => {
  const there = await world(filtered(), 'connectx-6-dx-hws');
  await opened(there);
  expect(short(await there.send('red1', segment('red1', ack, 1001, 5001, [1])))).toEqual(['software pf0vf3']);
  expect(there.loop.stats()).toMatchObject({ rules: 0, kept: { 'match-too-wide': 2 } });
});

test('the device has nothing of it when it is closed', async () => {
  const there = await world(filtered(), 'connectx-6-dx-sws');
  await opened(there);
  expect((await there.device.list()).length).toBeGreaterThan(2);
  await there.loop.close();
  expect(await there.device.list()).toEqual([]);
  expect((await there.device.shared()).indirect).toEqual([]);
});

test('rules of somebody else are left alone', async () => {
  const { node, device, loop } = await world(twoNetworks());
  await loop.close();
  await device.create([{ group: 0, priority: 0, pattern: [{ type: 'eth' }], actions: [{ type: 'drop' }] }]);
  const capabilities = capabilitiesOf('bluefield-3-doca-hws');
  if (!capabilities) throw new Error('no such device');
  const ports = { ports: devicePorts, uplink: 'p0', tunnels: new Map() };
  const options = { node, chassis: 'here', device: ports, capabilities, hardware: device };
  await expect(openLoop(options)).rejects.toThrow('the device has 1 rules of somebody else');
});
