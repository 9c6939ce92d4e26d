import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { run } from '../../cli/program.ts';
import { fileName } from '../../cli/traffic/capture-folder.ts';
import { readCapture, writeCapture } from '../../engine/capture/index.ts';
import { frame, protocols, udp, whoHas } from '../oracle/frames.ts';

const example = fileURLToPath(new URL('../../examples/isolated-networks.yaml', import.meta.url));
const front = 'default/frontnet-vf2@node-1';
const back = 'default/backnet-vf3@node-1';
const localnet = 'default/splitvpc@node-1+external:localnet';
const frontHost = { mac: '02:a0:60:4e:d2:61', ip: '10.100.0.2' };
const gateway = { ip: '10.100.0.1', mac: '' };
const second = 1_000_000_000n;
const when = 1_700_000_000n * second + 123_456_789n;

let folder = '';
let out = '';
let serial = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-replay-'));
});
beforeEach(() => {
  serial += 1;
  out = join(folder, `out${serial}`);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function replay(...args: string[]) {
  const file = join(folder, 'answer');
  rmSync(file, { force: true });
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run(['replay', example, '--node', 'node-1', '--out', out, ...args, '-o', file]);
  stderr.mockRestore();
  return { status, said, answer: status === 0 ? readFileSync(file, 'utf8') : '' };
}

function capture(name: string, frames: readonly (readonly [bigint, Uint8Array])[], format?: 'pcap' | 'pcapng'): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    writeCapture(
      frames.map(([timestamp, bytes]) => ({ timestamp, bytes })),
      format,
    ),
  );
  return file;
}

const sentTo = (port: string) => readCapture(readFileSync(join(out, `${fileName(port)}.pcap`)), 'out').frames;

const toRouter = (dst: string, to: string, port = 4000): Uint8Array =>
  frame({ src: frontHost.mac, dst: to }, { src: frontHost.ip, dst }, protocols.udp, udp(port, 443, [1, 2, 3]));

