import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../cli/program.ts';

const example = new URL('../../examples/two-vpcs.yaml', import.meta.url).pathname;

let folder = '';
let host: { port: string; mac: string; ip: string };
let other: { port: string; mac: string; ip: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lflow-trace-'));
  const listing = (await lflow('nb', example)).answer;
  const found = [...listing.matchAll(/port (\S+)\n\s+addresses: \["(\S+) (\S+)"\]/g)];
  [host, other] = found.map(([, port = '', mac = '', ip = '']) => ({ port, mac, ip })) as [typeof host, typeof other];
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a command prints, says, and ends with. */
async function lflow(...args: string[]) {
  const file = join(folder, 'answer');
  let said = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
  const status = await run([...args, '-o', file]);
  stderr.mockRestore();
  return { status, said, answer: status === 0 ? readFileSync(file, 'utf8') : '' };
}

const ping = () =>
  `inport == "${host.port}" && eth.src == ${host.mac} && eth.dst == ${other.mac} && ip4.src == ${host.ip} && ip4.dst == ${other.ip} && ip.ttl == 64 && icmp4.type == 8`;

describe('lflow trace', () => {
  test('prints what ovn-trace prints', async () => {
    const { answer } = await lflow('trace', example, ping());
    const title = `ingress(dp="default/bluenet", inport="${host.port}")`;
    expect(answer).toMatch(/^# icmp,reg14=0x1,vlan_tci=0x0000,dl_src=/);
    expect(answer).toContain(
      `\n${title}\n${'-'.repeat(title.length)}\n 0. ls_in_check_port_sec (northd.c:8432): 1, priority 50, uuid`,
    );
    expect(answer).toContain(`    /* output to "${other.port}", type "" */\n`);
  });

  test('has the other forms, alone and together', async () => {
    const minimal = `output("${other.port}");\n`;
    expect((await lflow('trace', example, ping(), '--minimal')).answer.split('\n').slice(1).join('\n')).toBe(minimal);
    expect((await lflow('trace', example, ping(), '--summary')).answer).toContain(
      ' {\n    reg0[15] = check_in_port_sec();\n',
    );
    const all = (await lflow('trace', example, ping(), '--all')).answer;
    expect(all.match(/^# .* trace\.$/gm)).toEqual(['# Detailed trace.', '# Summary trace.', '# Minimal trace.']);
    expect(all.endsWith(minimal)).toBe(true);
  });

  test('takes the datapath before the packet', async () => {
    expect((await lflow('trace', example, 'default/bluenet', ping(), '--minimal')).status).toBe(0);
    const { status, said } = await lflow('trace', example, 'default/nonet', ping());
    expect(status).toBe(2);
    expect(said).toContain('lflow: unknown datapath "default/nonet"; there are "default/bluenet", ');
  });

  test('takes a frame for the packet', async () => {
    const bytes = (text: string, base: number) => text.split(/[.:]/).map((part) => Number.parseInt(part, base));
    const header = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, ...bytes(host.ip, 10), ...bytes(other.ip, 10)];
    const frame = [...bytes(other.mac, 16), ...bytes(host.mac, 16), 8, 0, ...header, 8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
    const hex = frame.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const { answer, said } = await lflow('trace', example, `inport == "${host.port}"`, '--minimal', '--frame', hex);
    expect(answer).toBe((await lflow('trace', example, ping(), '--minimal')).answer);
    expect(said).toContain('warning: the frame: the checksum of the IPv4 header is wrong');
    expect((await lflow('trace', example, `inport == "${host.port}"`, '--frame', '12 3x')).status).toBe(2);
  });

  test('gives data, with the place in the manifests of each flow', async () => {
    const { answer } = await lflow('trace', example, ping(), '--format', 'json');
    const { trace, deliveries, gaps } = JSON.parse(answer);
    expect(deliveries).toMatchObject([{ datapath: 'default/bluenet', port: other.port, type: '' }]);
    expect(gaps).toEqual([]);
    const lookup = trace.find((node: { flow?: { stage: string } }) => node.flow?.stage === 'ls_in_l2_lkup');
    expect(lookup.flow.origin).toMatchObject({ file: example, resource: 'DPUServiceInterface/default/bluenet-vf2' });
  });

  test.each([
    ['a port that there is not', ['inport == "x"'], /lflow: unknown port "x"; there are "default\/bluenet-/],
    [
      'a packet that cannot be',
      ['inport =='],
      /lflow: error parsing flow: Syntax error at end of input expecting constant\./,
    ],
    ['no packet', [], /lflow: give the inputs and, as the last word, the packet/],
    ['a state that there is not', ['ip4', '--ct=old'], /lflow: --ct: old: unknown connection tracking state flag/],
    ['a backend that is no address', ['ip4', '--lb-dst=here'], /lflow: --lb-dst: here: bad address/],
    ['a member that is no number', ['ip4', '--select-id=0'], /lflow: --select-id: 0: bad select-id/],
  ])('refuses %s', async (_, args, message) => {
    const { status, said } = await lflow('trace', example, ...args);
    expect(status).toBe(2);
    expect(said).toMatch(message);
    expect(said).not.toMatch(/internal error|\n\s+at /);
  });
});
