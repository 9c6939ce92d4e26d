/**
 * Networks that follow each other by changes of their manifests: what a verifier says that knows the one before is what one
 * says that knows nothing. LFLOW_SEED and LFLOW_RUNS (2).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differenceOf } from '../../../engine/northd/difference.ts';
import { createNorthd } from '../../../engine/northd/incremental.ts';
import { northboundOfPlan, planTopology, type VpcPlan } from '../../../engine/vpc/index.ts';
import { differenceFrom } from '../../../sim/jobs/ground.ts';
import type { Subject } from '../../../sim/jobs/parts.ts';
import { planOf } from '../../../sim/jobs/plan.ts';
import { builtInProperties } from '../../../sim/properties/index.ts';
import { openVerifier, verifyNetwork } from '../../../sim/verifier.ts';
import { seedAndRuns } from '../../oracle/seed.ts';
import { network, node, resourcesOf, unknownMac, vf, vpc } from '../../topology.ts';
import { cheapIds, said } from './subjects.ts';

const ids = [...cheapIds, 'source-guarded', 'gateway-answers', 'subnet-overlap'];
const properties = builtInProperties.filter(({ id }) => ids.includes(id));

const tenants = ['red', 'blue', 'green'] as const;
type Name = (typeof tenants)[number];

/** What the manifests of a tenant say. */
interface Tenant {
  /** Its interfaces, and whether they may have any address; they are in the one network with a way outside. */
  readonly interfaces: ReadonlyMap<number, boolean>;
  /** How many networks it has besides, in which nobody is: with more than twelve there is no table of who reaches whom. */
  readonly empty: number;
  readonly isolated: boolean;
  readonly nodes: number;
}

type World = Readonly<Record<Name, Tenant>>;

const tenant: Tenant = { interfaces: new Map([0, 1].map((id) => [id, false])), empty: 4, isolated: false, nodes: 1 };
const start: World = { red: tenant, blue: tenant, green: tenant };

const manifestsOf = (name: Name, { interfaces, empty, isolated, nodes }: Tenant): object[] => [
  vpc(name, { interNetworkAccess: !isolated }),
  ...Array.from({ length: nodes }, (_, index) => node(`n-${name}${index}`, name)),
  network(`${name}net`, name, '10.0.0.0/24'),
  ...[...interfaces].map(([id, isAny]) => vf(`${name}net`, id, isAny ? unknownMac : {})),
  ...Array.from({ length: empty }, (_, index) =>
    network(`${name}net${index}`, name, `10.${index + 1}.0.0/24`, { externallyRouted: false }),
  ),
];

const plansOf = (world: World): VpcPlan[] =>
  planTopology(resourcesOf(...tenants.flatMap((name) => manifestsOf(name, world[name]))));

/** The networks of manifests that follow each other, as they are kept by who follows them. */
function following(): (world: World) => Subject {
  let known: Required<Subject>['northbound'] | undefined;
  let northd: ReturnType<typeof createNorthd> | undefined;
  return (world) => {
    const plans = plansOf(world);
    const made = northboundOfPlan(plans);
    const difference = known && differenceOf(known, made);
    known = difference?.northbound ?? made;
    northd ??= createNorthd(known);
    northd.apply(difference?.changes ?? []);
    return { southbound: northd.computation().southbound, northbound: known, plans };
  };
}

type Edit = (tenant: Tenant, pick: number) => Tenant;

const withInterface: Edit = (one, pick) => ({
  ...one,
  interfaces: new Map([...one.interfaces, [2 + (pick % 2), false]]),
});

