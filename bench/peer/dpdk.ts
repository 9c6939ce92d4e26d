/**
 * The data plane to compare with: real OVN on OVS with DPDK, as one chassis
 * named `peer` beside a central (test/oracle/sandbox.ts).  One core polls the
 * ports; they are fed from captures held in memory, over and over, and what they
 * are sent is counted and thrown away.  Needs Debian's ovn-host (23.03.1) and
 * openvswitch-switch-dpdk (3.1.0), root, and two cores.
 *
 *     const peer = await startDpdkPeer(central);
 *     await peer.localnet('physnet');
 *     await peer.bind('lport', writeCapture(frames));   // the frames come in by it for ever
 *     await peer.bind('other');
 *     await peer.ready();
 *     const { mpps } = await peer.measure(5);
 *     await peer.stop();
 *
 * The daemons write their pids where the central's supervisor looks for them:
 * they end with the central at the latest, however the benchmark ends; huge pages
 * that were asked of the kernel are given back then, too.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { connectControl } from '../../test/oracle/control.ts';
import type { Central } from '../../test/oracle/sandbox.ts';
import { type PmdStatistics, parseMegaflows, parsePmdStatistics, parsePortStatistics } from './statistics.ts';

/** The chassis' name: what `requested-chassis` and a gateway router's `chassis` must say. */
export const dpdkPeerChassis = 'peer';

/** What the polling core did in a while. */
export interface Measurement extends PmdStatistics {
  seconds: number;
  /** Seconds that the polling core's thread ran: less than those above, if others wanted the core or it waited for a lock. */
  coreSeconds: number;
  /** Millions of packets a second that came in. */
  mpps: number;
  /** Packets that were sent to ports, of those that `bind` and `localnet` made. */
  delivered: number;
}

export interface DpdkPeer {
  /** Gives a logical port a device, instead of the one it has; with the frames of a pcap file coming in for ever. */
  bind(lport: string, capture?: Uint8Array): Promise<void>;
  /** Gives a physical network a bridge with a device, instead of the one it has; frames as with `bind`. */
  localnet(network: string, capture?: Uint8Array): Promise<void>;
  /** Waits until OVN has bound every port and claimed every gateway router, and the switch has their flows. */
  ready(): Promise<void>;
  /** Looks at the switch for so long. */
  measure(seconds: number): Promise<Measurement>;
  /** The switch's megaflows in its own words, and the packets that each has seen. */
  megaflows(): Promise<{ flow: string; packets: number }[]>;
  /** Forgets all tracked connections. */
  forgetConnections(): Promise<void>;
  /** How many entries conntrack has: one for each connection in each zone that it was committed to. */
  connections(): Promise<number>;
  /** A setting of the switch, `other_config` of ovs-vswitchd.conf.db(5). */
  configure(key: string, value: string): Promise<void>;
  /** What `ovs-appctl COMMAND ARGUMENTS` prints; rejects if the switch refuses. */
  appctl(command: string, ...args: string[]): Promise<string>;
  /** Ends the daemons. */
  stop(): Promise<void>;
}

const run = promisify(execFile);

