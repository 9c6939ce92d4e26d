/**
 * Rules with one thing changed: the proof refutes those that do something wrong
 * with some frame, and no others.  What is wrong, the tracer says frame by frame,
 * and a device in TypeScript what rules do.
 */
import { expect, test } from 'vitest';
import type { RuleSet } from '../../../engine/offload/rules.ts';
import { bytesOfHex } from '../../../sim/offload/geneve.ts';
import { openProver } from '../../../sim/offload/prove.ts';
import { arrivalsFor } from '../../offload/arrivals.ts';
import { run } from '../../offload/executor.ts';
import { mutant } from '../../offload/mutants.ts';
import { type Arrival, referenceOf } from '../../offload/reference.ts';
import { scene } from '../../offload/scene.ts';

const count = Number(process.env.LFLOW_RUNS ?? 200);

test('what the tracer finds wrong is refuted, and nothing else', { timeout: 300_000 }, () => {
  const { southbound, node, rules } = scene();
  const prove = openProver({ southbound }, node);
  const reference = referenceOf(southbound, node);
  const arrivals = arrivalsFor(southbound, node);
  const wrongWith = (ruleSet: RuleSet, arrival: Arrival): string | undefined => {
    for (const fate of run(ruleSet, arrival.port, bytesOfHex(arrival.frame), arrival.bySoftware)) {
      const wrong = reference(arrival, fate);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
  const firstWrong = (ruleSet: RuleSet) => {
    for (const arrival of arrivals) {
      const wrong = wrongWith(ruleSet, arrival);
      if (wrong !== undefined) return { ...arrival, wrong };
    }
    return undefined;
  };
  expect(firstWrong(rules)).toBeUndefined();
  expect(prove(rules).verdict).toBe('holds');
  const tally = { holds: 0, violated: 0, unknown: 0 };
  const disagreements: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const { what, ruleSet } = mutant(rules, seed);
    const proof = prove(ruleSet);
    tally[proof.verdict]++;
    if (proof.verdict !== 'violated') {
      const found = proof.verdict === 'holds' ? firstWrong(ruleSet) : undefined;
      if (found) disagreements.push(`${seed} ${what}: holds, but ${found.wrong}: ${found.port} ${found.frame}`);
      continue;
    }
    const { packet, sentence } = proof.violations[0];
    const shown = packet && {
      port: packet.devicePort === 'another port' ? 'pf0vf9' : packet.devicePort,
      frame: packet.frame,
      bySoftware: packet.bySoftware === true,
    };
    const seen = shown && wrongWith(ruleSet, shown);
    if (seen === undefined) disagreements.push(`${seed} ${what}: ${sentence}: not so: ${JSON.stringify(shown)}`);
  }
  expect(disagreements).toEqual([]);
  expect(tally.violated).toBeGreaterThan(0.4 * count);
  expect(tally.holds).toBeGreaterThan(0.3 * count);
});
