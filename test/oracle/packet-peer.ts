/**
 * The real data plane beside a central (sandbox.ts): ovn-controller and
 * ovs-vswitchd as one chassis, named `peer` unless told otherwise, on OVS's dummy
 * devices with connection tracking in userspace.  Needs Debian's ovn-host
 * (23.03.1) and openvswitch-switch (3.1.0); no root, no kernel module.
 *
 *     const peer = await startPeer(central);
 *     await peer.bind(['lport']);               // logical ports whose requested chassis is `peer`
 *     await peer.localnet('physnet');
 *     await peer.ready();
 *     await peer.send('lport', frame);
 *     const frames = peer.received();           // [{ port: 'lport', frame }]
 *     await peer.stop();
 *
 * Ports are those that were bound, by their own names, and each physical network
 * under its name: what is sent there comes from the wire, what is received there
 * left by any localnet port, whether or not it comes in by another one again.
 *
 * One chassis serves any number of topologies, one after the other: devices stay,
 * and `bind` gives them other ports.
 *
 * With `waitsForController` a switch of its own is added to each topology, with
 * one port that is offered an address by DHCP.  ovn-controller answers what it is
 * asked in order, so when that port has its answer, all that was asked before is
 * answered, too.
 *
 * The daemons write their pids where the central's supervisor looks for them:
 * they end with the central at the latest, however the test ends.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Capture, openCapture } from './captures.ts';
import { connectControl } from './control.ts';
import { dhcpDiscover } from './frames.ts';
import type { PacketWorld, Received } from './packet-world.ts';
import type { Central } from './sandbox.ts';

export type { Received } from './packet-world.ts';

/** The chassis' usual name: what `requested-chassis` and a gateway router's `chassis` must say. */
export const peerChassis = 'peer';

/**
 * What stands behind a physical network: a switch that learns addresses, or a hub,
 * which gives everybody everything and remembers nothing.
 */
export type Wire = 'switch' | 'hub';

export interface PeerOptions {
  chassis?: string;
  encapType?: 'geneve' | 'vxlan';
  encapIp?: string;
  /** MAC addresses of the chassis on physical networks: `physnet:02:00:00:00:ee:01`. */
  macMappings?: string;
  /** `send` waits for what ovn-controller answers, too. */
  waitsForController?: boolean;
}

export interface PacketPeer extends PacketWorld {
  localnet(network: string, wire?: Wire): Promise<void>;
  /**
   * Frames come in by a port.  When this resolves, all that the switch does by itself
   * has been done; what ovn-controller answers (DHCP, ARP, ICMP errors) comes later
   * unless the peer waits for it.
   */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /** Waits until `isThere` says so of all that was received meanwhile, at most `milliseconds`; returns that. */
  receive(isThere: (frames: readonly Received[]) => boolean, milliseconds: number): Promise<Received[]>;
  /** Adds a device to a bridge; frames are sent into it and received from it under `name`. */
  addDevice(bridge: string, name: string): Promise<void>;
  /** What `ovs-appctl COMMAND ARGUMENTS` prints; rejects if the switch refuses. */
  appctl(command: string, ...args: string[]): Promise<string>;
  /** What `ovs-vsctl ARGUMENTS` prints; rejects if it fails. */
  vsctl(...args: string[]): Promise<string>;
  /** What `ovs-ofctl COMMAND BRIDGE ARGUMENTS` prints; rejects if it fails. */
  ofctl(command: string, bridge: string, ...args: string[]): Promise<string>;
}

/** A device of the switch. */
interface Device {
  name: string;
  capture: Capture;
}

const run = promisify(execFile);

