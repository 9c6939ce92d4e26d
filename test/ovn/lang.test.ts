/**
 * The language beside the real ovn-trace 23.03: what it complains of, what packet
 * it makes of a microflow, and which of random matches that packet meets.
 */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  annotate,
  type Expr,
  evaluate,
  formatActions,
  formatMatch,
  LangError,
  parseActions,
  parseFlowActions,
  parseMatch,
  parseMicroflow,
  simplify,
} from '../../engine/lang/index.ts';
import { matchText, soup } from '../lang/expressions.ts';
import { mutant } from '../lang/mutants.ts';
import { readSamples } from '../lang/samples.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';

/** Tables that a pipeline has in OVN 23.03. */
const TABLES = 29;

/** What came after OVN 23.03, which we accept and it does not; and what makes its ovn-trace abort. */
const NOT_COMPARED = new RegExp(
  [
    'flags\\.(localnet|tunnel_rx|icmp_snat|from_ctrl|unsnat|network_id)|ct_mark\\.(obs|allow)|ct_label\\.(obs|acl_id|nf)|nd_ns_mcast',
    'mirror|mac_cache_use|flood_remote|ct_commit_to_zone|dhcp_relay|ct_state_save|ct_nw_dst|chk_evpn_arp|fqdn|bootfile',
    'values|ct_next\\(|ct_commit_nat\\(|= *pass|obs_point|check_pkt_larger\\(;',
    'frag_mtu|is_chassis_resident|check_out_port_sec|put_nd_ra_opts|nd_na_router|nd_ns \\{|arp \\{|next\\(table=0\\)',
  ].join('|'),
);

const { seed, runs } = seedAndRuns(30);

let central: Central;
beforeAll(async () => {
  central = await startCentral();
  await central.load('ovn-nbctl ls-add sw0 -- lsp-add sw0 p1 -- lsp-add sw0 p2');
  await central.northd('pause');
});
afterAll(() => central.stop());

interface Flow {
  table: number;
  match: string;
  actions: string;
  priority?: number;
}

/** Puts `flows` in place of the switch's logical flows. */
async function install(flows: readonly Flow[]): Promise<void> {
  const { Datapath_Binding: datapaths } = await central.rows('OVN_Southbound', ['Datapath_Binding']);
  const inserts = flows.map(({ table, match, actions, priority = 2 }) => ({
    op: 'insert',
    table: 'Logical_Flow',
    row: {
      logical_datapath: datapaths[0]?._uuid,
      pipeline: 'ingress',
      table_id: table,
      priority,
      match,
      actions,
    },
  }));
  await transact([{ op: 'delete', table: 'Logical_Flow', where: [] }, ...inserts]);
}

/** A transaction on the southbound database over its socket: too long for a command line. */
function transact(operations: readonly unknown[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(central.endpoint.replace(/^unix:/, ''));
    let received = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received += chunk.toString();
      // The error comes last; a piece of a long answer may end in a brace, too.
      if (/"error":(null|\{.*\})\}$/.test(received.slice(-1000))) {
        socket.destroy();
        if (received.includes('"error":null') && !received.includes('"details"')) {
          resolve();
        } else {
          reject(new Error(received.slice(0, 500)));
        }
      }
    });
    socket.write(JSON.stringify({ method: 'transact', params: ['OVN_Southbound', ...operations], id: 1 }));
  });
}

function complaint(parse: () => unknown): string {
  try {
    parse();
    return '';
  } catch (error) {
    if (error instanceof LangError) {
      return error.message;
    }
    throw error;
  }
}

/** Printable ASCII: what ovn-trace writes into its log as it is. */
const plain = (text: string) => /^[ -~]*$/.test(text);

