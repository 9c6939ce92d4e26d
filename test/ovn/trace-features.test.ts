/**
 * Feature by feature, traces beside the real ovn-trace on databases that a real
 * ovn-northd wrote.  Of many random microflows those are taken that between them
 * meet the most kinds of flow.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Action, parseFlowActions } from '../../engine/lang/index.ts';
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import {
  assumedConntrack,
  type Form,
  MicroflowError,
  parseCtState,
  parsePacket,
  prepare,
  type TraceTopology,
  traceFlow,
  traceText,
} from '../../sim/trace/index.ts';
import { type Central, startCentral } from '../oracle/sandbox.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { southboundOf, southboundTables } from '../oracle/southbound.ts';
import { ctOptions, microflows } from '../trace/microflows.ts';
import { type FeaturePacket, traceFeatures } from './trace-features.ts';

let central: Central;
beforeAll(async () => {
  central = await startCentral();
});
afterAll(() => central.stop());

const { seed, runs } = seedAndRuns(24);
/** What ovn-northd wrote into all of the databases, and what was compared. */
const written = new Set<string>();
const traced = new Set<string>();

interface Sample {
  microflow: string;
  ct: string[];
  /** Minimal where flows overlap, and lead to the same all the same. */
  form: 'all' | 'minimal';
  text: string;
  flows: LogicalFlow[];
}

describe.each(traceFeatures)('$name', ({ name, northbound, learned, packets, matches }) => {
  test('traces as ovn-trace', async () => {
    await central.load(northbound);
    await central.learn(learned);
    const southbound = southboundOf(await central.rows('OVN_Southbound', southboundTables));
    const skipped = new Map<string, number>();
    const skip = (reason: string) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    const samples = telling(southbound, packets, skip);
    let compared = 0;
    const seen = new Set<string>();
    const compare = async (): Promise<void> => {
      for (let sample = samples.shift(); sample && compared < runs; sample = samples.shift()) {
        const { microflow, ct, form, text, flows } = sample;
        const states = ct.map((state) => `--ct=${state}`);
        const real = await central.trace([`--${form}`, '--select-id=1', ...states, microflow], { seconds: 5 });
        if (real.status !== 0) {
          skip(`ovn-trace ends with status ${real.status}`);
          continue;
        }
        expect.soft(text, [...states, microflow].join(' ')).toBe(real.stdout);
        compared++;
        for (const kind of flows.flatMap((flow) => kindsOf(flow, southbound))) traced.add(kind);
        for (const { stage, match } of flows) seen.add(`${stage}: ${match.trimEnd()}`);
      }
    };
    // Two processors are kept busy: ovn-trace is started anew for each packet.
    await Promise.all([compare(), compare()]);
    for (const kind of southbound.flows.flatMap((flow) => kindsOf(flow, southbound))) written.add(kind);
    for (const [reason, times] of skipped) process.stdout.write(`${name}: ${times} left out: ${reason}\n`);
    expect(compared).toBeGreaterThanOrEqual(Math.min(runs, 20));
    expect(matches.filter((match) => !seen.has(match))).toEqual([]);
  });
});

test('every stage and action that was written was compared', () => {
  const missing = [...written].filter((kind) => !traced.has(kind)).sort();
  process.stdout.write(`never compared: ${missing.join(', ')}\n`);
  expect([...written].sort()).toEqual(expect.arrayContaining(expectedActions));
  expect(missing.filter((kind) => !unreached.has(kind))).toEqual([]);
});

/** The flow's stage, and the types of its actions and of those in their braces. */
function kindsOf(
  { stage, pipeline, table, actions }: LogicalFlow,
  { dhcpOptions, dhcpv6Options }: Southbound,
): string[] {
  const key = `${stage} ${actions}`;
  const known = kinds.get(key);
  if (known) return known;
  const parsed = parseFlowActions(actions, { pipeline, table, dhcpOptions, dhcpv6Options }).actions;
  const typesOf = (action: Action): string[] =>
    action.type === 'nested' ? [action.name, ...action.actions.flatMap(typesOf)] : [action.type];
  const found = [...new Set([stage, ...(parsed.length === 0 ? ['drop'] : parsed.flatMap(typesOf))])];
  kinds.set(key, found);
  return found;
}

