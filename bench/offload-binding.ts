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
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, cpuUsage } from 'node:process';
import { parseArgs } from 'node:util';
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
function ruleOf(index: number): Rule {
  const address = (first: number) => [first, (index >> 16) & 255, (index >> 8) & 255, index & 255].join('.');
  return {
    group: index % 4,
    priority: index % 16,
    pattern: [
      { type: 'represented_port', spec: { ethdev_port_id: 'pf0vf0' } },
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
      { type: 'represented_port', ethdev_port_id: 'pf0vf1' },
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
  process.stdout.write(`${count} rules, median of ${runs} runs\n${tableText(rows)}`);
} finally {
  await running.stop();
  rmSync(folder, { recursive: true });
}
