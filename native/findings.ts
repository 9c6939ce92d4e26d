/**
 * What a machine has and lacks for carrying packets, in words for the person
 * who has to mend it.
 */
import { controllerOf } from './controllers.ts';
import type { Detection, Library, Machine, PciDevice } from './index.ts';

export interface Finding {
  /** A stable, spelled-out identifier, e.g. `huge-pages`. */
  id: string;
  name: string;
  /** `unknown` where nobody could look. */
  state: 'ok' | 'missing' | 'unknown';
  /** What was found. */
  found: string;
  /** What it is needed for. */
  why: string;
  /** What to do to have it, or to have more of it; '' if nothing is left to do. */
  todo: string;
}

/** Something that a machine may be able to do. */
export interface Ability {
  id: string;
  name: string;
  able: boolean;
  /** The findings of which none is `ok`, by id. */
  lacks: string[];
}

/** All findings, in the order in which they build on each other; one a network controller at the end. */
export function findingsOf(detection: Detection): Finding[] {
  if (detection.addon === 'missing') return [addon(detection), ...unlooked()];
  const { machine } = detection;
  return [
    addon(detection),
    processor(machine),
    privileges(machine),
    packetSockets(machine),
    hugePages(machine),
    dpdk(machine.dpdk),
    doca(machine.doca),
    ...controllers(machine),
  ];
}

/** What the findings allow. */
export function abilitiesOf(findings: readonly Finding[]): Ability[] {
  const ability = (id: string, name: string, ...needs: string[]): Ability => {
    // One controller that is fit is enough.
    const lacks = needs.filter((need) => !findings.some((finding) => finding.id === need && finding.state === 'ok'));
    return { id, name, able: lacks.length === 0, lacks };
  };
  return [
    ability('verify', 'compute, verify and trace flows'),
    ability('packets', 'carry packets on kernel interfaces', 'addon', 'packet-sockets'),
    ability('dpdk', 'carry packets with DPDK', 'addon', 'huge-pages', 'dpdk'),
    ability('offload', 'offload flows to hardware', 'addon', 'huge-pages', 'dpdk', 'controllers'),
  ];
}

const whys: Readonly<Record<string, { name: string; why: string }>> = {
  addon: { name: 'native addon', why: 'it looks at this machine, and talks to sockets and hardware' },
  processor: { name: 'processor', why: 'the data plane is as fast as its vector instructions' },
  privileges: { name: 'privileges', why: 'opening packet sockets, setting interfaces up, locking memory for DMA' },
  'packet-sockets': { name: 'packet sockets', why: 'they carry packets on any interface that the kernel has' },
  'huge-pages': { name: 'huge pages', why: 'DPDK keeps packets in them' },
  dpdk: {
    name: 'DPDK',
    why: 'it drives network controllers without the kernel, and takes rules for their hardware (rte_flow)',
  },
  doca: { name: 'DOCA Flow', why: "NVIDIA's own way to a BlueField's hardware, with connection tracking" },
  controllers: { name: 'controllers', why: 'flows are offloaded to the embedded switch of a BlueField or ConnectX' },
};

function finding(id: keyof typeof whys, state: Finding['state'], found: string, todo = ''): Finding {
  const { name = id, why = '' } = whys[id] ?? {};
  return { id, name, state, found, why, todo };
}

function addon(detection: Detection): Finding {
  if (detection.addon === 'missing') {
    const todo = 'install g++, make and Python 3, then install lflow again (npm ci, or npm rebuild lflow)';
    return finding('addon', 'missing', detection.reason.replace('missing: ', ''), todo);
  }
  return finding('addon', 'ok', detection.addon === 'dpdk' ? 'built with DPDK' : 'built without DPDK');
}

function unlooked(): Finding[] {
  return Object.keys(whys)
    .filter((id) => id !== 'addon')
    .map((id) => finding(id, 'unknown', 'nobody could look: the native addon is missing'));
}

function processor({ cpu }: Machine): Finding {
  const found = `${cpu.model || cpu.architecture}, ${count(cpu.cpus, 'processor')}; has ${cpu.features.join(', ') || 'nothing of interest'}`;
  const slow = ['sse4.2', 'asimd'].filter((feature) => cpu.lacking.includes(feature));
  if (slow.length === 0) return finding('processor', 'ok', found);
  return finding('processor', 'missing', `${found}; lacks ${slow.join(', ')}`, 'use a processor of the last ten years');
}

function privileges(machine: Machine): Finding {
  const { netAdmin, netRaw, ipcLock } = machine.privileges;
  const all: [string, boolean][] = [
    ['CAP_NET_ADMIN', netAdmin],
    ['CAP_NET_RAW', netRaw],
    ['CAP_IPC_LOCK', ipcLock],
  ];
  const lacking = all.filter(([, has]) => !has).map(([name]) => name);
  if (lacking.length === 0) return finding('privileges', 'ok', all.map(([name]) => name).join(', '));
  return finding(
    'privileges',
    'missing',
    `no ${lacking.join(', no ')}`,
    'run as root, or grant them (setcap, or the pod)',
  );
}