/** Starts the chassis; rejects if a daemon does not start. */
export async function startPeer(central: Central, options: PeerOptions = {}): Promise<PacketPeer> {
  const { chassis = peerChassis, waitsForController = false } = options;
  const folder = join(central.directory, chassis);
  const sentinel = `lflow-sentinel-${chassis}`;
  await mkdir(folder);
  const socket = (name: string): string => `unix:${folder}/${name}`;
  const env = {
    ...process.env,
    OVN_RUNDIR: folder,
    OVS_RUNDIR: folder,
    OVN_LOGDIR: folder,
    OVS_LOGDIR: folder,
    OVS_DBDIR: folder,
  };
  const call = async (program: string, ...args: string[]): Promise<string> =>
    (await run(program, args, { env, maxBuffer: 1 << 26 })).stdout;
  const pidfile = (name: string): string => join(central.directory, `daemon.${chassis}.${name}.pid`);
  const daemon = (program: string, ...args: string[]) =>
    call(program, ...args, '--detach', '--no-chdir', `--pidfile=${pidfile(program)}`, '-vsyslog:off', '-vconsole:off');
  const vsctl = (...args: string[]) => call('ovs-vsctl', '--timeout=30', `--db=${socket('db.sock')}`, ...args);
  const ofctl = (command: string, bridge: string, ...args: string[]) =>
    call('ovs-ofctl', command, socket(`${bridge}.mgmt`), ...args);

  await call('ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
  await daemon('ovsdb-server', `--unixctl=${folder}/ovsdb.ctl`, `--remote=p${socket('db.sock')}`, `${folder}/conf.db`);
  await vsctl(
    ...['--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.'],
    ...externalIds({ chassis, southbound: central.endpoint, ...options }),
  );
  const dummies = ['--enable-dummy=system', '--disable-system', '--disable-system-route'];
  await daemon('ovs-vswitchd', ...dummies, `--unixctl=${folder}/vswitchd.ctl`, socket('db.sock'));
  await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=dummy', 'fail-mode=secure');
  await daemon('ovn-controller', socket('db.sock'));
  const controllerPid = readFileSync(pidfile('ovn-controller'), 'utf8').trim();
  const control = await connectControl(`${folder}/vswitchd.ctl`);

  /** Where the frames of a port come out, and the logical ports among them. */
  const ports = new Map<string, Device>();
  const boundHere = new Set<string>();
  /** Where the frames of a physical network come in. */
  const wires = new Map<string, Device>();
  const devices: Device[] = [];
  /** Those of br-int that have no port. */
  const spare: Device[] = [];
  const newDevice = (bridge: string): { device: Device; commands: string[] } => {
    const name = `d${devices.length}`;
    const path = join(folder, `${name}.pcap`);
    const device = { name, capture: openCapture(path) };
    devices.push(device);
    return { device, commands: [...addCommands(bridge, name), `options:tx_pcap="${path}"`] };
  };
  const received = (): Received[] =>
    [...ports].flatMap(([port, { capture }]) => capture.read().map((frame) => ({ port, frame })));
  const networks: string[] = [];

  /** Lets the switch take `frames` frames from each device: see `turns`. */
  const turn = (frames: number): Promise<unknown> =>
    frames === 0 ? Promise.resolve() : control.askTimes(turns * frames, 'version');
  const enter = (device: Device, frames: readonly Uint8Array[]): Promise<unknown> =>
    Promise.all([control.ask('netdev-dummy/receive', device.name, ...frames.map(hex)), turn(frames.length)]);
  let questions = 0;
  /** Waits until ovn-controller has answered all that it was asked before. */
  const controllerAnswers = async (): Promise<void> => {
    const device = ports.get(sentinel);
    if (!device) return;
    questions = (questions + 1) % 2 ** 31;
    const question = dhcpDiscover({ mac: sentinelMac, transaction: questions });
    const deadline = performance.now() + 10_000;
    await control.ask('netdev-dummy/receive', device.name, hex(question));
    for (;;) {
      const answers = device.capture.read().map((frame) => Buffer.from(frame).readUInt32BE(transactionAt));
      if (answers.includes(questions)) return;
      if (performance.now() > deadline) throw new Error('waited 10 seconds in vain for ovn-controller to answer');
      await control.ask('version');
    }
  };

  const peer: PacketPeer = {
    async bind(wanted) {
      const commands: string[] = [];
      for (const [port, device] of ports) {
        if (!boundHere.has(port)) continue;
        commands.push('--', 'remove', 'interface', device.name, 'external_ids', 'iface-id');
        ports.delete(port);
        spare.push(device);
      }
      boundHere.clear();
      for (const port of waitsForController ? [...wanted, sentinel] : wanted) {
        const old = spare.pop();
        const { device, commands: added } = old ? { device: old, commands: [] } : newDevice('br-int');
        if (added.length > 0) commands.push('--', ...added);
        commands.push('--', 'set', 'interface', device.name, `external_ids:iface-id="${port}"`);
        device.capture.read();
        ports.set(port, device);
        boundHere.add(port);
      }
      await vsctl(...commands);
    },
    async addDevice(bridge, name) {
      const { device, commands } = newDevice(bridge);
      ports.set(name, device);
      await vsctl('--', ...commands);
    },
    async localnet(network, wire = 'switch') {
      const bridge = `br-${network}`;
      const inward = newDevice(bridge);
      const outward = newDevice(bridge);
      networks.push(`${network}:${bridge}`);
      wires.set(network, inward.device);
      ports.set(network, outward.device);
      await vsctl(
        ...['--', 'add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=dummy'],
        ...['--', ...inward.commands, 'ofport_request=1'],
        ...['--', ...outward.commands, 'ofport_request=2'],
        ...['--', 'set', 'Open_vSwitch', '.', `external_ids:ovn-bridge-mappings="${networks.join(',')}"`],
      );
      const others = wire === 'hub' ? 'flood' : 'normal';
      await ofctl('mod-port', bridge, '2', 'no-flood');
      if (wire === 'hub') await ofctl('mod-port', bridge, '1', 'no-flood');
      await ofctl('add-flow', bridge, `priority=20,in_port=1,actions=${others}`);
      await ofctl('add-flow', bridge, `priority=10,actions=output:2,${others}`);
    },
    async ready() {
      if (waitsForController) await central.run(sentinelScript(sentinel));
      await until('the ports are bound', 30_000, async () => {
        const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
        return Port_Binding.every(
          (row) =>
            // A localport is everywhere, and so never said to be up.
            (!boundHere.has(String(row.logical_port)) || row.up === true || row.type === 'localport') &&
            (row.type !== 'l3gateway' || !isEmptySet(row.chassis)),
        );
      });
      await central.nbctl('--wait=hv', 'sync');
      await control.ask('revalidator/purge');
      await peer.forgetConnections();
      if (waitsForController) await controllerAnswers();
    },
    async send(port, frames) {
      const device = wires.get(port) ?? ports.get(port);
      if (!device) throw new Error(`no device was made for the port "${port}"`);
      const all = frames instanceof Uint8Array ? [frames] : frames;
      for (let at = 0; at < all.length; at += queueLength) {
        const portion = all.slice(at, at + queueLength);
        const isLast = at + queueLength >= all.length;
        const entered = enter(device, portion);
        // What ovn-controller sends may make it be asked again: an error that is sent to a neighbour whom nobody knows.
        const answered = isLast && waitsForController ? controllerAnswers().then(controllerAnswers) : undefined;
        await Promise.all([entered, answered]);
      }
    },
    async learn() {
      await pause(learningDelay);
      await central.nbctl('--wait=hv', 'sync');
      await control.ask('revalidator/purge');
      // Packets that waited for a neighbour leave now.
      if (waitsForController) await controllerAnswers();
    },
    received,
    async receive(isThere, milliseconds) {
      const deadline = performance.now() + milliseconds;
      const frames = received();
      while (!isThere(frames) && performance.now() < deadline) {
        await pause(2);
        frames.push(...received());
      }
      return frames;
    },
    async forgetConnections() {
      await control.ask('dpctl/flush-conntrack');
    },
    appctl: (command, ...args) => control.ask(command, ...args),
    vsctl,
    ofctl,
    async stop() {
      control.close();
      for (const { capture } of devices) capture.close();
      // ovn-controller takes its chassis out of the southbound database.
      for (const [program, name] of [
        ['ovn-controller', `ovn-controller.${controllerPid}`],
        ['ovs-vswitchd', 'vswitchd'],
        ['ovsdb-server', 'ovsdb'],
      ]) {
        await call('ovs-appctl', '-t', `${folder}/${name}.ctl`, 'exit');
        await until(`${program} has ended`, 10_000, async () => !existsSync(pidfile(program)));
      }
    },
  };
  return peer;
}

const externalIds = ({
  chassis,
  southbound,
  encapType = 'geneve',
  encapIp = '127.0.0.1',
  macMappings,
}: PeerOptions & { chassis: string; southbound: string }): string[] =>
  Object.entries({
    'system-id': chassis,
    hostname: chassis,
    'ovn-remote': southbound,
    'ovn-encap-type': encapType,
    'ovn-encap-ip': encapIp,
    ...(macMappings !== undefined && { 'ovn-chassis-mac-mappings': macMappings }),
  }).map(([key, value]) => `external_ids:${key}="${value}"`);

/** With room for the longest packet; dummy devices drop what is longer than their MTU. */
const addCommands = (bridge: string, device: string): string[] => [
  ...['add-port', bridge, device, '--'],
  ...['set', 'interface', device, 'type=dummy', 'mtu_request=65535'],
];

/** A switch and its logical port that is asked for an address, and answered by ovn-controller. */
const sentinelMac = '0e:00:5e:00:53:01';
const sentinelScript = (sentinel: string): string => `
set -eu
d=$(ovn-nbctl create dhcp_options cidr=192.0.2.0/24 options='"lease_time"="60" "router"="192.0.2.1" "server_id"="192.0.2.1" "server_mac"="0e:00:5e:00:53:02"')
ovn-nbctl ls-add ${sentinel} -- lsp-add ${sentinel} ${sentinel} -- lsp-set-addresses ${sentinel} "${sentinelMac} 192.0.2.2" -- lsp-set-dhcpv4-options ${sentinel} $d
`;

/** Where a DHCP answer has its transaction id. */
const transactionAt = 14 + 20 + 8 + 4;

/**
 * The switch takes up to ten commands before it looks at its devices, and then takes one
 * frame from each: so after as many more than one of them has taken the frame.
 */
const turns = 11;

/** How many frames wait at a dummy device; more would be lost. */
const queueLength = 100;

/** Milliseconds that ovn-controller may wait before it writes what it learned from a broadcast, and some. */
const learningDelay = 80;

const isEmptySet = (value: unknown): boolean =>
  Array.isArray(value) && Array.isArray(value[1]) && value[1].length === 0;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(what: string, milliseconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain until ${what}`);
    await pause(20);
  }
}
