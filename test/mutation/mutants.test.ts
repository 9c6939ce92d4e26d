import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../engine/northd/index.ts';
import { northboundOf } from '../../engine/vpc/index.ts';
import { builtInProperties } from '../../sim/properties/index.ts';
import { redAndBlue } from '../topology.ts';
import { expectedOf } from './expected.ts';
import { flowMutants, withAnotherPort } from './flows.ts';
import { withFlow } from './mutant.ts';
import { rowMutants } from './rows.ts';
import { sampleOf } from './sample.ts';
import { scoreOf, tally } from './score.ts';

const northbound = northboundOf(redAndBlue());
const { southbound } = computeSouthbound(northbound);

describe('mutation/rows', () => {
  const mutants = rowMutants(northbound);

  it('changes the database, each mutant another way, and leaves the one that was given as it is', () => {
    const text = (nb: typeof northbound): string =>
      JSON.stringify(nb, (_key, value: unknown) => (value instanceof Map ? [...value] : value));
    const before = text(northbound);
    const texts = mutants.map(({ damage }) => {
      const copy = structuredClone(northbound);
      damage(copy);
      return text(copy);
    });
    expect(texts).not.toContain(before);
    expect(text(northbound)).toBe(before);
    expect(new Set(texts).size).toBe(mutants.length);
  });

  it('is of every kind', () => {
    expect([...new Set(mutants.map(({ kind }) => kind))].sort()).toEqual(
      [
        'ACL removed',
        'ACL turned',
        'ACL widened by a term',
        'ACL widened to 1',
        'DHCP option removed',
        'DHCP removed',
        "NAT rule with another one's address",
        'NAT rule removed',
        'address taken out of its set',
        'interface moved',
        'policy leads elsewhere',
        'policy removed',
        'policy turned',
        'policy widened by a term',
        'policy widened to 1',
        'port security removed',
        'route leads elsewhere',
        'route removed',
      ].sort(),
    );
  });
});

describe('mutation/expected', () => {
  const ids = new Set(builtInProperties.map(({ id }) => id));

  it('names properties that there are, some for every mutant', () => {
    for (const mutant of [...rowMutants(northbound), ...flowMutants(southbound)]) {
      const expected = expectedOf(mutant);
      expect(expected.size).toBeGreaterThan(0);
      expect([...expected].filter((id) => !ids.has(id))).toEqual([]);
      expect(expected.has('ambiguous-flows')).toBe(mutant.kind.includes('widened'));
    }
  });

  it('leaves no property without a mutant to catch, but those about what engine/vpc never writes', () => {
    const all = [...rowMutants(northbound), ...flowMutants(southbound)].flatMap((mutant) => [...expectedOf(mutant)]);
    const idle = [...ids].filter((id) => !all.includes(id));
    expect(idle.sort()).toEqual(['nat-hairpin', 'subnet-overlap']);
  });
});

describe('mutation/flows', () => {
  const mutants = flowMutants(southbound);

  it('drops each flow, and changes one only', () => {
    expect(mutants.filter(({ instead }) => !instead)).toHaveLength(southbound.flows.length);
    for (const mutant of mutants.slice(0, 50)) {
      const { flows } = withFlow(southbound, mutant);
      const kept = new Set(flows);
      expect(southbound.flows.filter((flow) => !kept.has(flow))).toEqual([mutant.flow]);
      expect(flows).toHaveLength(southbound.flows.length - (mutant.instead ? 0 : 1));
    }
  });

  it('sends to the next port', () => {
    expect(withAnotherPort('outport = "a"; output;', ['a', 'b'])).toBe('outport = "b"; output;');
    expect(withAnotherPort('outport = "b"; output;', ['a', 'b'])).toBe('outport = "a"; output;');
    expect(withAnotherPort('outport = "_MC_flood"; output;', ['a', 'b'])).toBe('outport = "a"; output;');
    expect(withAnotherPort('outport = "a"; output;', ['a'])).toBeUndefined();
    expect(withAnotherPort('next;', ['a', 'b'])).toBeUndefined();
  });
});

describe('mutation/sample', () => {
  it('is of the size asked for, in order, and another one by another seed', () => {
    const things = Array.from({ length: 1000 }, (_, index) => index);
    const sample = sampleOf(things, 40, 1);
    expect(new Set(sample).size).toBe(40);
    expect(sample).toEqual([...sample].sort((a, b) => a - b));
    expect(sampleOf(things, 40, 1)).toEqual(sample);
    expect(sampleOf(things, 40, 2)).not.toEqual(sample);
    expect(sampleOf(things, 5000, 1)).toEqual(things);
    expect(sampleOf([], 3, 1)).toEqual([]);
  });
});

describe('mutation/score', () => {
  it('counts what is not known or was not theirs to catch against the properties, and what changes nothing that matters not at all', () => {
    const caught = { verdict: 'caught', by: 'no-loop' } as const;
    const survived = { verdict: 'survived', changes: [] } as const;
    const unknown = { verdict: 'unknown', reason: '' } as const;
    const elsewhere = { verdict: 'elsewhere', by: 'no-loop' } as const;
    const harmless = { verdict: 'harmless', changes: [] } as const;
    expect(scoreOf([caught, caught, survived, unknown, { verdict: 'equivalent' }, harmless])).toBe(50);
    expect(scoreOf([caught, elsewhere])).toBe(50);
    expect(scoreOf([])).toBe(100);
    expect(tally([caught, survived, caught])).toEqual([
      '\n3 mutants: 2 caught, 1 survived',
      '      2  caught by no-loop',
    ]);
  });
});
