/** The addon on this machine and on one that is made of files; where it was not built, that it says so. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { detect } from '../../native/index.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const built = ['build/Release/lflow.node', 'build/dpdk/Release/lflow.node'].some((file) =>
  existsSync(join(project, file)),
);
const root = mkdtempSync(join(tmpdir(), 'lflow-native-'));
afterAll(() => rmSync(root, { recursive: true }));

/** Writes files below the made-up root; a value that begins with `->` is a symbolic link. */
function plant(files: Record<string, string>): void {
  for (const [name, value] of Object.entries(files)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (value.startsWith('->')) symlinkSync(value.slice(2), path);
    else writeFileSync(path, value);
  }
}

plant({
  'proc/cpuinfo': 'processor\t: 0\nmodel name\t: Planted CPU @ 2.00GHz\n',
  'proc/self/mounts': 'proc /proc proc rw 0 0\nnodev /mnt/huge hugetlbfs rw,pagesize=1024M 0 0\n',
  'sys/class/dmi/id/product_name': 'BlueField-3 SmartNIC\n',
  'sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '8\n',
  'sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages': '3\n',
  'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '0\n',
  'sys/bus/pci/devices/0000:00:01.0/vendor': '0x8086\n',
  'sys/bus/pci/devices/0000:03:00.0/vendor': '0x15b3\n',
  'sys/bus/pci/devices/0000:03:00.0/device': '0xa2dc\n',
  'sys/bus/pci/devices/0000:03:00.0/class': '0x020000\n',
  'sys/bus/pci/devices/0000:03:00.0/numa_node': '1\n',
  'sys/bus/pci/devices/0000:03:00.0/sriov_numvfs': '4\n',
  'sys/bus/pci/devices/0000:03:00.0/sriov_totalvfs': '46\n',
  'sys/bus/pci/devices/0000:03:00.0/driver': '->../../../bus/pci/drivers/mlx5_core',
  'sys/bus/pci/devices/0000:03:00.0/net/p0/phys_port_name': 'p0\n',
  'sys/bus/pci/devices/0000:03:00.0/net/p0/phys_switch_id': '82f5c20003b8ceb8\n',
  'sys/bus/pci/devices/0000:03:00.0/net/p0/operstate': 'up\n',
  'sys/bus/pci/devices/0000:03:00.2/vendor': '0x15b3\n',
  'sys/bus/pci/devices/0000:03:00.2/device': '0x101e\n',
  'sys/bus/pci/devices/0000:03:00.2/physfn': '->../0000:03:00.0',
  // What is broken is taken for absent.
  'sys/bus/pci/devices/0000:04:00.0/vendor': 'nonsense',
});

const planted = () => {
  const detection = detect(root);
  if (detection.addon === 'missing') throw new Error(detection.reason);
  return detection.machine;
};

test('both builds have the same sources, and they are there', () => {
  const sources: string[] = JSON.parse(readFileSync(join(project, 'native/sources.json'), 'utf8'));
  for (const source of sources) expect(existsSync(join(project, source)), source).toBe(true);
  for (const recipe of ['binding.gyp', 'CMakeLists.txt']) {
    const text = readFileSync(join(project, recipe), 'utf8');
    expect(text).toContain('native/sources.json');
    expect(text).not.toMatch(/\.cc\b/);
  }
});

// Without a compiler there is none to test, and that is no failure.
if (built) {
  describe('the addon', () => {
    test('looks at this machine', () => {
      const detection = detect();
      if (detection.addon === 'missing') throw new Error(detection.reason);
      const { cpu, packetSocket, dpdk } = detection.machine;
      expect(cpu.architecture).not.toBe('');
      expect(cpu.cpus).toBeGreaterThan(0);
      expect(packetSocket.opens).toBe(packetSocket.reason === '');
      expect(dpdk.present).toBe(dpdk.reason === '');
      if (dpdk.present) expect(dpdk.version).toMatch(/^DPDK \d/);
      expect(dpdk.linked).toBe(detection.addon === 'dpdk');
    });

    test('knows what this process may do', () => {
      const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
      const has = (capability: bigint) => ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n;
      const detection = detect();
      if (detection.addon === 'missing') throw new Error(detection.reason);
      expect(detection.machine.privileges).toEqual({ netAdmin: has(12n), netRaw: has(13n), ipcLock: has(14n) });
    });

    test('finds processor, product and huge pages', () => {
      const machine = planted();
      expect(machine.cpu.model).toBe('Planted CPU @ 2.00GHz');
      expect(machine.product).toBe('BlueField-3 SmartNIC');
      expect(machine.hugePages).toEqual([
        { kilobytes: 2048, total: 0, free: 0 },
        { kilobytes: 1048576, total: 8, free: 3 },
      ]);
      expect(machine.hugePageMounts).toEqual([{ path: '/mnt/huge', options: 'rw,pagesize=1024M' }]);
    });

    test('finds the functions of NVIDIA controllers, and no others', () => {
      expect(planted().pciDevices).toEqual([
        {
          address: '0000:03:00.0',
          device: 0xa2dc,
          class: 0x020000,
          driver: 'mlx5_core',
          physical: '',
          numa: 1,
          vfs: 4,
          maxVfs: 46,
          netdevs: [{ name: 'p0', port: 'p0', switchId: '82f5c20003b8ceb8', state: 'up' }],
        },
        {
          address: '0000:03:00.2',
          device: 0x101e,
          class: 0,
          driver: '',
          physical: '0000:03:00.0',
          numa: -1,
          vfs: 0,
          maxVfs: 0,
          netdevs: [],
        },
      ]);
    });

    test('finds nothing where there is nothing', () => {
      const detection = detect(join(root, 'no-such-folder'));
      if (detection.addon === 'missing') throw new Error(detection.reason);
      expect(detection.machine).toMatchObject({ product: '', hugePages: [], hugePageMounts: [], pciDevices: [] });
    });
  });
}

describe('a copy of the package without an addon', () => {
  const copy = mkdtempSync(join(tmpdir(), 'lflow-copy-'));
  afterAll(() => rmSync(copy, { recursive: true }));
  cpSync(join(project, 'dist/native'), join(copy, 'dist/native'), { recursive: true });
  writeFileSync(
    join(copy, 'package.json'),
    JSON.stringify({ type: 'module', imports: { '#addon/*': './build/*/lflow.node' } }),
  );
  const detectThere = () => {
    const index = JSON.stringify(pathToFileURL(join(copy, 'dist/native/index.js')).href);
    const script = `import { detect } from ${index}; console.log(JSON.stringify(detect()));`;
    return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }));
  };

  test('says that it is missing', () => {
    expect(detectThere()).toEqual({ addon: 'missing', reason: 'missing: the native addon was not built' });
  });

  test('says why it does not load', () => {
    mkdirSync(join(copy, 'build/Release'), { recursive: true });
    writeFileSync(join(copy, 'build/Release/lflow.node'), 'no shared object');
    expect(detectThere().reason).toMatch(/^missing: the native addon does not load: .*lflow\.node/);
  });
});