/** Starts the chassis, on huge pages if there can be any; rejects if a daemon does not start. */
export async function startDpdkPeer(central: Central, { hugePages = true } = {}): Promise<DpdkPeer> {
  const folder = await mkdtemp(join(central.directory, 'dpdk-peer-'));
  const socket = `unix:${folder}/db.sock`;
  const env = {
    ...process.env,
    OVN_RUNDIR: folder,
    OVS_RUNDIR: folder,
    OVN_LOGDIR: folder,
    OVS_LOGDIR: folder,
    OVS_DBDIR: folder,
  };
  const call = async (program: string, ...args: string[]): Promise<string> =>
    (await run(program, args, { env, maxBuffer: 1 << 28 })).stdout;
  const pidfile = (name: string): string => join(central.directory, `daemon.dpdk-${name}.pid`);
  /** The control socket of a daemon; ovn-controller names its own. */
  const controlOf = (name: string): string =>
    name === 'controller'
      ? `${folder}/ovn-controller.${readFileSync(pidfile(name), 'utf8').trim()}.ctl`
      : `${folder}/${name}.ctl`;
  const daemon = (name: string, program: string, ...args: string[]) => {
    const files = [`--pidfile=${pidfile(name)}`, `--log-file=${folder}/${name}.log`];
    const rest = ['--detach', '--no-chdir', '-vsyslog:off', '-vconsole:off'];
    const control = name === 'controller' ? [] : [`--unixctl=${controlOf(name)}`];
    return call(program, ...args, ...files, ...control, ...rest).catch((error: { stderr?: string }) => {
      throw new Error(`${program} does not start: ${error.stderr?.trim()}`);
    });
  };
  const vsctl = (...args: string[]) => call('ovs-vsctl', '--timeout=60', `--db=${socket}`, ...args);

  const memory = hugePages ? await takeHugePages() : smallPages;
  const started: string[] = [];
  const end = async (): Promise<void> => {
    for (const name of started.reverse()) {
      if (!existsSync(pidfile(name))) continue;
      const pid = readFileSync(pidfile(name), 'utf8').trim();
      // ovn-controller takes its chassis out of the southbound database.
      await call('ovs-appctl', '-t', controlOf(name), 'exit').catch(() => {});
      await until(`${name} has ended`, 20_000, async () => !existsSync(`/proc/${pid}`));
    }
    await rm(join(dpdkFolder, basename(folder)), { recursive: true, force: true });
    await memory.giveBack();
  };
  const start = async (name: string, program: string, ...args: string[]): Promise<void> => {
    started.push(name);
    await daemon(name, program, ...args);
  };
  try {
    await call('ovsdb-tool', 'create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
    await start('ovsdb', 'ovsdb-server', `--remote=p${socket}`, `${folder}/conf.db`);
    const settings = [
      ...switchSettings(`${memory.arguments} --file-prefix=${basename(folder)}`),
      ...chassisSettings(central.endpoint),
    ];
    await vsctl('--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...settings);
    await start('vswitchd', switchProgram, socket);
    await vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail-mode=secure');
    await start('controller', 'ovn-controller', socket);
  } catch (error) {
    await end().catch(() => {});
    throw error;
  }
  const control = await connectControl(controlOf('vswitchd'));
  const pid = readFileSync(pidfile('vswitchd'), 'utf8').trim();

  /** The devices by their names in the switch. */
  const devices = new Map<string, { lport?: string; capture?: string }>();
  const networks: string[] = [];
  let serial = 0;

  /** Replaces the device of a port; a DPDK device that was there before must be gone before another is made. */
  const plug = async (bridge: string, port: string, capture: Uint8Array | undefined, ...settings: string[]) => {
    const name = deviceName(port);
    const before = devices.get(name);
    if (before) await vsctl('del-port', bridge, name);
    if (before?.capture) await rm(before.capture);
    const id = serial++;
    const file = capture && join(folder, `in${id}.pcap`);
    if (capture && file) await writeFile(file, capture);
    devices.set(name, file === undefined ? {} : { capture: file });
    const device = file ? `net_pcap${id},rx_pcap=${file},tx_pcap=/dev/null,infinite_rx=1` : `net_null${id},no-rx=1`;
    await vsctl(
      ...['add-port', bridge, name, '--', 'set', 'interface', name, 'type=dpdk'],
      `options:dpdk-devargs="${device}"`,
      ...settings,
    );
    const error = (await vsctl('get', 'interface', name, 'error')).trim();
    if (error !== '[]') throw new Error(`the switch cannot open a device for ${port}: ${error}`);
  };
  const delivered = async (): Promise<number> => {
    const sent = parsePortStatistics(await control.ask('dpctl/show', '-s'));
    return [...devices.keys()].reduce((sum, name) => sum + (sent.get(name) ?? 0), 0);
  };

  return {
    async bind(lport, capture) {
      await plug('br-int', lport, capture, `external_ids:iface-id="${lport}"`);
      const device = devices.get(deviceName(lport));
      if (device) device.lport = lport;
    },
    async localnet(network, capture) {
      const bridge = `br-${network}`;
      if (!networks.includes(network)) {
        networks.push(network);
        const mappings = networks.map((name) => `${name}:br-${name}`).join(',');
        await vsctl(
          ...['add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=netdev'],
          ...['--', 'set', 'Open_vSwitch', '.', `external_ids:ovn-bridge-mappings="${mappings}"`],
        );
        // Else frames to hosts that it does not know go to the bridge's own interface, through the kernel.
        await call('ovs-ofctl', 'mod-port', `unix:${folder}/${bridge}.mgmt`, bridge, 'no-flood');
      }
      await plug(bridge, network, capture);
    },
    async ready() {
      const lports = new Set([...devices.values()].map(({ lport }) => lport));
      await until('the ports are bound', 60_000, async () => {
        const { Port_Binding } = await central.rows('OVN_Southbound', ['Port_Binding']);
        return Port_Binding.every(
          (row) =>
            (!lports.has(String(row.logical_port)) || row.up === true) &&
            (row.type !== 'l3gateway' || !isEmptySet(row.chassis)),
        );
      });
      await central.nbctl('--wait=hv', 'sync');
    },
    async measure(seconds) {
      const before = await delivered();
      const ran = pollingSeconds(pid);
      const begin = performance.now();
      await control.ask('dpif-netdev/pmd-stats-clear');
      const from = performance.now();
      await pause(seconds * 1000);
      const text = await control.ask('dpif-netdev/pmd-stats-show');
      const to = performance.now();
      const coreSeconds = pollingSeconds(pid) - ran;
      const after = await delivered();
      const elapsed = performance.now() - begin;
      const statistics = parsePmdStatistics(text);
      // The two are not counted at the same moments.
      const share = (to - from) / elapsed;
      return {
        ...statistics,
        seconds: (to - from) / 1000,
        coreSeconds: (coreSeconds * (to - from)) / (to - begin),
        mpps: statistics.packets / (to - from) / 1000,
        delivered: Math.round((after - before) * share),
      };
    },
    async megaflows() {
      return parseMegaflows(await control.ask('dpctl/dump-flows'));
    },
    async forgetConnections() {
      await control.ask('dpctl/flush-conntrack');
    },
    async connections() {
      return Number(await control.ask('dpctl/ct-get-nconns'));
    },
    async configure(key, value) {
      await vsctl('set', 'Open_vSwitch', '.', `other_config:${key}=${value}`);
    },
    appctl: (command, ...args) => control.ask(command, ...args),
    async stop() {
      control.close();
      await end();
    },
  };
}

/** Where DPDK keeps what one process knows of another. */
const dpdkFolder = '/var/run/dpdk';

const switchProgram = '/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk';

/** MB for DPDK: a pool of 262 144 packets, which is the most that OVS makes, and what it needs besides. */
const memoryMegabytes = 1280;

/** The first core does everything but packets, the second nothing but those. */
const switchSettings = (memory: string): string[] =>
  Object.entries({
    'dpdk-init': 'true',
    'dpdk-lcore-mask': '0x1',
    'pmd-cpu-mask': '0x2',
    'dpdk-extra': `--no-pci ${memory}`,
  }).map(([key, value]) => `other_config:${key}="${value}"`);

const chassisSettings = (southbound: string): string[] =>
  Object.entries({
    'system-id': dpdkPeerChassis,
    hostname: dpdkPeerChassis,
    'ovn-remote': southbound,
    'ovn-encap-type': 'geneve',
    'ovn-encap-ip': '127.0.0.1',
  }).map(([key, value]) => `external_ids:${key}="${value}"`);

/** OVS limits the name of an interface to 15 bytes, OVN that of a port does not. */
const deviceName = (port: string): string => `d${createHash('md5').update(port).digest('hex').slice(0, 12)}`;

const isEmptySet = (value: unknown): boolean =>
  Array.isArray(value) && Array.isArray(value[1]) && value[1].length === 0;

/** Memory that DPDK is given. */
interface Memory {
  arguments: string;
  giveBack(): Promise<void>;
}

const smallPages: Memory = {
  arguments: `--no-huge -m ${memoryMegabytes} --legacy-mem --no-telemetry`,
  giveBack: async () => {},
};

// Its standard input is the benchmark's end of the pipe: `cat` returns when it closes, however the benchmark ends.
const keeper = `
pages=/proc/sys/vm/nr_hugepages
free() { awk '/^HugePages_Free/ { print $2 }' /proc/meminfo; }
before=$(cat $pages)
trap '' HUP INT TERM
[ "$(free)" -ge "$1" ] || echo $((before + $1 - $(free))) > $pages || true
echo "$(free)"
cat > /dev/null
[ "$(cat $pages)" = "$before" ] || echo "$before" > $pages
`;

/**
 * Asks the kernel for huge pages of 2 MB, unless enough of them are free; does
 * without if there are too few.  As many as there were are left.
 */
async function takeHugePages(): Promise<Memory> {
  const needed = memoryMegabytes / 2;
  const shell = spawn('sh', ['-c', keeper, 'sh', String(needed)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = once(shell, 'close');
  const [free] = await Promise.race([once(shell.stdout, 'data'), ended]);
  const giveBack = async (): Promise<void> => {
    shell.stdin.end();
    await ended;
  };
  if (Number(free) >= needed) return { arguments: `--in-memory --socket-mem ${memoryMegabytes}`, giveBack };
  await giveBack();
  return smallPages;
}

/** How long the threads of ovs-vswitchd that poll have run: Documentation/scheduler/sched-stats.rst of Linux. */
function pollingSeconds(pid: string): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`);
  return threads
    .filter((thread) => readFileSync(`${thread}/comm`, 'utf8').startsWith('pmd-'))
    .reduce((sum, thread) => sum + Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e9, 0);
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(what: string, milliseconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain until ${what}`);
    await pause(20);
  }
}
