/**
 * The rules of a policy as properties, which are checked as the built-in ones are.
 *
 *     const network = networkOf(southbound);
 *     const analysis = analyse(network, { watch: policyWatch(policy, network, plans) });
 *     for (const property of policyProperties(policy, { today })) property.checks(openView(analysis, plans));
 */
import { SpaceFull } from '../../engine/sets/index.ts';
import { quote } from '../../engine/spec/complain.ts';
import type { VpcPlan } from '../../engine/vpc/plan.ts';
import { isExpired } from '../policy/exceptions.ts';
import { type Inventory, inventoryIn, inventoryOf } from '../policy/inventory.ts';
import type { Exception, Policy, Rule } from '../policy/policy.ts';
import { extentOf, unknownNames, waysOf } from '../policy/select.ts';
import { type Check, type Judgement, type Property, unknown, violated } from '../properties/property.ts';
import type { View } from '../properties/view.ts';
import type { Network } from '../symbolic/index.ts';
import { type Claim, claimOf, emptiness, subjectOf } from './claim.ts';
import { judgePromise, nothingPromised } from './promises.ts';
import { judgeRefusal } from './refusals.ts';

export interface PolicyOptions {
  /** `YYYY-MM-DD`: exceptions whose last day is before it have expired. */
  today: string;
  /**
   * Decides `unchanged`: compares what the claim speaks of with the same of another network; undefined
   * where `against` names nothing that it knows.
   */
  compare?: (claim: Claim) => Judgement | undefined;
}

/** Names of the ports, switches and routers that rules want to know of whether packets pass them: `AnalyseOptions.watch`. */
export function policyWatch(policy: Policy, network: Network, plans: readonly VpcPlan[] = []): string[] {
  const ways = policy.rules.flatMap(({ through, notThrough }) => [through, notThrough].flatMap((way) => way ?? []));
  if (ways.length === 0) return [];
  const inventory = inventoryOf(network, plans);
  return [...new Set(ways.flatMap(({ value }) => waysOf(value, policy, inventory)))];
}

/** A property for each rule, in their order, and one that exceptions have not expired. */
export function policyProperties(policy: Policy, options: PolicyOptions): Property[] {
  const inventories = new WeakMap<View, Inventory>();
  const inventory = (view: View): Inventory => {
    const known = inventories.get(view) ?? inventoryIn(view);
    inventories.set(view, known);
    return known;
  };
  const rules = policy.rules.map((rule) => ruleProperty(rule, policy, inventory, options));
  const { except } = policy.builtIn;
  return except.length === 0 ? rules : [...rules, exceptionsProperty(policy, inventory, options)];
}

function ruleProperty(
  rule: Rule,
  policy: Policy,
  inventory: (view: View) => Inventory,
  options: PolicyOptions,
): Property {
  return {
    id: rule.id,
    severity: rule.severity,
    promise: promiseOf(rule),
    *checks(view) {
      yield ruleCheck(claimOf(rule, policy, view, inventory(view)), options);
    },
    // What is compared is another network's, too.
    ...(rule.kind !== 'unchanged' && {
      ports: (view) =>
        [rule.from, rule.to].flatMap((side) =>
          extentOf(side, policy, inventory(view)).groups.flatMap(({ edges }) => edges.map(({ port }) => port)),
        ),
    }),
  };
}