const edits: Readonly<Record<string, Edit>> = {
  'an interface more': withInterface,
  'an interface less': (one) => ({ ...one, interfaces: new Map([...one.interfaces].slice(1)) }),
  'an interface with any address': (one) => ({
    ...one,
    interfaces: new Map([...one.interfaces].map(([id, isAny], index) => [id, index === 0 ? !isAny : isAny])),
  }),
  'another order': (one) => ({ ...one, interfaces: new Map([...one.interfaces].reverse()) }),
  'a network more': (one) => ({ ...one, empty: one.empty + 1 }),
  'a network less': (one) => ({ ...one, empty: one.empty - 1 }),
  'networks apart': (one) => ({ ...one, isolated: !one.isolated }),
  'another node': (one) => ({ ...one, nodes: 3 - one.nodes }),
  nothing: (one) => one,
};

const edited = (world: World, name: Name, edit: string, pick: number): World => ({
  ...world,
  [name]: (edits[edit] as Edit)(world[name], pick),
});

const { seed, runs } = seedAndRuns(1);

/** Everything as it was once, of all tenants. */
const undone = 'undone';

/** Which edits, of whom, with what they are done to: mostly such as reach no further than a part. */
const small = Object.keys(edits).slice(0, 4);
const steps = fc.array(
  fc.tuple(
    fc.constantFrom(...tenants),
    fc.constantFrom(...Object.keys(edits), ...small, ...small, undone, undone),
    fc.nat(1 << 8),
  ),
  { minLength: 4, maxLength: 7 },
);

test('after any changes of manifests a verifier says what one says that knows nothing', { timeout: 900_000 }, () => {
  for (const sample of fc.sample(steps, { seed, numRuns: runs })) {
    const verifier = openVerifier({ properties });
    const next = following();
    verifier.verify(next(start));
    const worlds = [start];
    for (const [index, [name, edit, pick]] of sample.entries()) {
      const last = worlds.at(-1) as World;
      const world = edit === undone ? (worlds[pick % worlds.length] as World) : edited(last, name, edit, pick);
      worlds.push(world);
      const subject = next(world);
      const told = sample.slice(0, index + 1).map((one) => one.join(' '));
      expect(said(verifier.verify(subject)), `${told.join(', ')}; seed ${seed}`).toEqual(
        said(verifyNetwork(subject, { properties })),
      );
    }
  }
});

test('of parts that are only written down elsewhere nothing is followed, however often', { timeout: 300_000 }, () => {
  const unlike: World = { ...start, blue: { ...tenant, isolated: true }, green: { ...tenant, empty: 5 } };
  const next = following();
  const verifier = openVerifier({ properties });
  verifier.verify(next(unlike));
  expect(verifier.last).toEqual({ parts: 3, verified: 3 });
  for (const edit of ['an interface more', 'an interface less', 'an interface with any address']) {
    const subject = next(edited(unlike, 'red', edit, 0));
    expect(said(verifier.verify(subject))).toEqual(said(verifyNetwork(subject, { properties })));
    expect(verifier.last).toEqual({ parts: 3, verified: 1 });
  }
});

describe('what differs', () => {
  /** The names of the parts that are others after a change of a tenant; undefined where that is not known. */
  const differing = (edit: string, name: Name = 'green'): readonly string[] | undefined => {
    const next = following();
    const plan = planOf(next(start), { properties: [], today: '2026-01-01' });
    if (!plan.ground) throw new Error('nothing is remembered');
    const found = differenceFrom(plan.ground, next(edited(start, name, edit, 0)));
    return found?.changed.map((part) => plan.partition.parts[part]?.plans.map(({ vpc: own }) => own.name).join() ?? '');
  };

  test.each(small)('%s: the part of the VPC', (edit) => {
    expect(differing(edit)).toEqual(['green']);
  });

  test('an interface above others: whatever is written down below', () => {
    expect(differing('an interface more', 'red')?.toSorted()).toEqual(['blue', 'green', 'red']);
  });

  test('nothing: no part is another one', () => {
    expect(differing('nothing')).toEqual([]);
  });

  test.each(['a network more', 'a network less', 'another node', 'networks apart'])(
    '%s: may reach further than a part',
    (edit) => {
      expect(differing(edit)).toBeUndefined();
    },
  );
});