function packetSockets({ packetSocket }: Machine): Finding {
  if (!packetSocket.opens) {
    return finding(
      'packet-sockets',
      'missing',
      `cannot be opened: ${packetSocket.reason}`,
      'grant CAP_NET_RAW, or run as root',
    );
  }
  return finding(
    'packet-sockets',
    'ok',
    packetSocket.ring ? 'open, with a ring (TPACKET_V3)' : 'open, but without a ring',
  );
}

function hugePages({ hugePages: sizes, hugePageMounts: mounts }: Machine): Finding {
  const some = sizes.filter((size) => size.total > 0);
  const reserve = 'echo 1024 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
  const mount = 'mkdir -p /dev/hugepages && mount -t hugetlbfs none /dev/hugepages';
  if (some.length === 0) {
    const known = sizes.map((size) => bytes(size.kilobytes)).join(' or ');
    return finding('huge-pages', 'missing', known ? `none is set aside (of ${known})` : 'the kernel has none', reserve);
  }
  const found = some.map((size) => `${size.free} free of ${size.total} of ${bytes(size.kilobytes)}`).join(', ');
  const [place] = mounts;
  if (!place) return finding('huge-pages', 'missing', `${found}, but they are not mounted`, mount);
  return finding('huge-pages', 'ok', `${found}, at ${place.path}`);
}

function dpdk(library: Library): Finding {
  if (library.linked) return finding('dpdk', 'ok', `${library.version}, which the addon is built with`);
  const build = 'npm run build:dpdk';
  if (library.present) {
    const found = `${library.version || library.file} is installed, but the addon is built without it`;
    return finding('dpdk', 'missing', found, `install its development files (libdpdk-dev), then: ${build}`);
  }
  return finding('dpdk', 'missing', 'not installed', `apt-get install libdpdk-dev, then: ${build}`);
}

function doca(library: Library): Finding {
  const version = library.version ? `DOCA ${library.version}` : 'installed';
  if (library.linked) return finding('doca', 'ok', `${version}, which the addon is built with`);
  if (library.present) {
    return finding('doca', 'missing', `${version}, but the addon is built without it`, 'npm run build:dpdk');
  }
  return finding('doca', 'missing', 'not installed', "install NVIDIA's DOCA (doca-all), then: npm run build:dpdk");
}

function controllers(machine: Machine): Finding[] {
  // A virtual function belongs to somebody else's machine; its physical one tells all about the switch.
  const devices = machine.pciDevices.filter((device) => controllerOf(device.device) && device.physical === '');
  if (devices.length === 0) {
    return [
      finding('controllers', 'missing', 'no BlueField and no ConnectX', 'offload needs one; all else works without'),
    ];
  }
  const onDpu = /bluefield/i.test(machine.product);
  return devices.map((device) => controller(device, onDpu));
}

function controller(device: PciDevice, onDpu: boolean): Finding {
  const kind = controllerOf(device.device);
  const side = kind?.dpu ? `, seen from ${onDpu ? 'the DPU' : 'the host'}` : '';
  const ports = device.netdevs.filter((netdev) => netdev.switchId !== '');
  const representors = ports.filter((netdev) => /^(c\d+)?pf\d+/.test(netdev.port));
  const found = [
    `${kind?.name ?? 'controller'} at ${device.address}${side}`,
    device.driver ? `driver ${device.driver}` : 'no driver',
    ...(device.netdevs.length > 0 ? [names(device)] : []),
    ports.length > 0 ? `switchdev with ${count(representors.length, 'representor')}` : 'not in switchdev mode',
    ...(device.vfs > 0 ? [`${count(device.vfs, 'virtual function')} of ${device.maxVfs}`] : []),
  ].join('; ');
  const todo = controllerTodo(device, ports.length > 0, kind?.dpu === true && !onDpu);
  const state = todo === '' && kind?.hardwareSteering ? 'ok' : 'missing';
  return finding('controllers', state, found, todo || (state === 'ok' ? '' : 'offload needs a ConnectX-6 Dx or later'));
}

function controllerTodo(device: PciDevice, switchdev: boolean, dpuFromHost: boolean): string {
  if (dpuFromHost) return "run lflow doctor on the DPU: its switch is its own Arm processors' business";
  if (device.driver === '') return 'load the driver: modprobe mlx5_core';
  if (!switchdev) return `devlink dev eswitch set pci/${device.address} mode switchdev`;
  return '';
}

function names(device: PciDevice): string {
  const shown = device.netdevs.slice(0, 4).map((netdev) => `${netdev.name} (${netdev.state || 'state unknown'})`);
  const more = device.netdevs.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function bytes(kilobytes: number): string {
  return kilobytes >= 1048576 ? `${kilobytes / 1048576} GB` : `${kilobytes / 1024} MB`;
}
