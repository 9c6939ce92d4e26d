import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMatch } from '../../../engine/lang/index.ts';
import { formatProblem } from '../../../engine/origin.ts';
import type { Traffic } from '../../../sim/policy/policy.ts';
import { readPolicy } from '../../../sim/policy/read.ts';
import { policySchema } from '../../../sim/policy/schema.ts';

const builtIns = ['tenant-isolation', 'external-ingress-blocked', 'no-loop'];
const read = (text: string) => readPolicy('p.yaml', text, { builtIns });
const lines = (text: string) => read(text).problems.map(formatProblem);
const policyOf = (text: string) => {
  const { policy, problems } = read(text);
  if (!policy) throw new Error(problems.map(formatProblem).join('\n'));
  return policy;
};

const complete = `lflow: 1
sets:
  red: {vpc: red}
  web: {vpc: blue, network: front, labels: {app: web}}
  db: [{vpc: blue, network: [data, more]}, {port: legacy-db}, web]
  world: {external: true, cidr: {not: [10.0.0.0/8, "fd00::/8"]}}
  others: {not: red}
builtin:
  enable: all
  disable: [no-loop]
  except:
    - {id: external-ingress-blocked, on: {network: dmz}, reason: "routed DMZ, NET-42", until: 2027-01-31}
rules:
  - {id: tenants, never: {from: red, to: {vpc: blue}, state: any}}
  - {id: web-db, always: {from: web, to: db, traffic: [tcp/5432], both-ways: true}}
  - {id: https-in, severity: warning, only: {from: world, to: web, traffic: [tcp/443, {not: ip}]}}
  - {id: via-fw, never: {from: web, to: world, not-through: {port: fw0}, allow-empty: true}}
  - {id: snat-ip, always: {from: web, to: world, seen-as: {src: 203.0.113.7, dst-port: 80-90}}}
  - {id: db-frozen, unchanged: {to: db, against: previous}}
  - {id: alive, some: {from: web, to: db, through: {router: r}}}
`;

describe('a policy', () => {
  const policy = policyOf(complete);

  test('has its sets', () => {
    expect([...policy.sets.keys()]).toEqual(['red', 'web', 'db', 'world', 'others']);
    const vpc = {
      kind: 'name',
      key: 'vpc',
      name: 'red',
      at: { file: 'p.yaml', line: 3, column: 14 },
      path: 'sets.red.vpc',
    };
    expect(policy.sets.get('red')).toEqual({
      value: { kind: 'and', terms: [vpc, { kind: 'not', term: { kind: 'external' } }] },
      text: 'red',
      at: { file: 'p.yaml', line: 3, column: 8 },
      path: 'sets.red',
    });
    expect(policy.sets.get('web')?.value).toMatchObject({
      kind: 'and',
      terms: [
        { key: 'vpc', name: 'blue' },
        { key: 'network', name: 'front' },
        { kind: 'and', terms: [{ kind: 'label', key: 'app', value: 'web' }] },
        { kind: 'not', term: { kind: 'external' } },
      ],
    });
    expect(policy.sets.get('db')?.value).toMatchObject({
      kind: 'or',
      terms: [
        {
          kind: 'and',
          terms: [{ name: 'blue' }, { kind: 'or', terms: [{ name: 'data' }, { name: 'more' }] }, { kind: 'not' }],
        },
        { kind: 'name', key: 'port', name: 'legacy-db' },
        { kind: 'set', name: 'web' },
      ],
    });
    expect(policy.sets.get('world')?.value).toMatchObject({
      kind: 'and',
      terms: [
        { kind: 'external' },
        { kind: 'not', term: { kind: 'or', terms: [{ prefix: { family: 4, length: 8 } }, { prefix: { family: 6 } }] } },
      ],
    });
    expect(policy.sets.get('others')?.value).toMatchObject({ kind: 'not', term: { kind: 'set', name: 'red' } });
  });

  test('has what is said of built-in properties', () => {
    expect(policy.builtIn).toMatchObject({
      enable: 'all',
      disable: ['no-loop'],
      except: [{ id: 'external-ingress-blocked', reason: 'routed DMZ, NET-42', until: '2027-01-31', at: { line: 12 } }],
    });
  });

  test('has its rules with what they take for granted', () => {
    expect(policy.rules.map(({ id, kind, severity, state }) => [id, kind, severity, state])).toEqual([
      ['tenants', 'never', 'error', 'any'],
      ['web-db', 'always', 'error', 'new'],
      ['https-in', 'only', 'warning', 'new'],
      ['via-fw', 'never', 'error', 'new'],
      ['snat-ip', 'always', 'error', 'new'],
      ['db-frozen', 'unchanged', 'error', 'new'],
      ['alive', 'some', 'error', 'new'],
    ]);
    const [tenants, webDb, httpsIn, viaFw, snatIp, frozen] = policy.rules;
    expect(tenants).toMatchObject({
      from: { text: 'red' },
      to: { text: 'vpc blue' },
      path: 'rules[0]',
      at: { line: 14 },
    });
    expect(webDb).toMatchObject({ bothWays: true, traffic: { text: 'tcp/5432' } });
    expect(httpsIn.traffic?.text).toBe('tcp/443 or anything but ip');
    expect(viaFw).toMatchObject({ notThrough: { text: 'port fw0' }, allowEmpty: true });
    expect(snatIp.seenAs?.text).toBe('src 203.0.113.7, dst port 80-90');
    expect(frozen).toMatchObject({ against: 'previous' });
    expect(frozen.from).toBeUndefined();
  });

  test('may be nothing but its version', () => {
    expect(policyOf('lflow: 1\n')).toMatchObject({ rules: [], builtIn: { enable: 'all', disable: [], except: [] } });
  });
});

