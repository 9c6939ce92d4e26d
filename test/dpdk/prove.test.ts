/** What a proof says of rules is what the emulated device does with them, frame by frame. */
import { expect, test } from 'vitest';
import type { RuleSet } from '../../engine/offload/rules.ts';
import type { OffloadDevice } from '../../native/offload/index.ts';
import { bytesOfHex } from '../../sim/offload/geneve.ts';
import { openProver } from '../../sim/offload/prove.ts';
import { arrivalsFor } from '../offload/arrivals.ts';
import { type Fate, run } from '../offload/executor.ts';
import { mutant } from '../offload/mutants.ts';
import { referenceOf } from '../offload/reference.ts';
import { scene } from '../offload/scene.ts';
import { emulated } from './rules.ts';

const ports = ['p0', 'pf0vf0', 'pf0vf1', 'pf0vf9'];
const { southbound, node, rules } = scene();
const prove = openProver({ southbound }, node);
const arrivals = arrivalsFor(southbound, node, 0.01);

/** Whether one rule decides over each packet: the device tries rules of one priority in their order. */
const isCertain = ({ rules: list }: RuleSet): boolean =>
  new Set(list.map(({ group, priority, pattern }) => JSON.stringify([group, priority, pattern]))).size === list.length;

async function fateOn(device: OffloadDevice, { port, frame, bySoftware }: (typeof arrivals)[number]): Promise<Fate> {
  const [fate] = await device.receive(port, [frame], bySoftware === true);
  const [output] = fate?.outputs ?? [];
  if (!output) return { kind: 'drop' };
  return output.software
    ? { kind: 'software', frame: output.frame }
    : { kind: 'port', port: output.port, frame: output.frame };
}

/** Lengths and checksums of a tunnel's headers are the device's; the tests' own device leaves them as they are. */
const withoutSums = (fate: Fate): Fate =>
  fate.kind === 'port' && fate.port === 'p0' ? { ...fate, frame: fate.frame.slice(2 * 58) } : fate;

/** Checksums change with addresses and hops, which the tests' own device does not follow. */
const withoutIpSums = (fate: Fate): Fate =>
  fate.kind === 'drop' ? fate : { ...fate, frame: fate.frame.replace(/(?<=^.{48}).{4}/, '0000') };

test('mutants on the device: what was proven does nothing wrong, what was refuted does', async () => {
  const reference = referenceOf(southbound, node);
  let compared = 0;
  let refuted = 0;
  for (let seed = 1001; seed <= 1040; seed++) {
    const { what, ruleSet } = mutant(rules, seed);
    const device = await emulated(undefined, ports);
    const outcomes = await device.create(ruleSet.rules);
    if (outcomes.some(({ error }) => error !== undefined)) continue;
    const proof = prove(ruleSet);
    if (proof.verdict === 'violated') {
      const { packet } = proof.violations[0];
      if (!packet || !ports.includes(packet.devicePort)) continue;
      const shown = { port: packet.devicePort, frame: packet.frame, bySoftware: packet.bySoftware === true };
      const isRivalled = / of the same priority /.test(proof.violations[0].sentence);
      const wrong = reference(shown, await fateOn(device, shown));
      if (!isRivalled) expect(wrong, `${seed} ${what}: ${proof.violations[0].sentence}`).toBeDefined();
      refuted++;
      continue;
    }
    if (proof.verdict === 'unknown' || !isCertain(ruleSet)) continue;
    for (const arrival of arrivals.filter((_, index) => index % 7 === seed % 7)) {
      const fate = await fateOn(device, arrival);
      const [own] = run(ruleSet, arrival.port, bytesOfHex(arrival.frame), arrival.bySoftware);
      expect(withoutIpSums(withoutSums(fate)), `${seed} ${what} ${JSON.stringify(arrival)}`).toEqual(
        own && withoutIpSums(withoutSums(own)),
      );
      expect(reference(arrival, fate), `${seed} ${what} ${JSON.stringify(arrival)}`).toBeUndefined();
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(1000);
  expect(refuted).toBeGreaterThan(5);
});