/** The gateway's MAC address, as it answers. */
async function learnGateway(): Promise<string> {
  const file = capture('arp.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  expect((await replay('--port', `${front}=${file}`)).status).toBe(0);
  const [answer] = sentTo(front);
  const bytes = answer?.bytes ?? new Uint8Array();
  return [...bytes.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

test('the router answers a question for its address, at the very nanosecond', async () => {
  const file = capture('arp.pcap', [[when, whoHas(frontHost, gateway.ip)]], 'pcapng');
  const { status, answer } = await replay('--port', `${front}=${file}`);
  expect(status).toBe(0);
  expect(answer).toContain('Node node-1: 1 frames in, ');
  const [reply] = sentTo(front);
  expect(reply?.timestamp).toBe(when);
  // ARP, a reply, from the gateway's address.
  expect([...(reply?.bytes.subarray(12, 14) ?? [])]).toEqual([8, 6]);
  expect([...(reply?.bytes.subarray(20, 22) ?? [])]).toEqual([0, 2]);
  expect([...(reply?.bytes.subarray(28, 32) ?? [])]).toEqual([10, 100, 0, 1]);
  expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('captures are merged by time; what was dropped is told with the row and its line', async () => {
  const router = await learnGateway();
  const a = capture('a.pcap', [
    [when, toRouter('10.200.0.2', router)],
    [when + 20n, toRouter('10.200.0.2', router, 4001)],
    [when + 2n * second, toRouter('10.200.0.2', router, 4002)],
  ]);
  const b = capture('b.pcap', [[when + 10n, whoHas({ mac: '02:b1:77:4b:eb:c5', ip: '10.200.0.2' }, '10.200.0.1')]]);
  const { status, answer } = await replay(
    ...['--port', `${front}=${a}`, '--port', `${back}=${b}`],
    ...['--stats', '--format', 'json'],
  );
  expect(status).toBe(0);
  const report = JSON.parse(answer);
  expect(report.frames.in).toBe(4);
  const ports = new Map(report.ports.map((port: { port: string }) => [port.port, port]));
  expect(ports.get(front)).toMatchObject({ in: 3 });
  expect(ports.get(back)).toMatchObject({ in: 1, out: 1, file: join(out, `${fileName(back)}.pcap`) });
  expect(sentTo(back).map(({ timestamp }) => timestamp)).toEqual([when + 10n]);
  const decided = report.flows.filter(
    ({ stage, actions }: { stage: string; actions: string }) => stage === 'lr_in_policy' && actions.includes('drop'),
  );
  const policies = decided.filter(({ packets }: { packets: number }) => packets === 3);
  expect(policies.length).toBe(1);
  expect(policies[0]).toMatchObject({ row: { table: 'Logical_Router_Policy' }, datapath: 'default/splitvpc' });
});

test('statistics for a person', async () => {
  const file = capture('arp.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  const { answer } = await replay('--port', `${front}=${file}`, '--stats');
  expect(answer).toMatch(/^Decided by rows of the northbound database:\npackets +bytes +row/m);
  expect(answer).toMatch(
    /^ +1 +\d+ +Logical_Switch_Port "default\/frontnet:router" .*ls_in_arp_rsp.*isolated-networks/m,
  );
  expect(answer).toMatch(/^misses +[1-9]/m);
});

test('a packet for the world outside leaves by the localnet port, once its router is known', async () => {
  const router = await learnGateway();
  const file = capture('out.pcap', [[when, toRouter('198.51.100.7', router)]]);
  const { status } = await replay('--port', `${front}=${file}`);
  expect(status).toBe(0);
  const [question] = sentTo(localnet);
  // The gateway router asks who has the next hop.
  expect([...(question?.bytes.subarray(12, 14) ?? [])]).toEqual([8, 6]);
});

test('files of an earlier time go, others stay', async () => {
  const file = capture('arp.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  mkdirSync(out);
  writeFileSync(join(out, `${fileName(back)}.pcap`), 'old');
  writeFileSync(join(out, 'notes.txt'), 'mine');
  expect((await replay('--port', `${front}=${file}`)).status).toBe(0);
  expect(existsSync(join(out, `${fileName(back)}.pcap`))).toBe(false);
  expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine');
});

test('a broken capture ends in a sentence, and nothing appears', async () => {
  const bad = join(folder, 'bad.pcap');
  writeFileSync(bad, 'this is no capture');
  const good = capture('arp.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  const { status, said } = await replay('--port', `${front}=${good}`, '--port', `${front}=${bad}`);
  expect(status).toBe(2);
  expect(said).toContain('bad.pcap:1:1: this is no capture');
  expect(existsSync(out)).toBe(false);
});

test('a capture that is cut off is replayed as far as it goes', async () => {
  const file = capture('cut.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  const bytes = readFileSync(file);
  writeFileSync(file, Buffer.concat([bytes, bytes.subarray(24, 60)]));
  const { status, said } = await replay('--port', `${front}=${file}`);
  expect(status).toBe(0);
  expect(said).toContain('the file ends within a frame');
  expect(sentTo(front).length).toBe(1);
});

test.each([
  [
    'a port that is not there',
    ['--port', 'nobody=x.pcap'],
    /no port "nobody" on node "node-1"; the ports are "default\/backnet-vf3@node-1"/,
  ],
  ['no file', ['--port', front], /--port default\/frontnet-vf2@node-1: give it as LPORT=FILE/],
  ['an empty file name', ['--port', `${front}=`], /give it as LPORT=FILE/],
  ['a file that is not there', ['--port', `${front}=missing.pcap`], /missing\.pcap:1:1: cannot be read: no such file/],
  ['another node', ['--node', 'node-3', '--port', `${front}=x`], /no node "node-3"; the nodes are "node-1", "node-2"/],
])('%s', async (_, args, sentence) => {
  const { status, said } = await replay(...args);
  expect(status).toBe(2);
  expect(said).toMatch(sentence);
  expect(existsSync(out)).toBe(false);
});

test('an input that would be replaced is refused', async () => {
  mkdirSync(out);
  const file = join(out, `${fileName(back)}.pcap`);
  writeFileSync(file, writeCapture([]));
  const { status, said } = await replay('--port', `${front}=${file}`);
  expect(status).toBe(2);
  expect(said).toContain('would replace it');
  expect(existsSync(file)).toBe(true);
});

test('a folder that cannot be is refused, and nothing else is said of it', async () => {
  const file = capture('short.pcap', [[when, whoHas(frontHost, gateway.ip)]]);
  for (const folder of [file, join(file, 'below'), '/proc/none/below']) {
    out = folder;
    const { status, said } = await replay('--port', `${front}=${file}`);
    expect(status).toBe(2);
    expect(said).toMatch(/^lflow: cannot write to --out /);
    expect(said).not.toContain('.lflow-');
  }
});

test('names of files', () => {
  expect(fileName('default/vf2@node-1')).toBe('default%2Fvf2%40node-1');
  expect(fileName('..')).toBe('%2E.');
  expect(decodeURIComponent(fileName('ü%/\u0000 x'))).toBe('ü%/\u0000 x');
});