test('what built-in properties are told is read', () => {
  const { settings } = policyOf(`lflow: 1
sets: {red: {switch: red}, blue: {switch: blue}, services: {cidr: 10.96.0.0/16}}
builtin:
  tenant-isolation: {tenants: [red, blue]}
  inter-network-access: {separate: [[red, blue]], joined: [[red, {switch: green}]]}
  external-egress: {to: 192.0.2.0/24, not: [red]}
  external-egress-off: {internal: [blue]}
  external-ingress-blocked: {open: [red]}
  no-transit: {allow: [{from: red, to: blue}]}
  infrastructure-unreachable: {infrastructure: [services], allow: [{cidr: 10.96.0.1, traffic: [tcp/443]}]}
  masquerade-applied: {routed: [red]}
  nat-hairpin: {except: [192.0.2.7]}
  source-guarded: {trusted: [{port: fw}]}
  no-blackhole: {except: [{from: red, to: services}]}
  next-hop-valid: {equal-paths: [r1], beyond: [{cidr: [10.8.0.0/16, 10.9.0.0/16], by: 192.0.2.1}]}
  subnet-overlap: {ranges: [services]}
  mtu-fits: {underlay: 1500}
  dead-flows: {ports: any}
`).builtIn;
  const texts = (list: readonly { text: string }[] | undefined) => list?.map(({ text }) => text);
  expect(texts(settings.tenants)).toEqual(['red', 'blue']);
  expect(settings.separate.map(texts)).toEqual([['red', 'blue']]);
  expect(settings.joined.map(texts)).toEqual([['red', 'switch green']]);
  expect(settings.outside?.value).toMatchObject({ kind: 'prefix', prefix: { text: '192.0.2.0/24' } });
  expect(texts(settings.internal)).toEqual(['red', 'blue']);
  expect(texts(settings.open)).toEqual(['red']);
  expect(settings.transit).toMatchObject([{ from: { text: 'red' }, to: { text: 'blue' } }]);
  expect(texts(settings.infrastructure)).toEqual(['services']);
  expect(settings.reachable).toMatchObject([{ cidr: { text: 'cidr 10.96.0.1' }, traffic: { text: 'tcp/443' } }]);
  expect(texts(settings.routed)).toEqual(['red']);
  expect(settings.outsideOnly?.value).toMatchObject({ prefix: { text: '192.0.2.7' } });
  expect(texts(settings.trusted)).toEqual(['port fw']);
  expect(settings.lost).toMatchObject([{ from: { text: 'red' }, to: { text: 'services' } }]);
  expect(settings).toMatchObject({
    equalPaths: ['r1'],
    beyond: [{ networks: [{ text: '10.8.0.0/16' }, { text: '10.9.0.0/16' }], by: [{ text: '192.0.2.1', length: 32 }] }],
    underlay: { mtu: 1500, encap: 'geneve', ip: 4 },
    deadPorts: 'any',
  });
  expect(texts(settings.ranges)).toEqual(['services']);
});

