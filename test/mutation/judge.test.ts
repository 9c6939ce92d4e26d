import { describe, expect, it } from 'vitest';
import { northboundOfPlan, planTopology } from '../../engine/vpc/index.ts';
import { holds, type Property, violated } from '../../sim/properties/property.ts';
import { network, node, resourcesOf, vf, vpc } from '../topology.ts';
import { openTrial } from './judge.ts';
import type { Mutant } from './mutant.ts';

const plans = planTopology(
  resourcesOf(vpc('red'), network('red-a', 'red', '10.1.0.0/16'), vf('red-a', 2), node('n0', 'red'), node('n1', 'red')),
);
const northbound = northboundOfPlan(plans);
const open = (properties?: Parameters<typeof openTrial>[1]) => openTrial({ plans, northbound }, properties);

const find = (mutants: readonly Mutant[], kind: string, what: RegExp): Mutant => {
  const found = mutants.find((one) => one.kind === kind && what.test(one.what));
  if (!found) throw new Error(`there is no mutant ${kind} ${what}`);
  return found;
};

describe('mutation/judge', () => {
  it('tells a guard that is missed, a change that is none, and both again in another order', {
    timeout: 120_000,
  }, () => {
    const trial = open();
    const guard = find(trial.mutants, 'policy removed', /red: 500 inport == "default\/red:red-a"/);
    const idle = find(trial.mutants, 'flow dropped', /ls_out_acl 34000 /);
    const outcomes = [guard, idle, guard, idle].map((mutant) => trial.judge(mutant));
    expect(outcomes[0]).toEqual({ verdict: 'caught', by: 'gateway-answers' });
    expect(outcomes[1]).toEqual({ verdict: 'equivalent' });
    expect(trial.judge(find(trial.mutants, 'DHCP option removed', /router/)).verdict).not.toBe('equivalent');
    expect(outcomes.slice(2)).toEqual(outcomes.slice(0, 2));
  });

  it('tells what survives with the packets whose fate changed', { timeout: 120_000 }, () => {
    const trial = open([]);
    const outcome = trial.judge(find(trial.mutants, 'policy removed', /red: 500 inport == "default\/red:red-a"/));
    expect(outcome.verdict).toBe('survived');
    expect(outcome.verdict === 'survived' && outcome.changes.join('\n')).toContain('no longer leave by');
    expect(trial.complaints).toEqual([]);
  });

  it('tells what harms nobody: a gateway tells who asks for it more than it should', { timeout: 120_000 }, () => {
    const trial = open();
    const mutant = find(trial.mutants, 'flow widened to 1', /@n1 lr_in_ip_input 90 .*\+join" && ip6.dst .* nd_ns/);
    const outcome = trial.judge(mutant);
    expect(outcome.verdict).toBe('harmless');
    expect(outcome.verdict === 'harmless' && outcome.changes.join('\n')).toMatch(/^newly return to their sender/);
  });

  it('takes packets for what they look like outside, and in connections that nobody looks up for new ones', {
    timeout: 120_000,
  }, () => {
    const trial = open();
    const answered = trial.judge(find(trial.mutants, 'flow dropped', /@n1\+external ls_in_arp_rsp 100 inport/));
    expect(answered.verdict === 'harmless' && answered.changes.join('\n')).not.toContain('no longer');
    expect(trial.judge(find(trial.mutants, 'flow dropped', /@n1 lr_out_post_undnat 50 /)).verdict).toBe('equivalent');
  });

  it('tells what only a property noticed that is there for something else', { timeout: 120_000 }, () => {
    let asked = 0;
    const other: Property = {
      id: 'other',
      severity: 'error',
      promise: 'the network is as it was',
      *checks() {
        const judge = () => (asked++ === 0 ? holds : violated({ kind: 'written', sentence: 'it is not' }));
        yield { subject: 'the network', source: [], judge };
      },
    };
    const trial = open([other]);
    const mutant = find(trial.mutants, 'policy removed', /red: 500 inport == "default\/red:red-a"/);
    expect(trial.judge(mutant)).toEqual({ verdict: 'elsewhere', by: 'other' });
  });
});