const kinds = new Map<string, string[]>();

/** ovn-trace aborts on the first two; the others need what only a real conntrack remembers. */
const unreached: ReadonlySet<string> = new Set(['nd_na_router', 'put_nd_ra_opts', 'push', 'pop', 'ct_commit']);

const expectedActions =
  `arp bind_vport check_in_port_sec check_out_port_sec check_pkt_larger chk_ecmp_nh chk_ecmp_nh_mac
chk_lb_aff chk_lb_hairpin chk_lb_hairpin_reply clone commit_ecmp_nh commit_lb_aff ct_clear ct_commit_v2 ct_dnat
ct_dnat_in_czone ct_lb_mark ct_next ct_snat ct_snat_in_czone ct_snat_to_vip dns_lookup drop fwd_group get_arp
get_fdb get_nd handle_dhcpv6_reply handle_svc_check icmp4 icmp4_error icmp6 icmp6_error igmp log lookup_arp
lookup_arp_ip lookup_fdb lookup_nd lookup_nd_ip nd_na nd_na_router nd_ns next output put_arp put_dhcp_opts
put_dhcpv6_opts put_fdb put_nd put_nd_ra_opts reject select set_meter tcp_reset trigger_event`.split(/\s+/);

/** Microflows, those that were asked for and the telling ones first, with what we say of them. */
function telling(southbound: Southbound, packets: readonly FeaturePacket[], skip: (reason: string) => void): Sample[] {
  const topology = prepare(southbound);
  // A packet that meets overlapping flows may meet the other ones first.
  const reversed = prepare({ ...southbound, flows: [...southbound.flows].reverse() });
  const random = fc.sample(fc.record({ microflow: microflows(southbound), ct: ctOptions }), {
    seed,
    numRuns: 40 * runs,
  });
  const candidates = [...packets, ...random];
  const met = new Set<string>();
  const first: Sample[] = [];
  const others: Sample[] = [];
  for (const [i, { microflow, ct }] of candidates.entries()) {
    const sample = ours(topology, reversed, microflow, ct);
    if (typeof sample === 'string') {
      skip(sample);
      continue;
    }
    const kinds = sample.flows.map(
      ({ stage, actions }) => `${stage} ${actions.replace(/[0-9a-f:.]{4,}|"[^"]*"/g, 'X')}`,
    );
    const isNew = kinds.some((kind) => !met.has(kind));
    for (const kind of kinds) met.add(kind);
    (isNew || i < packets.length ? first : others).push(sample);
  }
  expect(topology.warnings.join('\n')).toBe('');
  return [...first, ...others];
}

/** Our trace; or why ovn-trace may say something else. */
function ours(topology: TraceTopology, reversed: TraceTopology, microflow: string, ct: string[]): Sample | string {
  try {
    const result = traceOf(topology, microflow, ct);
    if (result.gaps.some((gap) => gap.includes('loop'))) return 'it goes round in a loop';
    if (result.overlaps.length > 0) {
      const text = result.text(['minimal']);
      if (traceOf(reversed, microflow, ct).text(['minimal']) !== text)
        return 'overlapping flows are met, to different ends';
      return { microflow, ct, form: 'minimal', text, flows: result.flows };
    }
    const text = result.text(['detailed', 'summary', 'minimal']);
    if (text.length > 200_000) return 'it goes round for all of its life';
    return { microflow, ct, form: 'all', text, flows: result.flows };
  } catch (error) {
    if (error instanceof MicroflowError) return { microflow, ct, form: 'all', text: `${error.message}\n`, flows: [] };
    throw error;
  }
}

function traceOf(topology: TraceTopology, microflow: string, ct: string[]) {
  const { datapath, packet } = parsePacket(topology, microflow);
  const conntrack = assumedConntrack({ ct: ct.map(parseCtState) });
  const result = traceFlow(topology, datapath, packet, { conntrack, selectId: 1, findOverlaps: true });
  return { ...result, text: (forms: Form[]) => traceText(packet, result, forms) };
}
