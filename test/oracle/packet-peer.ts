/**
 * The real data plane beside a central (sandbox.ts): ovn-controller and
 * ovs-vswitchd as one chassis named `peer`, on OVS's dummy devices with
 * connection tracking in userspace.  Needs Debian's ovn-host (23.03.1) and
 * openvswitch-switch (3.1.0); no root, no kernel module.
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
 * The daemons write their pids where the central's supervisor looks for them:
 * they end with the central at the latest, however the test ends.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Central } from './sandbox.ts';

/** The chassis' name: what `requested-chassis` and a gateway router's `chassis` must say. */
export const peerChassis = 'peer';

/** A frame that the data plane sent to a port. */
export interface Received {
  port: string;
  frame: Uint8Array;
}

export interface PacketPeer {
  /** Makes a device for each of the logical ports. */
  bind(ports: readonly string[]): Promise<void>;
  /** Joins localnet ports of a physical network by a learning bridge with one device, named as the network. */
  localnet(network: string): Promise<void>;
  /** Waits until every bound port is up, every gateway router is claimed, and the flows are installed. */
  ready(): Promise<void>;
  /**
   * A frame comes in by a port.  When this resolves, all that the switch does by
   * itself has been done; what ovn-controller answers (DHCP, ARP, ICMP errors) comes later.
   */
  send(port: string, frame: Uint8Array): Promise<void>;
  /** What ports were sent since the last call, in each port's order. */
  received(): Received[];
  /** Waits until `isThere` says so of all that was received meanwhile, at most `milliseconds`; returns that. */
  receive(isThere: (frames: readonly Received[]) => boolean, milliseconds: number): Promise<Received[]>;
  /** Forgets all tracked connections. */
  forgetConnections(): Promise<void>;
  /** What `ovs-appctl COMMAND ARGUMENTS` prints; rejects if the switch refuses. */
  appctl(command: string, ...args: string[]): Promise<string>;
  /** Ends the daemons. */
  stop(): Promise<void>;
}

interface Device {
  port: string;
  capture: string;
  /** The file, once the switch has made it. */
  file?: number;
  /** How much of it was read. */
  at: number;
}

const run = promisify(execFile);

