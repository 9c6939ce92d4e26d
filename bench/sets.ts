/**
 * Sets of packets: the kernel of decision diagrams by itself; the flow tables of
 * a topology folded by first match, with fields in different orders; and the
 * same with diagrams that have a node a field.
 *
 *     npm run bench:sets -- [--vpcs N] [--networks N] [--nodes N] [--interfaces N] [--runs N]
 *
 * Times are of the processor, medians of the runs.  `steps` are of operations,
 * `made` and `most` nodes altogether and at once.  `--part kernel` and
 * `--part tables` measure one of the two.
 */
import { cpuUsage } from 'node:process';
import { computeSouthbound } from '../engine/northd/index.ts';
import { createSpace, type Space } from '../engine/sets/index.ts';
import { northboundOf } from '../engine/vpc/index.ts';
import { duration, median, readOptions, sizeText, tableText } from './measure.ts';
import { type Diagrams, flatDiagrams, foldPipelines, foldTables, type Work } from './sets/diagrams.ts';
import { fieldDiagrams } from './sets/ndd.ts';
import { type BitTable, inOrder, orders, pipelinesOf, toBits } from './sets/tables.ts';
import { resourcesOf } from './topology.ts';

const options = readOptions(1);
if (options.part === undefined || options.part === 'kernel') kernel();
if (options.part === undefined || options.part === 'tables') tables();

function kernel(): void {
  const fields = inOrder(orders['enumerated, dst, ports, inport, src'] ?? []);
  const rows = [['', 'time', 'steps', 'steps/s', 'nodes', 'nodes/s', 'size', 'memory']];
  for (const [name, work] of Object.entries(kernelWork())) {
    const runs = Array.from({ length: options.runs }, () => {
      const space = createSpace(fields);
      const start = cpuUsage();
      const set = work(space);
      const { user, system } = cpuUsage(start);
      const time = (user + system) / 1000;
      const { steps, peakNodes, bytes } = space.stats();
      return { time, steps, peakNodes, bytes, size: space.size(set) };
    });
    const time = median(runs.map((run) => run.time));
    const { steps = 0, peakNodes = 0, size = 0, bytes = 0 } = runs[0] ?? {};
    const rate = (count: number) => `${(count / time / 1000).toFixed(1)} M`;
    const cells = [duration(time), millions(steps), rate(steps), millions(peakNodes), rate(peakNodes)];
    rows.push([name, ...cells, String(size), megabytes(bytes)]);
  }
  process.stdout.write(`${tableText(rows)}\n`);
}