function promiseOf({ kind, from, to, traffic, bothWays, through, notThrough, seenAs, against }: Rule): string {
  const sender = from?.text ?? 'anybody';
  const receiver = to?.text ?? 'anybody';
  const what = traffic?.text ?? 'anything';
  const how = [
    ...(through ? [`through ${through.text}`] : []),
    ...(notThrough ? [`without passing ${notThrough.text}`] : []),
    ...(seenAs ? [`as ${seenAs.text}`] : []),
  ];
  const arrives = [`arrives at ${receiver}`, ...how].join(', ');
  switch (kind) {
    case 'never':
      return `nothing${traffic ? ` of ${what}` : ''} from ${sender} ${arrives}`;
    case 'only':
      return `nothing but ${what} from ${sender} ${arrives}`;
    case 'always':
      return `${what} that hosts of ${sender} send ${arrives}${bothWays ? ', and the answers come back' : ''}`;
    case 'some':
      return `some of ${what} that hosts of ${sender} send ${arrives}`;
    case 'unchanged': {
      const before = against === undefined ? 'before' : `in ${quote(against)}`;
      return `what${traffic ? ` of ${what}` : ''} from ${sender} ${arrives}, is what arrived ${before}`;
    }
  }
}

function ruleCheck(claim: Claim, options: PolicyOptions): Check {
  const { rule } = claim;
  const source = [rule.at];
  const subject = subjectOf(claim);
  const isPromise = rule.kind === 'always' || rule.kind === 'some';
  const empty = emptiness(claim) ?? (isPromise ? nothingPromised(claim) : undefined);
  if (empty !== undefined && rule.allowEmpty)
    return { subject, source, vacuous: empty, judge: () => speechless(empty) };
  if (empty !== undefined) return { subject, source, judge: () => speechless(empty) };
  return { subject, source, judge: () => withinMemory(() => judge(claim, options)) };
}

/** What takes more memory than there is stays unknown. */
function withinMemory(decide: () => Judgement): Judgement {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof SpaceFull)) throw error;
    return unknown(`the answer takes more memory than is allowed: ${error.message}`);
  }
}

/** A rule that is about nothing would hold of anything: a mistake, unless it is said to be fine. */
const speechless = (why: string): Judgement => {
  const sentence = `the rule speaks of nothing: ${why}; add allow-empty: true if that is fine`;
  return violated({ kind: 'written', sentence });
};

function judge(claim: Claim, { compare }: PolicyOptions): Judgement {
  const { kind, against } = claim.rule;
  switch (kind) {
    case 'never':
    case 'only':
      return judgeRefusal(claim);
    case 'always':
    case 'some':
      return judgePromise(claim);
    case 'unchanged': {
      const what = against === undefined ? '' : ` as ${quote(against)}`;
      const how = `lflow verify --against ${against === undefined ? '' : `${against}=`}INPUT`;
      return compare?.(claim) ?? unknown(`there is nothing given to compare with${what}: ${how}`);
    }
  }
}

/** The id of the property that no exception has expired, or names what is not there. */
export const exceptionsId = 'policy-exceptions';

function exceptionsProperty(policy: Policy, inventory: (view: View) => Inventory, { today }: PolicyOptions): Property {
  return {
    id: exceptionsId,
    severity: 'error',
    promise: 'no exception has expired, and each is about something',
    ports: () => [],
    *checks(view) {
      for (const exception of policy.builtIn.except) {
        yield {
          subject: exceptionText(exception),
          source: [exception.at],
          judge: () => judgeException(exception, policy, inventory(view), today),
        };
      }
    },
  };
}

function exceptionText({ id, on, from, to }: Exception): string {
  const parts = [on && ` on ${on.text}`, from && ` from ${from.text}`, to && ` to ${to.text}`];
  return `${id}${parts.filter((part) => part !== undefined).join('')}`;
}

function judgeException(exception: Exception, policy: Policy, inventory: Inventory, today: string): Judgement {
  const { id, until, on, from, to } = exception;
  if (isExpired(exception, today)) {
    const sentence = `the exception to ${id} ended on ${until}, and excuses nothing any more`;
    return violated({ kind: 'written', sentence });
  }
  const named = [on, from, to].flatMap((each) => each ?? []);
  const [name] = named.flatMap(({ value }) => unknownNames(value, policy, inventory));
  if (name === undefined) return { verdict: 'holds' };
  return violated({ kind: 'written', sentence: `the exception to ${id} excuses nothing: ${name}` });
}
