import { describe, expect, test } from 'vitest';
import define, { report } from '../../cli/commands/doctor.ts';
import { controllerOf } from '../../native/controllers.ts';
import { abilitiesOf, findingsOf } from '../../native/findings.ts';
import type { Machine, Netdev, PciDevice } from '../../native/index.ts';

const absent = { linked: false, present: false, version: '', file: '', reason: 'not found' };

/** A machine that has nothing. */
const bare: Machine = {
  product: '',
  cpu: { architecture: 'x86_64', model: 'Some CPU', cpus: 1, features: ['sse4.2'], lacking: ['avx2'] },
  packetSocket: { opens: false, ring: false, reason: 'Operation not permitted' },
  privileges: { netAdmin: false, netRaw: false, ipcLock: false },
  dpdk: absent,
  doca: absent,
  hugePages: [
    { kilobytes: 2048, total: 0, free: 0 },
    { kilobytes: 1048576, total: 0, free: 0 },
  ],
  hugePageMounts: [],
  pciDevices: [],
};

const netdev = (name: string, port: string, switchId = 'b2c4'): Netdev => ({ name, port, switchId, state: 'up' });

const bluefield3: PciDevice = {
  address: '0000:03:00.0',
  device: 0xa2dc,
  class: 0x020000,
  driver: 'mlx5_core',
  physical: '',
  numa: 0,
  vfs: 2,
  maxVfs: 16,
  netdevs: [netdev('p0', 'p0'), netdev('pf0hpf', 'c1pf0'), netdev('pf0vf0', 'c1pf0vf0')],
};

/** A BlueField's Arm side, ready for all. */
const dpu: Machine = {
  ...bare,
  product: 'BlueField-3 DPU',
  cpu: { architecture: 'aarch64', model: '', cpus: 16, features: ['asimd', 'crc32'], lacking: ['sve'] },
  packetSocket: { opens: true, ring: true, reason: '' },
  privileges: { netAdmin: true, netRaw: true, ipcLock: true },
  dpdk: { linked: true, present: true, version: 'DPDK 22.11.11', file: '', reason: '' },
  doca: { linked: true, present: true, version: '3.2.0', file: '', reason: '' },
  hugePages: [{ kilobytes: 2048, total: 2048, free: 2000 }],
  hugePageMounts: [{ path: '/dev/hugepages', options: 'rw' }],
  pciDevices: [bluefield3],
};

const find = (machine: Machine, id: string) => {
  const found = findingsOf({ addon: 'dpdk', machine }).find((finding) => finding.id === id);
  if (!found) throw new Error(`nothing is said about ${id}`);
  return found;
};

describe('findings', () => {
  test('of a bare machine say what is missing, why it matters and what to do', () => {
    const findings = findingsOf({ addon: 'plain', machine: bare });
    const missing = findings.filter((finding) => finding.state === 'missing');
    expect(missing.map((finding) => finding.id)).toEqual([
      'privileges',
      'packet-sockets',
      'huge-pages',
      'dpdk',
      'doca',
      'controllers',
    ]);
    for (const finding of missing) {
      expect(finding.why).not.toBe('');
      expect(finding.todo).not.toBe('');
    }
    expect(find(bare, 'packet-sockets').found).toContain('Operation not permitted');
    expect(find(bare, 'huge-pages').found).toBe('none is set aside (of 2 MB or 1 GB)');
  });

  test('of a DPU that is ready leave nothing to do', () => {
    for (const finding of findingsOf({ addon: 'dpdk', machine: dpu })) {
      expect(finding).toMatchObject({ state: 'ok', todo: '' });
    }
    expect(find(dpu, 'huge-pages').found).toBe('2000 free of 2048 of 2 MB, at /dev/hugepages');
    expect(find(dpu, 'controllers').found).toBe(
      'BlueField-3 (ConnectX-7) at 0000:03:00.0, seen from the DPU; driver mlx5_core; p0 (up), pf0hpf (up), ' +
        'pf0vf0 (up); switchdev with 2 representors; 2 virtual functions of 16',
    );
  });

  test('without the addon are not made up', () => {
    const findings = findingsOf({ addon: 'missing', reason: 'missing: the native addon was not built' });
    expect(findings[0]).toMatchObject({
      id: 'addon',
      state: 'missing',
      found: 'the native addon was not built',
    });
    expect(findings.slice(1).map((finding) => finding.state)).toEqual(Array(7).fill('unknown'));
    expect(abilitiesOf(findings).map(({ id, able }) => [id, able])).toEqual([
      ['verify', true],
      ['packets', false],
      ['dpdk', false],
      ['offload', false],
    ]);
  });

  test('huge pages that are not mounted are of no use', () => {
    expect(find({ ...dpu, hugePageMounts: [] }, 'huge-pages')).toMatchObject({ state: 'missing' });
  });

  test('a library that is there, but not in the addon, is still missing', () => {
    const library = { linked: false, present: true, version: 'DPDK 23.11', file: 'librte_eal.so.24', reason: '' };
    expect(find({ ...dpu, dpdk: library }, 'dpdk')).toMatchObject({ state: 'missing' });
    expect(find({ ...dpu, doca: library }, 'doca').todo).toContain('build:dpdk');
  });
});