function kernelWork(): Record<string, (space: Space) => number> {
  const field = (space: Space, name: string) => space.fields.findIndex((one) => one.name === name);
  const exactly = (space: Space, name: string, value: bigint) => {
    const index = field(space, name);
    return { field: index, value, mask: (1n << BigInt(space.fields[index]?.width ?? 0)) - 1n };
  };
  const macs = numbers(10_000, 48);
  const addresses = numbers(10_000, 32);
  const relation = (space: Space, names: readonly string[]) =>
    space.orAll(
      macs.map((mac, i) =>
        space.cube(
          names.map((name) =>
            exactly(space, name, name === 'eth.src' ? mac : name === 'inport' ? BigInt(i) : (addresses[i] ?? 0n)),
          ),
        ),
      ),
    );
  const rule = (space: Space, random: readonly bigint[]) => {
    const [src = 0n, dst = 0n, port = 0n, lengths = 0n] = random;
    const prefix = (name: string, value: bigint, length: number) => ({
      field: field(space, name),
      value,
      mask: ((1n << BigInt(length)) - 1n) << BigInt(32 - length),
    });
    return space.cube([
      exactly(space, 'eth.type', 0x800n),
      exactly(space, 'ip.proto', lengths & 1n ? 6n : 17n),
      prefix('ip4.src', src, 8 + Number((lengths >> 1n) & 15n)),
      prefix('ip4.dst', dst, 16 + Number((lengths >> 5n) & 15n)),
      exactly(space, lengths & 1n ? 'tcp.dst' : 'udp.dst', port & 0xffffn),
    ]);
  };
  const random = numbers(8000, 32);
  return {
    '10 000 IPv4 addresses, ORed': (space) =>
      space.orAll(addresses.map((value) => space.cube([exactly(space, 'ip4.dst', value)]))),
    '10 000 MAC addresses, a port each': (space) => relation(space, ['inport', 'eth.src']),
    '10 000 ports, MAC and IPv4 addresses': (space) => relation(space, ['inport', 'eth.src', 'ip4.src']),
    '2 000 random rules, first match': (space) => {
      let covered = 0;
      for (let i = 0; i < 2000; i++) {
        const match = rule(space, random.slice(4 * i, 4 * i + 4));
        covered = space.or(covered, space.diff(match, covered));
      }
      return covered;
    },
    'two equal fields of 18 bits': (space) => space.same(field(space, 'ip4.dst'), 0, field(space, 'ip4.src'), 0, 18),
    'a million cubes of 60 bits': (space) => {
      const [first, second] = [field(space, 'eth.dst'), field(space, 'inport')];
      const bits = new Int32Array(63);
      for (let n = 0; n < 1_000_000; n++) {
        for (let i = 0; i < 48; i++) bits[i] = space.variableOf(first, 47) * 2 + i * 2 + ((n >> (i % 24)) & 1);
        for (let i = 0; i < 15; i++) bits[48 + i] = space.variableOf(second, 14) * 2 + i * 2 + ((n >> i) & 1);
        space.cubeBits(bits, 63);
        if (n % 1000 === 999) space.release(1);
      }
      return 0;
    },
  };
}

function tables(): void {
  const { southbound } = computeSouthbound(northboundOf(resourcesOf(options)));
  const pipelines = pipelinesOf(southbound);
  process.stdout.write(`${sizeText(options)}: ${southbound.flows.length} flows\n`);
  const heading = ['steps', 'made', 'most', 'memory'];
  const rows = [['', 'by table', ...heading, 'by pipeline', ...heading]];
  for (const [at, [order, first]] of Object.entries(orders).entries()) {
    const row = (name: string, diagramsOf: (space: Space) => Diagrams) => {
      const space = createSpace(inOrder(first));
      const bits = toBits(pipelines, space);
      const diagrams = diagramsOf(space);
      rows.push([name, ...cells(foldTables, diagrams, bits), ...cells(foldPipelines, diagrams, bits)]);
    };
    row(order, flatDiagrams);
    if (at === 0) row(`a node a field: ${order}`, fieldDiagrams);
  }
  process.stdout.write(tableText(rows));
}

function cells(
  fold: (diagrams: Diagrams, pipelines: readonly (readonly BitTable[])[]) => Work,
  diagrams: Diagrams,
  pipelines: readonly (readonly BitTable[])[],
): string[] {
  const runs = Array.from({ length: options.runs }, () => fold(diagrams, pipelines));
  const { steps = 0, made = 0, most = 0, bytes = 0 } = runs[0] ?? {};
  const time = median(runs.map(({ milliseconds }) => milliseconds));
  return [duration(time), millions(steps), millions(made), millions(most), megabytes(bytes)];
}

function millions(count: number): string {
  return count < 100_000 ? String(count) : `${(count / 1e6).toFixed(2)} M`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Numbers that look random, the same ones always. */
function numbers(count: number, bits: number): bigint[] {
  let state = 88172645463325252n;
  return Array.from({ length: count }, () => {
    state ^= (state << 13n) & 0xffffffffffffffffn;
    state ^= state >> 7n;
    state ^= (state << 17n) & 0xffffffffffffffffn;
    return state & ((1n << BigInt(bits)) - 1n);
  });
}
