/** Databases of plans that follow each other are what each plan asks for by itself. LFLOW_SEED and LFLOW_RUNS (30). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readManifests } from '../../engine/spec/read.ts';
import { northboundOfPlan, openNorthboundMaker, planTopology, type VpcPlan } from '../../engine/vpc/index.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { network, node, vf, vpc } from '../topology.ts';

const { seed, runs } = seedAndRuns(30);

const textOf = (interfaces: number, masquerade = true): string =>
  ['red', 'blue']
    .flatMap((name) => [
      vpc(name, { interNetworkAccess: name === 'red' }),
      node(`n-${name}`, name),
      ...Array.from({ length: name === 'red' ? interfaces : 1 }, (_, id) => vf(`${name}net`, id)),
      network(`${name}net`, name, '10.0.0.0/24', { masquerade }),
      network(`${name}other`, name, '10.1.0.0/24'),
    ])
    .map((one) => stringify(one))
    .join('---\n');

function plansOf(text: string): VpcPlan[] {
  const { resources, problems } = readManifests([{ file: 'test.yaml', text }]);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return planTopology(resources);
}

/** A comment more above some line. */
function withComment(text: string, at: number): string {
  const lines = text.split('\n');
  lines.splice(at % lines.length, 0, '# comment');
  return lines.join('\n');
}

test('after any changes, also of nothing but places', () => {
  const steps = fc.array(fc.tuple(fc.nat(3), fc.boolean(), fc.array(fc.nat(200), { maxLength: 2 })), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const make = openNorthboundMaker();
      for (const [interfaces, masquerade, comments] of all) {
        const plans = plansOf(comments.reduce(withComment, textOf(interfaces, masquerade)));
        const nb = make(plans);
        expect(nb).toEqual(northboundOfPlan(plans));
        for (const [table, rows] of Object.entries(northboundOfPlan(plans))) {
          expect([...nb[table as keyof typeof nb].keys()]).toEqual([...rows.keys()]);
        }
      }
    }),
    { seed, numRuns: runs },
  );
});

test('after a comment within a document, which moves its fields and nothing else', () => {
  const text = textOf(0);
  const make = openNorthboundMaker();
  for (let line = text.split('\n').length - 30; line < text.split('\n').length; line += 1) {
    make(plansOf(text));
    const plans = plansOf(withComment(text, line));
    expect(make(plans)).toEqual(northboundOfPlan(plans));
  }
});

test('the rows of a VPC that is planned as before are the very objects', () => {
  const make = openNorthboundMaker();
  const rowsOf = (text: string) =>
    new Map([...make(plansOf(text)).Logical_Switch.values()].map((row) => [row.name, row]));
  const [one, other] = [5, 6].map((id) => rowsOf(`${textOf(1)}---\n${stringify(vf('bluenet', id))}`));
  expect(one?.get('default/rednet')).toBeDefined();
  expect(other?.get('default/rednet')).toBe(one?.get('default/rednet'));
  expect(other?.get('default/bluenet')).not.toBe(one?.get('default/bluenet'));
});