test.each([
  [
    'lflow: 1\nbuiltin: {mtu-fits: {}}',
    'p.yaml:2:11: builtin.mtu-fits: "mtu-fits" lacks "underlay"; add underlay: and the bytes of the largest IP packet there',
  ],
  [
    'lflow: 1\nbuiltin: {tenant-isolation: {tenants: [red]}}',
    'p.yaml:2:40: builtin.tenant-isolation.tenants[0]: there is no set "red"; define it under sets, or select by a key: {vpc: NAME}',
  ],
  [
    'lflow: 1\nbuiltin: {no-transt: {}}',
    'p.yaml:2:11: builtin.no-transt: there is no field "no-transt" here; did you mean "no-transit"?',
  ],
])('what is wrong with settings: %j', (text, complaint) => {
  expect(lines(text)).toContain(complaint);
});

test('the policies of the examples are fine', () => {
  const root = new URL('../../../examples/', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /polic(y|ies)/.test(file) && file.endsWith('.yaml'),
  );
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    expect(readPolicy(file, readFileSync(new URL(file, root), 'utf8')).problems.map(formatProblem)).toEqual([]);
  }
});

test('what docs/policy.md shows is fine, and what it shows to be wrong is', () => {
  const text = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block);
  expect(blocks).toHaveLength(3);
  for (const block of blocks) expect(readPolicy('p.yaml', block).problems.map(formatProblem)).toEqual([]);
  const wrong = 'lflow: 1\nsets:\n  web: {   vcp: blue}\n';
  expect(readPolicy('policy.yaml', wrong).problems.map(formatProblem)).toEqual([
    'policy.yaml:3:12: sets.web.vcp: there is no field "vcp" here; did you mean "vpc"?',
  ]);
});

const matchOf = (traffic: Traffic | undefined): string => (traffic?.kind === 'match' ? formatMatch(traffic.expr) : '?');

test.each([
  ['tcp', 'tcp', 'ip.proto == 0x6'],
  ['tcp/443', 'tcp.dst == 443', 'tcp.dst == 0x1bb'],
  ['sctp/0', 'sctp.dst == 0', 'sctp.dst == 0'],
  ['tcp/8000-8100', 'tcp.dst >= 8000 && tcp.dst <= 8100', 'tcp.dst >= 0x1f40'],
  ['icmp/8', 'icmp4.type == 8', 'icmp4.type == 0x8'],
  ['icmp6/1/4', 'icmp6.type == 1 && icmp6.code == 4', 'icmp6.code == 0x4'],
  ['icmp/3/1', 'icmp4.type == 3 && icmp4.code == 1', 'icmp4.code == 0x1'],
  ['arp', 'arp', 'eth.type == 0x806'],
  ['any', '1', '1'],
  ['ip4.src == 10.0.0.0/8 && udp.dst == 53', '', 'udp.dst == 0x35'],
])('the short form %s', (text, same, part) => {
  const traffic = (written: string) => {
    const claim = JSON.stringify({
      lflow: 1,
      rules: [{ id: 'r', only: { from: { external: true }, traffic: written } }],
    });
    return matchOf(policyOf(claim).rules[0].traffic?.value);
  };
  if (same !== '') expect(traffic(text)).toBe(traffic(same));
  expect(traffic(text)).toContain(part);
});

const rule = (claim: string, more = ''): string => `lflow: 1\n${more}rules:\n  - {id: r, ${claim}}\n`;