/** Starts the chassis; rejects if a daemon does not start. */
export async function startPeer(central: Central): Promise<PacketPeer> {
  const folder = join(central.directory, 'peer');
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
  const pidfile = (name: string): string => join(central.directory, `daemon.${name}.pid`);
  const daemon = (program: string, ...args: string[]) =>
    call(program, ...args, '--detach', '--no-chdir', `--pidfile=${pidfile(program)}`, '-vsyslog:off', '-vconsole:off');
  const vsctl = (...args: string[]) => call('ovs-vsctl', '--timeout=30', `--db=${socket('db.sock')}`, ...args);

  await call('ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
  await daemon('ovsdb-server', `--unixctl=${folder}/ovsdb.ctl`, `--remote=p${socket('db.sock')}`, `${folder}/conf.db`);
  await vsctl('--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...externalIds(central.endpoint));
  const dummies = ['--enable-dummy=system', '--disable-system', '--disable-system-route'];
  await daemon('ovs-vswitchd', ...dummies, `--unixctl=${folder}/vswitchd.ctl`, socket('db.sock'));
  await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=dummy', 'fail-mode=secure');
  await daemon('ovn-controller', socket('db.sock'));
  const controllerPid = readFileSync(pidfile('ovn-controller'), 'utf8').trim();
  const control = await connect(`${folder}/vswitchd.ctl`);

  const devices = new Map<string, Device>();
  const watch = (port: string): string => {
    const capture = join(folder, `${deviceName(port)}.pcap`);
    devices.set(port, { port, capture, at: pcapHeader });
    return capture;
  };
  const received = (): Received[] => [...devices.values()].flatMap(readCapture);
  const networks: string[] = [];

  return {
    async bind(ports) {
      const commands = ports.flatMap((port) => [
        '--',
        ...addDevice('br-int', deviceName(port)),
        `options:tx_pcap="${watch(port)}"`,
        `external_ids:iface-id="${port}"`,
      ]);
      await vsctl(...commands);
    },
    async localnet(network) {
      const bridge = `br-${network}`;
      const wire = deviceName(network);
      const tap = `t${wire.slice(1)}`;
      networks.push(`${network}:${bridge}`);
      await vsctl(
        ...['--', 'add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=dummy'],
        ...['--', ...addDevice(bridge, wire), 'ofport_request=1'],
        ...['--', ...addDevice(bridge, tap), 'ofport_request=2', `options:tx_pcap="${watch(network)}"`],
        ...['--', 'set', 'Open_vSwitch', '.', `external_ids:ovn-bridge-mappings="${networks.join(',')}"`],
      );
      const ofctl = (command: string, ...args: string[]) =>
        call('ovs-ofctl', command, socket(`${bridge}.mgmt`), ...args);
      await ofctl('mod-port', '2', 'no-flood');
      await ofctl('add-flow', 'priority=20,in_port=1,actions=normal');
      await ofctl('add-flow', 'priority=10,actions=output:2,normal');
    },
    async ready() {
      await until('the ports are bound', 30_000, async () => {
        const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
        return Port_Binding.every(
          (row) =>
            (!devices.has(String(row.logical_port)) || row.up === true) &&
            (row.type !== 'l3gateway' || !isEmptySet(row.chassis)),
        );
      });
      await central.nbctl('--wait=hv', 'sync');
    },
    async send(port, frame) {
      if (!devices.has(port)) throw new Error(`no device was made for the port "${port}"`);
      await control.ask('netdev-dummy/receive', deviceName(port), hex(frame));
      for (let turn = 0; turn < turns; turn++) await control.ask('version');
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
    async stop() {
      control.close();
      for (const { file } of devices.values()) if (file !== undefined) closeSync(file);
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
}

const externalIds = (southbound: string): string[] =>
  Object.entries({
    'system-id': peerChassis,
    hostname: peerChassis,
    'ovn-remote': southbound,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': '127.0.0.1',
  }).map(([key, value]) => `external_ids:${key}="${value}"`);

const addDevice = (bridge: string, device: string): string[] => [
  ...['add-port', bridge, device, '--'],
  ...['set', 'interface', device, 'type=dummy'],
];

/** OVS limits the name of an interface to 15 bytes, OVN that of a port does not. */
const deviceName = (port: string): string => `d${createHash('md5').update(port).digest('hex').slice(0, 12)}`;

/**
 * The switch takes up to ten commands before it looks at its devices, so after
 * as many more than one of them has taken the frame.
 */
const turns = 11;

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

const pcapHeader = 24;
const recordHeader = 16;

/** The whole frames that were added to a capture (pcap, in the machine's byte order). */
function readCapture(device: Device): Received[] {
  if (device.file === undefined) {
    if (!existsSync(device.capture)) return [];
    device.file = openSync(device.capture, 'r');
  }
  const chunk = Buffer.alloc(1 << 16);
  const frames: Received[] = [];
  for (;;) {
    const length = readSync(device.file, chunk, 0, chunk.length, device.at);
    let at = 0;
    while (at + recordHeader <= length) {
      const end = at + recordHeader + chunk.readUInt32LE(at + 8);
      if (end > length) break;
      frames.push({ port: device.port, frame: Uint8Array.from(chunk.subarray(at + recordHeader, end)) });
      at = end;
    }
    device.at += at;
    if (at === 0) return frames;
  }
}

interface Control {
  ask(method: string, ...params: string[]): Promise<string>;
  close(): void;
}

/** The control socket of a daemon, ovs-appctl(8): JSON-RPC 1.0, one question at a time. */
async function connect(path: string): Promise<Control> {
  const socket = createConnection(path);
  let text = '';
  let waiting: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;
  const fail = (error: Error) => waiting?.reject(error);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the switch has ended')));
  socket.on('data', (data) => {
    text += data;
    const answer = parseAnswer(text);
    if (!answer) return;
    text = '';
    if (answer.error !== null) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result ?? '');
  });
  await new Promise<void>((resolve, reject) => {
    waiting = { resolve: () => resolve(), reject };
    socket.once('connect', resolve);
  });
  return {
    ask: (method, ...params) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(JSON.stringify({ method, params, id: 0 }));
      }),
    close: () => socket.destroy(),
  };
}

/** Undefined as long as the text is not whole. */
function parseAnswer(text: string): { result: string | null; error: string | null } | undefined {
  if (!text.endsWith('}')) return undefined;
  try {
    return JSON.parse(text) as { result: string | null; error: string | null };
  } catch {
    return undefined;
  }
}
