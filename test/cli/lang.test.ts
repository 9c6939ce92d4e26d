/** `lflow lang` as a process: the recorded answers, its options, and streams that end early. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function lang(args: string[], input: string | Buffer = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'lang', ...args], {
    encoding: 'utf8',
    input,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr };
}

/** The answers to some lines, which must go without complaint. */
function answers(args: string[], ...lines: string[]): Record<string, unknown>[] {
  const { status, stdout, stderr } = lang(args, lines.map((line) => `${line}\n`).join(''));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('recorded answers', () => {
  test.each(['match', 'actions'])('of OVN 26.03 to %s are ours to the byte', (what) => {
    const samples = readFileSync(new URL(`../lang/samples/${what}.jsonl`, import.meta.url), 'utf8');
    const recorded = samples.trimEnd().split('\n');
    const { stdout } = lang([what], recorded.map((line) => `${JSON.parse(line).in}\n`).join(''));
    // Here the recorder took for a refusal what OVN says of the OpenFlow group that it makes.
    const groups = recorded.filter((line) => line.includes('"uses group: '));
    expect(groups).toHaveLength(what === 'match' ? 0 : 8);
    const ours = stdout.trimEnd().split('\n');
    expect(ours).toHaveLength(recorded.length);
    for (const [i, line] of recorded.entries()) {
      if (groups.includes(line)) {
        const { error: _, ...rest } = JSON.parse(line);
        expect(JSON.parse(ours[i] ?? '')).toEqual({ ...rest, ok: true });
      } else {
        expect(ours[i]).toBe(line);
      }
    }
  });
});

describe('lines', () => {
  test('each gets one answer', () => {
    const { stdout, status } = lang(['match'], Buffer.from('ip4\r\n\n\xff == 1\nip6\0 is not read\nip', 'latin1'));
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '{"in": "ip4", "ok": true, "formatted": "ip4"}',
      '{"in": "", "ok": false, "error": "Syntax error at end of input expecting constant."}',
      '{"in": "\ufffd == 1", "ok": false, "error": "The line is not valid UTF-8."}',
      '{"in": "ip6\\u0000 is not read", "ok": true, "formatted": "ip6"}',
      '{"in": "ip", "ok": true, "formatted": "ip"}',
      '',
    ]);
  });

  test('none at all', () => {
    expect(lang(['actions'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('of a megabyte', () => {
    const addresses = Array.from({ length: 80_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const [answer] = answers(['match', '--normalize'], `ip4.src == {${addresses.join(', ')}}`);
    expect(answer).toMatchObject({ ok: true });
    expect(answer?.disjuncts).toHaveLength(80_000);
  });

  test('are answered as they come', async () => {
    const child = spawn(process.execPath, [main, 'lang', 'match'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const received = async () =>
      new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(`${data}`)));
    for (const name of ['ip4', 'ip6']) {
      child.stdin.write(`${name}\n`);
      expect(JSON.parse(await received())).toEqual({ in: name, ok: true, formatted: name });
    }
    child.stdin.end();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });

  test('end where nobody reads the answers', () => {
    const script = `yes ip4 | "$0" "$1" lang match | head -n 3; yes ip4 | "$0" "$1" lang match > /dev/full; echo "$?"`;
    const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, main], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(stdout).toBe(`${'{"in": "ip4", "ok": true, "formatted": "ip4"}\n'.repeat(3)}2\n`);
    expect(stderr).toBe('lflow: no space left on the device\n');
  });
});

describe('options', () => {
  test('--against', () => {
    const microflow = 'inport == "p1" && ip4 && tcp && ip4.src == 10.0.0.1 && tcp.dst == 80';
    const lines = ['tcp.dst == 80', 'tcp.dst == 81', 'ip4.dst == 10.0.0.1', 'udp || inport == "p1"', 'ip4 &&'];
    const values = answers(['match', '--against', microflow], ...lines).map(({ value }) => value);
    expect(values).toEqual([true, false, false, true, undefined]);
  });

  test('--against something that is no packet', () => {
    expect(lang(['match', '--against', 'tcp'], 'ip4\n')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'lflow: --against: Constraints are ambiguous: ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd).\n',
    });
    expect(lang(['match', '--against', 'tcp ==']).stderr).toMatch(/^lflow: --against: Syntax error at end of input/);
  });

  test('--normalize', () => {
    const lines = ['eth.src == 0/1 && inport == {"a", "b"}', '1', 'ip4 && ip6', `ip6.src != {1, ${1n << 63n}, ff::}`];
    const [some, all, none, tooMany] = answers(['match', '--normalize'], ...lines).map(({ disjuncts }) => disjuncts);
    const even = { field: 'eth.src', value: '0', mask: '0x1' };
    expect(some).toEqual(['a', 'b'].map((value) => [even, { field: 'inport', value }]));
    expect(all).toEqual([[]]);
    expect(none).toEqual([]);
    expect(Array.isArray(tooMany)).toBe(true);
    const addresses = Array.from({ length: 30 }, (_, i) => 0x01010101 * i).join();
    expect(answers(['match', '--normalize'], `ip4.src != {${addresses}}`)[0]).toHaveProperty('disjuncts', null);
  });

  test('--resident', () => {
    const line = 'is_chassis_resident("p1")';
    const of = (...args: string[]) => answers(['match', '--normalize', ...args], line)[0]?.disjuncts;
    expect(of()).toEqual([[]]);
    expect(of('--resident', 'p2,p1')).toEqual([[]]);
    expect(of('--resident', '')).toEqual([]);
  });

  test('--address-set and --port-group', () => {
    const names = ['--address-set', 'as=10.0.0.1,10.1.0.0/16', '--address-set', 'none=', '--port-group', 'pg=a,b'];
    const texts = answers(['match', ...names], 'ip4.src == $as', 'ip4.src == $none', 'inport == @pg');
    expect(texts.map(({ formatted }) => formatted)).toEqual([
      'ip4.src == 0xa000001 || ip4.src[16..31] == 0xa01',
      '0',
      'inport == "a" || inport == "b"',
    ]);
  });

  test('--release', () => {
    expect(answers(['actions', '--release', '23.03'], 'ct_next;')[0]?.formatted).toBe('ct_next;');
    expect(answers(['actions'], 'ct_next;')[0]?.formatted).toBe('ct_next(dnat);');
    expect(answers(['match', '--release', '23.03'], 'ct_label.blocked')[0]?.ok).toBe(true);
    expect(answers(['match'], 'ct_label.blocked')[0]?.ok).toBe(false);
  });
});

describe('usage', () => {
  test.each([
    [[], 'Usage: lflow lang match|actions'],
    [['foo'], 'lflow: lang foo: what is to be read? Say match or actions'],
    [['match', 'ip4'], 'too many arguments'],
    [['actions', '--against', 'ip4'], "unknown option '--against'"],
    [['match', '--release', '1'], 'Allowed choices are 26.03, 23.03'],
    [['match', '--address-set', 'a=x'], 'lflow: --address-set a: "x" is not an address, with or without a mask'],
    [['match', '--address-set', 'a=10.0.0.1 10.0.0.2'], 'is not an address'],
    [['match', '--port-group', 'a b=x'], 'lflow: --port-group a b=x: give a name and its members'],
  ])('%j is a mistake', (args, message) => {
    const { status, stdout, stderr } = lang(args, 'ip4\n');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });

  test.each(['match', 'actions'])('the example in the help of %s is true', (what) => {
    const { status, stdout } = lang([what, '--help']);
    expect(status).toBe(0);
    const examples = [...stdout.matchAll(/^\$ (.*)\n(.*)$/gm)];
    expect(examples.length).toBeGreaterThan(0);
    for (const [, command = '', output] of examples) {
      const run = command.replace('lflow', `"${process.execPath}" "${main}"`);
      expect(spawnSync('sh', ['-c', run], { encoding: 'utf8' }).stdout).toBe(`${output}\n`);
    }
  });
});