test.each([
  ['', 'p.yaml:1:1: there is nothing in the file; begin it with lflow: 1, then sets: and rules:'],
  [
    '- a',
    'p.yaml:1:1: the document is not a mapping, so it is no policy; begin it with lflow: 1, then sets: and rules:',
  ],
  ['rules: []', 'p.yaml:1:1: the policy lacks "lflow"; add lflow: 1'],
  ['lflow: 2', 'p.yaml:1:8: lflow: the number 2 is not known; did you mean "1"?'],
  ['lflow: 1\n---\nlflow: 1', 'p.yaml:3:1: the file has more than one document; put the rules of both into one'],
  ['lflow: 1\nruls: []', 'p.yaml:2:1: ruls: there is no field "ruls" here; did you mean "rules"?'],
  ['lflow: 1\nsets: {a: {vcp: red}}', 'p.yaml:2:12: sets.a.vcp: there is no field "vcp" here; did you mean "vpc"?'],
  ['lflow: 1\nsets: {"1": 5}', 'p.yaml:2:13: sets["1"]: 5 is not what belongs here; put it in quotes: "5"'],
  ['lflow: 1\nsets: {a: }', 'p.yaml:2:11: sets.a: nothing is not what belongs here; write a text, a list or a mapping'],
  ['lflow: 1\nsets: {a: {}}', 'p.yaml:2:11: sets.a: there is nothing in it; say what is meant'],
  ['lflow: 1\nsets: {a: []}', 'p.yaml:2:11: sets.a: the list has too few or too many items; use at least 1 item'],
  [
    'lflow: 1\nsets: {a: {labels: {b: 1}}}',
    'p.yaml:2:24: sets.a.labels.b: 1 is not what belongs here; put it in quotes: "1"',
  ],
  [
    'lflow: 1\nsets: {a: {external: maybe}}',
    'p.yaml:2:22: sets.a.external: "maybe" is not what belongs here; write true or false',
  ],
  [
    'lflow: 1\nsets: {a: {cidr: 10.0.0.300}}',
    'p.yaml:2:18: sets.a.cidr: "10.0.0.300" is neither an IP address nor a range of them; write it as 10.0.0.0/8 or 2001:db8::/32',
  ],
  [
    'lflow: 1\nsets: {a: {cidr: {not: [10.0.0.1/8]}}}',
    'p.yaml:2:25: sets.a.cidr.not[0]: "10.0.0.1/8" is an address inside of a range; write 10.0.0.0/8 for the range, or 10.0.0.1 for the address',
  ],
  ['lflow: 1\nsets: {web: {vpc: a}, b: wbe}', 'p.yaml:2:26: sets.b: there is no set "wbe"; did you mean "web"?'],
  ['lflow: 1\nsets: {a: [b], b: {not: a}}', 'p.yaml:2:11: sets.a: the set is made of itself; name what it is to hold'],
  ['lflow: 1\nrules: [{never: {to: {vpc: a}}}]', 'p.yaml:2:9: rules[0]: the rule lacks "id"; add id: and a name'],
  [
    rule('severity: error'),
    'p.yaml:3:5: rules[0]: the rule claims nothing; add one of never, only, always, some, unchanged',
  ],
  [
    rule('never: {to: {vpc: a}}, only: {to: {vpc: a}, traffic: ip}'),
    'p.yaml:3:5: rules[0]: the rule has both never and only; make them rules of their own: each rule is one claim',
  ],
  [
    rule('never: {to: webb}', 'sets: {web: {vpc: a}}\n'),
    'p.yaml:4:25: rules[0].never.to: there is no set "webb"; did you mean "web"?',
  ],
  [rule('never: {traffic: ip}'), 'p.yaml:3:13: rules[0].never: never has neither from nor to; say what it is about'],
  [rule('always: {from: {vpc: a}}'), 'p.yaml:3:13: rules[0].always: always lacks "to"; say who is to reach whom'],
  [
    rule('only: {to: {vpc: a}}'),
    'p.yaml:3:13: rules[0].only: only lacks "traffic"; add the traffic that may arrive; for nothing at all there is never',
  ],
  [
    rule('never: {to: {vpc: a}, both-ways: true}'),
    'p.yaml:3:35: rules[0].never.both-ways: both-ways means nothing in never; that answers do not arrive is a rule of its own, with from and to exchanged',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: tpc/80}'),
    'p.yaml:3:44: rules[0].never.traffic: "tpc/80" is no traffic; did you mean "tcp/80"?',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: [tcp/80, tcp/http]}'),
    'p.yaml:3:53: rules[0].never.traffic[1]: "http" is neither a port nor a range of ports, in "tcp/http"; write a port from 0 to 65535, or two with a - between them: tcp/443, tcp/8000-8100',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: tcp/90-80}'),
    'p.yaml:3:44: rules[0].never.traffic: the ports run backwards, from 90 to 80; write 80-90',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: tcp/70000}'),
    'p.yaml:3:44: rules[0].never.traffic: "70000" is neither a port nor a range of ports, in "tcp/70000"; write a port from 0 to 65535, or two with a - between them: tcp/443, tcp/8000-8100',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: icmp/999}'),
    'p.yaml:3:44: rules[0].never.traffic: "icmp/999" names no type of ICMP; write a type from 0 to 255, and a code behind it if it matters: icmp/8, icmp6/1/4',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: {not: tcp.dst = 80}}'),
    'p.yaml:3:50: rules[0].never.traffic.not: "tcp.dst = 80" is neither a short form nor a match of OVN: Syntax error at `=\' expecting relational operator; write tcp/443, icmp, any, or a match such as ip4.dst == 10.0.0.0/8 && tcp.dst == 443',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: reg0 == 1}'),
    'p.yaml:3:44: rules[0].never.traffic: reg0 is no field of a packet that is sent; use fields of packets',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: "inport == \\"a\\""}'),
    'p.yaml:3:44: rules[0].never.traffic: inport is no field of a packet that is sent; say it with from and to',
  ],
  [
    rule('never: {to: {vpc: a}, traffic: ct.est}'),
    'p.yaml:3:44: rules[0].never.traffic: ct.est is no field of a packet that is sent; use fields of packets',
  ],
  [
    rule('never: {to: {vpc: a}, through: {cidr: 10.0.0.0/8}}'),
    'p.yaml:3:51: rules[0].never.through.cidr: packets pass ports, switches and routers, not addresses; select by port, switch, router, network, vpc or node',
  ],
  [
    rule('never: {to: {vpc: a}, seen-as: {src: x}}'),
    'p.yaml:3:50: rules[0].never.seen-as.src: "x" is neither an IP address nor a range of them; write it as 10.0.0.0/8 or 2001:db8::/32',
  ],
  [
    rule('never: {to: {vpc: a}, seen-as: {dst-port: 1-x}}'),
    'p.yaml:3:55: rules[0].never.seen-as.dst-port: "1-x" is neither a port nor a range of ports, in "dst-port"; write a port from 0 to 65535, or two with a - between them: tcp/443, tcp/8000-8100',
  ],
  [
    'lflow: 1\nrules: [{id: a, never: {to: {vpc: a}}}, {id: a, never: {to: {vpc: b}}}]',
    'p.yaml:2:46: rules[1].id: the id "a" is there already, in line 2; give each rule an id of its own',
  ],
  [
    'lflow: 1\nrules: [{id: no-loop, never: {to: {vpc: a}}}]',
    'p.yaml:2:14: rules[0].id: "no-loop" is the id of a built-in property; give the rule another one',
  ],
  [
    'lflow: 1\nbuiltin: {disable: [no-lop]}',
    'p.yaml:2:21: builtin.disable[0]: there is no property "no-lop"; did you mean "no-loop"?',
  ],
  [
    'lflow: 1\nbuiltin: {except: [{id: no-loop}]}',
    'p.yaml:2:20: builtin.except[0]: the exception lacks "reason"; add reason: and why it is fine',
  ],
  [
    'lflow: 1\nbuiltin: {except: [{id: no-loop, reason: " "}]}',
    'p.yaml:2:42: builtin.except[0].reason: the reason is empty; say why it is fine, and who decided it',
  ],
  [
    'lflow: 1\nbuiltin: {except: [{id: no-loop, reason: a, until: 2027-02-30}]}',
    'p.yaml:2:52: builtin.except[0].until: "2027-02-30" is no date; write it as 2027-01-31',
  ],
  [
    'lflow: 1\nsets: {a: &a [*a]}',
    'p.yaml:2:15: sets.a[0]: the alias *a stands for something that holds it; write it out',
  ],
])('the complaint about %j', (text, complaint) => {
  expect(lines(text)).toEqual([complaint]);
  expect(read(text).policy).toBeUndefined();
});

