/**
 * Rules a second on the way into a device: through the binding alone, and through the exchange of a whole set.
 *
 *     npm run build:dpdk
 *     npm run bench:offload-binding -- [--rules N] [--runs N]
 *
 * The device is the emulated one, in this process (by the addon) and in lflow-device (by a socket).  `convert` makes the
 * structures of rte_flow and reads them back, `validate` has the device look at them, `create` installs them, `list` reads
 * them with their counters.  `apply` exchanges the set that there is for another of the same size: list, validate,
 * create, one step, destroy.  So these are bounds of what we add; hardware has its own.  Rates are of the clock, and in
 * brackets of the processors' time, which tells more on a machine that does other things as well.
 *
 * Where there is testpmd (Debian's dpdk-dev), the same rules go to the same driver by it and by the binding.  No virtual
 * port of Debian's DPDK takes rules, so what is compared is how fast each of them reads rules, makes the structures of
 * rte_flow, calls the driver and tells its refusal; testpmd's start and end are taken off.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, cpuUsage } from 'node:process';
import { parseArgs } from 'node:util';
import { testpmdScript } from '../engine/offload/forms/testpmd.ts';
import type { Rule } from '../engine/offload/rules.ts';
import { applyRules, connectDevice, type OffloadDevice, openDevice, startDevice } from '../native/offload/index.ts';
import { median, processCpu, tableText } from './measure.ts';

const { values } = parseArgs({
  args: argv.slice(2),
  options: { rules: { type: 'string', default: '20000' }, runs: { type: 'string', default: '5' } },
});
const count = Number(values.rules);
const runs = Number(values.runs);
const ports = ['p0', 'pf0vf0', 'pf0vf1'];

/** Rules as a routed connection has them: ports, addresses, MAC rewrite, TTL, counter, age, output. */
function ruleOf(index: number, from = 'pf0vf0', to = 'pf0vf1'): Rule {
  const address = (first: number) => [first, (index >> 16) & 255, (index >> 8) & 255, index & 255].join('.');
  return {
    group: index % 4,
    priority: index % 16,
    pattern: [
      { type: 'represented_port', spec: { ethdev_port_id: from } },
      { type: 'eth', spec: { dst: '02:00:00:00:00:01', type: 0x0800 } },
      {
        type: 'ipv4',
        spec: { src: address(10), dst: address(20), fragment_offset: 0 },
        mask: { fragment_offset: 0x3fff },
      },
      { type: 'tcp', spec: { dst: index & 0xffff } },
    ],
    actions: [
      { type: 'count' },
      { type: 'age', timeout: 60 },
      { type: 'set_mac_src', mac_addr: '02:00:00:00:01:01' },
      { type: 'set_mac_dst', mac_addr: '02:00:00:00:01:02' },
      { type: 'dec_ttl' },
      { type: 'represented_port', ethdev_port_id: to },
    ],
    cookie: `rule ${index}`,
  };
}

const rules = Array.from({ length: count }, (_, index) => ruleOf(index));
const set = { node: 'worker1', device: 'emulated', rules };
const BATCH = 1000;

async function inBatches(work: (batch: readonly Rule[]) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += BATCH) await work(rules.slice(i, i + BATCH));
}

/** Milliseconds that processors have spent on this process and on the device's. */
function processorTime(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000 + processCpu(running.pid);
}

/** Rules a second of the clock, and in brackets of the processor, of the median run. */
async function rate(work: () => Promise<unknown>, after: () => Promise<unknown> = async () => {}): Promise<string> {
  const [times, spent]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const begin = performance.now();
    const before = processorTime();
    await work();
    times.push(performance.now() - begin);
    spent.push(processorTime() - before);
    await after();
  }
  const of = (milliseconds: readonly number[]) =>
    Math.round((count / median(milliseconds)) * 1000).toLocaleString('en');
  return `${of(times)} (${of(spent)})`;
}

async function measure(device: OffloadDevice): Promise<string[]> {
  const convert = await rate(() => inBatches((batch) => device.convert(batch)));
  const validate = await rate(() => inBatches((batch) => device.validate(batch)));
  const create = await rate(
    () => inBatches((batch) => device.create(batch)),
    () => device.flush(),
  );
  await applyRules(device, set);
  const list = await rate(() => device.list());
  const apply = await rate(() => applyRules(device, set));
  return [convert, validate, create, list, apply];
}

const eal = (name: string): string[] => [
  ...['--no-huge', '--no-pci', '-m', '256', '--no-telemetry', `--file-prefix=lflow-bench-${name}-${process.pid}`],
  ...['--vdev=net_null0', '--vdev=net_null1', '--log-level=4'],
];

/** Milliseconds of the clock and of the processor that testpmd takes for a script; undefined where there is none. */
function testpmd(script: string): [number, number] | undefined {
  const begin = performance.now();
  const usage = ['sh', '-c', 'dpdk-testpmd "$@" >/dev/null 2>&1 && times', 'sh'] as const;
  const [shell, ...first] = usage;
  const args = [...eal('testpmd'), '--lcores=(0,1)@0', '--', '-i', '--total-num-mbufs=2048'];
  const { status, stdout } = spawnSync(shell, [...first, ...args], { input: `${script}quit\n`, encoding: 'utf8' });
  if (status !== 0) return undefined;
  const [, children = ''] = stdout.trim().split('\n');
  const spent = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
  return [performance.now() - begin, spent * 1000];
}

/** testpmd takes some milliseconds to read a rule. */
const mostRead = 500;

/** Rules a second by testpmd and by the binding, into the driver that refuses them. */
async function besideTestpmd(): Promise<string[][]> {
  const refused = Array.from({ length: count }, (_, index) => ruleOf(index, 'net_null0', 'net_null1'));
  const read = refused.slice(0, mostRead);
  const [without, all] = [testpmd(''), testpmd(testpmdScript({ ...set, rules: read }))];
  if (!without || !all) return [];
  const device = await openDevice({ kind: 'dpdk', eal: [...eal('binding'), '--lcores=0'] });
  const own = await rate(async () => {
    for (let i = 0; i < count; i += BATCH) await device.create(refused.slice(i, i + BATCH));
  });
  await device.close();
  const of = (at: 0 | 1): string => Math.round((read.length / (all[at] - without[at])) * 1000).toLocaleString('en');
  return [
    ['rules a second that a driver refuses', ''],
    ['testpmd', `${of(0)} (${of(1)})`],
    ['binding', own],
  ];
}

const folder = mkdtempSync(join(tmpdir(), 'lflow-bench-'));
const socket = join(folder, 'device');
const running = await startDevice(socket, { kind: 'emulated', ports });
try {
  const rows = [['rules a second', 'convert', 'validate', 'create', 'list', 'apply']];
  for (const [name, device] of [
    ['in this process', await openDevice({ kind: 'emulated', ports })],
    ['lflow-device', await connectDevice(socket)],
  ] as const) {
    rows.push([name, ...(await measure(device))]);
    await device.close();
  }
  process.stdout.write(`${count} rules, median of ${runs} runs\n${tableText(rows)}\n`);
  const beside = await besideTestpmd();
  process.stdout.write(
    beside.length > 0 ? tableText(beside) : 'There is no testpmd to compare with: install dpdk-dev.\n',
  );
} finally {
  await running.stop();
  rmSync(folder, { recursive: true });
}