function damaged(texts: readonly string[]): fc.Arbitrary<string> {
  const instead = fc.constantFrom('', ' ', ';', '(', ')', ',', '}', '1', '0x', 'x', '..', '.', '/', ':', '"');
  return fc
    .tuple(fc.constantFrom(...texts), fc.nat(200), fc.nat(8), instead)
    .map(([text, at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
}

test('complains in the same words', async () => {
  const texts = (name: 'match' | 'actions') => {
    const samples = readSamples(name).map((sample) => sample.in);
    const arbitrary = fc.oneof({ weight: 2, arbitrary: damaged(samples) }, mutant, soup, fc.constantFrom(...samples));
    const all = fc.sample(arbitrary, { seed, numRuns: 100 * runs });
    return [...new Set(all)].filter((text) => plain(text) && !NOT_COMPARED.test(text));
  };
  const matches = texts('match');
  const actions = texts('actions');
  await install([
    ...matches.map((match) => ({ table: 0, match, actions: 'next;' })),
    ...actions.map((text) => ({ table: 1, match: '0', actions: text })),
  ]);
  const { stderr } = await central.trace(['sw0', 'inport == "p1"'], { seconds: 120 });
  const complaints = new Map<string, string>();
  for (const line of stderr.split('\n')) {
    const [, text = '', kind = '', message = ''] =
      /\|ovntrace\|WARN\|(.*): parsing (expression|actions) failed \((.*)\)$/.exec(line) ?? [];
    complaints.set(`${kind}: ${text}`, message);
  }
  const wrong = [];
  for (const text of matches) {
    const expected = complaints.get(`expression: ${text}`) ?? '';
    const actual = complaint(() => parseMatch(text));
    wrong.push(...(actual === expected ? [] : [{ match: text, expected, actual }]));
  }
  for (const text of actions) {
    const expected = complaints.get(`actions: ${text}`) ?? '';
    const actual = complaint(() => parseActions(text, { pipeline: 'ingress', table: 1, tables: TABLES }));
    wrong.push(...(actual === expected ? [] : [{ actions: text, expected, actual }]));
  }
  expect(complaints.size).toBeGreaterThan(matches.length / 4);
  expect(wrong).toEqual([]);
});

const TEMPLATES = [
  ...['1', 'arp', 'rarp', 'eth.bcast', 'vlan.present', 'ip4', 'ip6', 'ip4 && tcp', 'ip4 && udp', 'ip4 && icmp4'],
  ...['ip4 && sctp', 'ip4 && ip.first_frag', 'ip4 && ct.trk', 'ip4.mcast && igmp', 'ip6 && tcp'],
  ...['ip6 && icmp6 && ip.ttl == 255', 'nd_ns && eth.mcastv6', 'nd_na', 'nd_rs', 'mldv2'],
];

/** A microflow, most of it made of what the matches compare with. */
const recipe = fc.record({
  template: fc.constantFrom(...TEMPLATES),
  picks: fc.array(fc.tuple(fc.nat(), fc.constantFrom('==', '==', '==', '==', '==', '!=', '<', '>=')), { maxLength: 4 }),
  outport: fc.boolean(),
});

const batch = fc.record({
  texts: fc.array(
    matchText.filter((text) => !NOT_COMPARED.test(text) && plain(text)),
    { minLength: TABLES - 1, maxLength: TABLES - 1 },
  ),
  recipes: fc.array(recipe, { minLength: 20, maxLength: 20 }),
});

type Comparison = Extract<Expr, { type: 'comparison' }>;

function comparisons(expr: Expr): Comparison[] {
  if (expr.type === 'and' || expr.type === 'or') {
    return expr.terms.flatMap(comparisons);
  }
  return expr.type === 'comparison' ? [expr] : [];
}

function microflowText(
  pool: readonly Comparison[],
  { template, picks, outport }: typeof recipe extends fc.Arbitrary<infer T> ? T : never,
) {
  const parts = picks.flatMap(([pick, relop]) => {
    const comparison = pool[pick % pool.length];
    return comparison ? [formatMatch({ ...comparison, relop: relop as Comparison['relop'] })] : [];
  });
  return ['inport == "p1"', template, ...parts, ...(outport ? ['outport == "p2"'] : [])].join(' && ');
}

test('makes the same packet of a microflow, and matches it alike', async () => {
  const seen = { matched: 0, unmatched: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(batch, async ({ texts, recipes }) => {
      const exprs = texts.map((text) => annotate(parseMatch(text)));
      const pool = exprs.flatMap(comparisons);
      await install(
        texts
          .map((match, table) => ({ table, match, actions: 'next;' }))
          .concat(texts.map((_, table) => ({ table, match: '1', actions: 'next;', priority: 1 }))),
      );
      for (const ingredients of recipes) {
        const text = microflowText(pool, ingredients);
        const { stdout } = await central.trace(['sw0', text]);
        const [, refusal = ''] = /^.*error parsing flow: (.*)$/m.exec(stdout) ?? [];
        expect({ text, refusal: complaint(() => parseMicroflow(text)) }).toEqual({ text, refusal });
        if (refusal !== '') {
          seen.refused++;
          continue;
        }
        const packet = parseMicroflow(text);
        for (const [table, expr] of exprs.entries()) {
          // A flow that matches everything and only goes on is not printed.
          if (simplify(expr).type !== 'boolean') {
            const matched = new RegExp(`^ *${table}\\. .*, priority 2, uuid`, 'm').test(stdout);
            const ours = evaluate(expr, packet, () => true);
            expect({ text, match: texts[table], matched: ours }).toEqual({ text, match: texts[table], matched });
            seen[matched ? 'matched' : 'unmatched']++;
          }
        }
      }
    }),
    { seed, numRuns: runs, endOnFailure: true },
  );
  for (const count of Object.values(seen)) {
    expect(count).toBeGreaterThan(runs);
  }
});

test('prints actions alike', async () => {
  const packets = [
    'ip4 && udp',
    'ip4 && tcp && vlan.present',
    'nd_ns',
    'arp',
    'nd_na',
    'ip4 && icmp4',
    'ip4 && sctp',
    'ip6 && udp',
  ]
    .map((text) => `inport == "p1" && ${text}`)
    .map((text) => ({ text, packet: parseMicroflow(text) }));
  let compared = 0;
  for (const { in: text } of readSamples('actions')) {
    const context = { pipeline: 'ingress', table: 0, tables: TABLES } as const;
    if (NOT_COMPARED.test(text) || complaint(() => parseActions(text, context)) !== '') {
      continue;
    }
    const { actions, prereqs } = parseFlowActions(text, context);
    const suitable = packets.find(({ packet }) => evaluate(annotate(prereqs), packet, () => true));
    if (suitable) {
      await install([{ table: 0, match: 'inport == "p1"', actions: text }]);
      const { stdout } = await central.trace(['sw0', suitable.text]);
      const printed = new Set(stdout.split('\n').map((line) => line.trim()));
      for (const action of actions) {
        expect(printed, `${text}\n${stdout}`).toContain(formatActions([action]));
      }
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(100);
});