test('all that is wrong is said at once, in the order of the file', () => {
  const text = 'lflow: 1\nsets: {a: {cidr: x}, b: q}\nrules:\n  - {id: r, never: {to: z, traffic: tpc}}\n';
  expect(lines(text).map((line) => line.split(':').slice(1, 4).join(':'))).toEqual([
    '2:18: sets.a.cidr',
    '2:25: sets.b',
    '4:25: rules[0].never.to',
    '4:37: rules[0].never.traffic',
  ]);
});

describe('hostile files end in complaints:', () => {
  const deep = (n: number) => `lflow: 1\nsets: {a: ${'['.repeat(n)}b${']'.repeat(n)}}`;
  test.each([
    ['a chain of many sets', () => `lflow: 1\nsets:\n${chain(5000)}`],
    ['lists in lists', () => deep(99)],
    ['deeper ones', () => deep(5000)],
    ['many rules', () => `lflow: 1\nrules:\n${'- {id: a, never: {to: b}}\n'.repeat(5000)}`],
    ['parentheses', () => rule(`never: {to: {vpc: a}, traffic: "${'('.repeat(100_000)}"}`)],
    ['an alias bomb', () => `lflow: 1\nsets:\n  a: &a [b,b]\n${bomb(20)}`],
  ])('%s', (_, make) => {
    const started = performance.now();
    expect(read(make()).problems.length).toBeGreaterThan(0);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  const chain = (n: number) => Array.from({ length: n }, (_, i) => `  s${i}: s${i + 1}\n`).join('');
  const bomb = (n: number) =>
    Array.from({ length: n }, (_, i) => `  a${i}: &a${i} [*a${i ? i - 1 : ''}, *a${i ? i - 1 : ''}]\n`).join('');

  test('a chain of a thousand sets is none', () => {
    const sets = Array.from({ length: 999 }, (_, i) => `  s${i}: s${i + 1}\n`).join('');
    expect(lines(`lflow: 1\nsets:\n${sets}  s999: {vpc: a}\n`)).toEqual([]);
  });

  test('anything at all', () => {
    const piece = fc.constantFrom(
      'lflow',
      'sets',
      'rules',
      'never',
      'from',
      'to',
      'not',
      'cidr',
      'builtin',
      'traffic',
      'id',
      'x',
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom('tcp/1', 'a', '10.0.0.0/8', 1, true, null, ''),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(piece, tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (document) => {
        const whole = { lflow: 1, ...(typeof document === 'object' ? document : {}) };
        const { policy, problems } = read(JSON.stringify(whole));
        expect(policy !== undefined).toBe(problems.length === 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the schema that is shipped', () => {
  const url = new URL('../../../deploy/schemas/policy.schema.json', import.meta.url);
  const shipped = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(url, 'utf8')));

  test('is what sim/policy/schema.ts is made of', async () => {
    const generator = new URL('../../../deploy/schemas/generate.mjs', import.meta.url).href;
    const { schemaSource }: { schemaSource(): string } = await import(generator);
    expect(readFileSync(new URL('../../../sim/policy/schema.ts', import.meta.url), 'utf8')).toBe(schemaSource());
  });

  test('says the same as the one that is used', () => {
    const used = new Ajv({ strict: false }).compile(policySchema);
    const rule = { id: 'r', never: { to: 'a' } };
    for (const document of [
      { lflow: 1 },
      { lflow: 1, rules: [rule] },
      { rules: [rule] },
      { lflow: 1, rules: [{ id: 'r' }] },
    ]) {
      expect(shipped(document)).toBe(used(document));
    }
    expect(shipped({ lflow: 1, rules: [rule] })).toBe(true);
    expect(shipped({ lflow: 1, rules: [{ ...rule, only: { to: 'a' } }] })).toBe(false);
  });
});
