/**
 * A machine that moves, on two real chassis and on two of lflow's: with `activation-strategy=rarp` its port on the
 * chassis that it moves to is shut until it sends RARP from there.
 */
import { expect, test } from 'vitest';
import { createFleet } from '../../engine/node/index.ts';
import { placementOf } from '../../engine/program/index.ts';
import { connectUnderlay, joined, type Member, underlay } from '../oracle/fabric.ts';
import { broadcast, frame, protocols, rawFrame, udp, zeros } from '../oracle/frames.ts';
import { startPeer } from '../oracle/packet-peer.ts';
import { withCentral } from '../oracle/sandbox.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { northboundOfCentral } from './plane/scene.ts';
import { fixedTunnelKeys } from './plane/tunnels.ts';

const northbound = `
set -eu
ovn-nbctl set nb_global . options:mac_prefix=0a:00:00 options:svc_monitor_mac=0a:00:00:00:00:01
ovn-nbctl ls-add a -- lsp-add a still -- lsp-set-addresses still "02:00:00:00:01:01 10.0.1.1"
ovn-nbctl lsp-add a near -- lsp-set-addresses near "02:00:00:00:01:02 10.0.1.2"
ovn-nbctl lsp-add a moving -- lsp-set-addresses moving "02:00:00:00:01:03 10.0.1.3"
ovn-nbctl lsp-set-options moving requested-chassis=left,right activation-strategy=rarp
`;

const host = (n: number) => ({ mac: `02:00:00:00:01:0${n}`, ip: `10.0.1.${n}` });
const datagram = (from: number, to: number): Uint8Array =>
  frame(
    { src: host(from).mac, dst: host(to).mac },
    { src: host(from).ip, dst: host(to).ip },
    protocols.udp,
    udp(4000, 5000, [1, 2, 3]),
  );
const toAll = rawFrame({ src: host(1).mac, dst: broadcast }, 0x9000, zeros(46));
const rarp = rawFrame({ src: host(3).mac, dst: broadcast }, 0x8035, [0, 1, 8, 0, 6, 4, 0, 3, ...zeros(38)]);

const ports = { left: ['still', 'moving'], right: ['near', 'moving'] };
type Place = keyof typeof ports;

/** Where frames come in; what is learned from one is waited for. */
const steps: readonly { at: Place; port: string; frame: Uint8Array; isTaught?: boolean }[] = [
  { at: 'left', port: 'still', frame: datagram(1, 3) },
  { at: 'left', port: 'still', frame: toAll },
  { at: 'right', port: 'near', frame: datagram(2, 3) },
  { at: 'right', port: 'moving', frame: datagram(3, 1) },
  { at: 'right', port: 'moving', frame: datagram(3, 2) },
  { at: 'left', port: 'moving', frame: datagram(3, 2) },
  { at: 'left', port: 'moving', frame: rarp, isTaught: true },
  { at: 'right', port: 'moving', frame: datagram(3, 1) },
  { at: 'right', port: 'moving', frame: rarp, isTaught: true },
  { at: 'left', port: 'still', frame: datagram(1, 3) },
  { at: 'left', port: 'still', frame: toAll },
  { at: 'right', port: 'near', frame: datagram(2, 3) },
  { at: 'right', port: 'moving', frame: datagram(3, 1) },
  { at: 'left', port: 'moving', frame: datagram(3, 2) },
];

const textOf = (received: readonly { port: string; frame: Uint8Array }[]): string[] =>
  received
    .filter(({ port }) => !port.startsWith(underlay))
    .map((each) => `${each.port} ${Buffer.from(each.frame).toString('hex')}`)
    .sort();

test('a machine that moves is where it sent RARP', async () => {
  const { theirs, ours } = await withCentral(async (central) => {
    await central.run(`${northbound}${fixedTunnelKeys}`);
    await central.settle();
    const members: Member[] = [];
    const peers = [];
    for (const [index, name] of (['left', 'right'] as const).entries()) {
      const ip = `192.0.2.${index + 1}`;
      const peer = await startPeer(central, { chassis: name, waitsForController: true, encapIp: ip });
      await peer.bind(ports[name]);
      members.push({ name, ip, mac: `02:00:00:00:ee:0${index + 1}`, world: peer, ports: ports[name] });
      peers.push(peer);
    }
    for (const [index, peer] of peers.entries()) await connectUnderlay(peer, members[index] as Member, members);
    const world = joined(members);
    await world.ready();
    const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
    const placement = placementOf(await northboundOfCentral(central));
    world.received();
    const real: string[][] = [];
    for (const { at, port, frame: sent, isTaught } of steps) {
      await members.find(({ name }) => name === at)?.world.send(port, sent);
      // What is under way between the chassis arrives.
      await world.send('still', []);
      if (isTaught) await world.learn();
      real.push(textOf(world.received()));
    }
    const fleet = createFleet({
      southbound,
      placement,
      chassis: members.map(({ name, ip, mac, ports: bindings }) => ({
        chassis: name,
        ip,
        mac,
        bindings,
        networks: [],
      })),
    });
    const own = steps.map(({ at, port, frame: sent }) => {
      fleet.nodes.get(at)?.send(port, sent);
      fleet.advance(1);
      return textOf(fleet.received());
    });
    return { theirs: real, ours: own };
  });
  expect(ours).toEqual(theirs);
  // Once the machine is in one place, then in two.
  const moving = theirs.map((received) => received.filter((text) => text.startsWith('moving ')).length);
  expect(moving).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 2, 2, 2, 0, 0]);
});
