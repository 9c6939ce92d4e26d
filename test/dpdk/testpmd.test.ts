/**
 * Plans in the form of testpmd, read by testpmd itself (Debian's dpdk-dev): each command is one that it knows, and what it
 * makes of the headers of tunnels is what rules say.  No port of this kind takes rules, which is the driver's answer and
 * says that the command was read.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { chassisNames } from '../../cli/chassis.ts';
import { loadSubject, type Subject } from '../../cli/offload/subject.ts';
import { loadNetwork } from '../../cli/topology.ts';
import { testpmdScript } from '../../engine/offload/forms/testpmd.ts';
import type { RuleSet } from '../../engine/offload/rules.ts';
import { placementOf } from '../../engine/program/placement.ts';
import { planOffload } from '../../sim/offload/plan.ts';
import { exampleManifests } from '../examples/manifests.ts';

/** What testpmd says to each command. */
function testpmd(commands: readonly string[]): { command: string; answer: string }[] {
  const prefix = `lflow-${randomUUID()}`;
  onTestFinished(() => rmSync(`/var/run/dpdk/${prefix}`, { recursive: true, force: true }));
  const options = [
    ...['--no-huge', '--no-pci', '-m', '256', "'--lcores=(0,1)@0'", '--no-telemetry', `--file-prefix=${prefix}`],
    ...['--vdev=net_null0', '--vdev=net_null1', '--log-level=4'],
    ...['--', '-i', '--total-num-mbufs=2048'],
  ];
  // Answers of drivers come by standard error.
  const { stdout, status } = spawnSync('sh', ['-c', `exec dpdk-testpmd ${options.join(' ')} 2>&1`], {
    input: [...commands, 'quit', ''].join('\n'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  expect(status).toBe(0);
  const said = stdout.replace(/^[\s\S]*?(?=^testpmd> )/m, '').split(/^testpmd> /m);
  return said.flatMap((part) => {
    const [command = '', ...answer] = part.split('\n');
    return command === '' ? [] : [{ command: command.trim(), answer: answer.join('\n').trim() }];
  });
}

const refusedByDriver =
  'port_flow_complain(): Caught PMD error type 1 (cause unspecified): Function not implemented: Function not implemented';

/** Commands that testpmd did not read as they are meant. */
function misread(rules: RuleSet): string[] {
  const commands = testpmdScript(rules)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const answers = testpmd(commands);
  expect(answers.slice(0, commands.length).map(({ command }) => command)).toEqual(commands);
  return answers.slice(0, commands.length).flatMap(({ command, answer }) => {
    // Without a driver that has connections there are none to refer to.
    const isExpected = command.startsWith('set ')
      ? answer === ''
      : answer === refusedByDriver ||
        (/indirect(_action 0 update)? \d/.test(command) &&
          /^Failed to find indirect action #\d+ on port 0/.test(answer));
    return isExpected ? [] : [`${command}\n=> ${answer}`];
  });
}

async function nodesOf(input: string): Promise<readonly string[]> {
  const { southbound, northbound } = await loadNetwork([input], {});
  return chassisNames(southbound, northbound ? placementOf(northbound) : { ports: new Map(), balancers: [] });
}

const subjectOf = (input: string, node: string): Promise<Subject> =>
  loadSubject([input], { node, device: 'bluefield-3-doca-hws', uplink: 'p0', port: [] });

const examples = [
  ...exampleManifests,
  ...readdirSync('examples/offload', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('network.db'))
    .map((name) => `offload/${name}`),
];

test.each(examples)('examples/%s: plans of all nodes are read', async (name) => {
  let rules = 0;
  for (const node of await nodesOf(`examples/${name}`)) {
    const { ruleSet } = planOffload(await subjectOf(`examples/${name}`, node));
    if (ruleSet.rules.length === 0) continue;
    expect(misread(ruleSet), node).toEqual([]);
    rules += ruleSet.rules.length;
  }
  process.stdout.write(`${name}: ${rules} rules\n`);
  expect(rules).toBeGreaterThan(0);
});

test('rules of connections are read, and the connections before them', () => {
  const conntrack = {
    type: 'conntrack',
    is_orig: 1,
    enable: 1,
    state: 1,
    last_seq: 2632987379,
    orig_max_win: 28960,
  } as const;
  const rule = (reply: number): RuleSet['rules'][number] => ({
    group: 1,
    priority: 0,
    pattern: [{ type: 'eth' }, { type: 'ipv4' }, { type: 'tcp', spec: { flags: 0 }, mask: { flags: 7 } }],
    actions: [
      { type: 'indirect', id: 5, reply },
      { type: 'jump', group: 2 },
    ],
  });
  const found = { type: 'conntrack', spec: { flags: 1 }, mask: { flags: 1 } } as const;
  const rules: RuleSet = {
    node: 'worker1',
    device: 'connectx-6-dx-sws',
    indirect: [{ id: 5, action: conntrack }],
    rules: [
      rule(0),
      rule(1),
      rule(1),
      rule(0),
      { group: 2, priority: 0, pattern: [found], actions: [{ type: 'age', timeout: 10 }, { type: 'drop' }] },
      { group: 3, priority: 0, pattern: [{ type: 'eth' }], actions: [conntrack, { type: 'jump', group: 2 }] },
    ],
  };
  const script = testpmdScript(rules).split('\n');
  expect(
    script.filter((line) => line.startsWith('set conntrack com ')).map((line) => /is_orig \d/.exec(line)?.[0]),
  ).toEqual(['is_orig 1', 'is_orig 0', 'is_orig 1', 'is_orig 1']);
  expect(script.filter((line) => line.includes('update 5'))).toHaveLength(2);
  expect(misread(rules)).toEqual([]);
});

test('a command that is none is told from those that are', () => {
  const none: RuleSet = {
    node: 'worker1',
    device: 'bluefield-3-doca-hws',
    rules: [
      {
        group: 0,
        priority: 0,
        pattern: [{ type: 'eth' }],
        actions: [
          { type: 'age', timeout: 1 },
          { type: 'sample', ratio: 2 },
        ],
      },
    ],
  };
  expect(misread(none)).toEqual([]);
  const wrong = {
    ...none,
    rules: none.rules.map((rule) => ({ ...rule, pattern: [{ type: 'arp_eth_ipv4', spec: { op: 1 } } as const] })),
  };
  expect(misread(wrong).join()).toContain('Bad arguments');
});

test('the headers of a tunnel that testpmd makes are those of the rule, but for a bit that it has no word for', async () => {
  const { ruleSet } = planOffload(await subjectOf('examples/two-networks.yaml', 'testnet1-1'));
  const headers = [
    ...new Set(
      ruleSet.rules.flatMap(({ actions }) =>
        actions.flatMap((one) => (one.type === 'raw_encap' ? (one.data ?? '') : [])),
      ),
    ),
  ];
  expect(headers.length).toBeGreaterThan(2);
  const sets = testpmdScript(ruleSet)
    .split('\n')
    .filter((line) => line.startsWith('set raw_encap'));
  const answers = testpmd(sets.flatMap((line) => [line, 'show raw_encap 0']));
  const shown = answers.flatMap(({ command, answer }) => {
    const bytes = [...answer.matchAll(/^[0-9A-F]{8}: ((?:[0-9A-F]{2} )+)/gm)].map(([, hex = '']) =>
      hex.replaceAll(' ', ''),
    );
    return command === 'show raw_encap 0' ? [bytes.join('').toLowerCase()] : [];
  });
  // Geneve's bit that options have to be understood (RFC 8926, 3.4) is in no item of testpmd.
  const without = (data: string): string => `${data.slice(0, 86)}00${data.slice(88)}`;
  expect(new Set(shown)).toEqual(new Set(headers.map(without)));
});