describe('controllers', () => {
  const with_ = (change: Partial<PciDevice>, machine = dpu) =>
    find({ ...machine, pciDevices: [{ ...bluefield3, ...change }] }, 'controllers');

  test('out of switchdev mode: how to get there', () => {
    const found = with_({ netdevs: [netdev('p0', 'p0', '')] });
    expect(found).toMatchObject({ state: 'missing', todo: 'devlink dev eswitch set pci/0000:03:00.0 mode switchdev' });
    expect(found.found).toContain('not in switchdev mode');
  });

  test('without a driver', () => {
    expect(with_({ driver: '', netdevs: [] })).toMatchObject({
      state: 'missing',
      todo: 'load the driver: modprobe mlx5_core',
    });
  });

  test('a BlueField seen from its host is the DPU to ask', () => {
    const found = with_({}, { ...dpu, product: 'PowerEdge R760' });
    expect(found.found).toContain('seen from the host');
    expect(found.todo).toContain('on the DPU');
  });

  test('too old for hardware steering', () => {
    expect(with_({ device: 0x1017 })).toMatchObject({
      state: 'missing',
      todo: 'offload needs a ConnectX-6 Dx or later',
    });
  });

  test('virtual functions and other devices do not count', () => {
    expect(with_({ device: 0x101e, physical: '0000:03:00.0' }).found).toBe('no BlueField and no ConnectX');
    expect(with_({ device: 0xc2d5 }).found).toBe('no BlueField and no ConnectX');
  });

  test('one that is fit is enough', () => {
    const pciDevices = [{ ...bluefield3, device: 0x1013 }, bluefield3];
    const abilities = abilitiesOf(findingsOf({ addon: 'dpdk', machine: { ...dpu, pciDevices } }));
    expect(abilities.every((ability) => ability.able)).toBe(true);
  });

  test('many interfaces are cut short', () => {
    const netdevs = Array.from({ length: 20 }, (_, i) => netdev(`pf0vf${i}`, `c1pf0vf${i}`));
    expect(with_({ netdevs }).found).toContain('and 16 more');
  });

  test('are known by their PCI IDs', () => {
    expect(controllerOf(0xa2d6)).toMatchObject({ dpu: true, name: 'BlueField-2 (ConnectX-6 Dx)' });
    expect(controllerOf(0x101d)).toMatchObject({ dpu: false, hardwareSteering: true });
    expect(controllerOf(0)).toBeUndefined();
  });
});

describe('lflow doctor', () => {
  test('prints a table: state, name, what was found, and under it why and what to do', () => {
    const findings = findingsOf({ addon: 'plain', machine: bare });
    const text = report(findings, abilitiesOf(findings), 'lflow');
    expect(text.split('\n').slice(0, 8)).toEqual([
      'lflow',
      '',
      'ok       native addon    built without DPDK',
      '                         for: it looks at this machine, and talks to sockets and hardware',
      'ok       processor       Some CPU, 1 processor; has sse4.2',
      '                         for: the data plane is as fast as its vector instructions',
      'missing  privileges      no CAP_NET_ADMIN, no CAP_NET_RAW, no CAP_IPC_LOCK',
      '                         for: opening packet sockets, setting interfaces up, locking memory for DMA',
    ]);
    expect(text).toContain('\n  yes  compute, verify and trace flows\n');
    expect(text).toContain('\n  no   carry packets on kernel interfaces (see packet-sockets)\n');
    expect(text.endsWith('\n')).toBe(true);
  });

  test('takes no arguments but its format and output', () => {
    expect(define().options.map((option) => option.long)).toEqual(['--format', '--output']);
  });
});
