/**
 * Policy files (docs/policy.md): from text to `Policy`, with every complaint at once.
 *
 *     const { policy, problems } = readPolicy('policy.yaml', text, { builtIns: ['tenant-isolation'] });
 */
import type { Problem } from '../../engine/origin.ts';
import { didYouMean, quote } from '../../engine/spec/complain.ts';
import { nearest } from '../../engine/spec/nearest.ts';
import { formatPath, type Segment } from '../../engine/spec/paths.ts';
import {
  type ClaimDocument,
  type ExceptionDocument,
  type PolicyDocument,
  type Reading,
  type RuleDocument,
  readDocument,
} from './document.ts';
import { type Exception, type Policy, parts, type Rule, type RuleKind, type Selector, type Worded } from './policy.ts';
import { readSelector } from './selectors.ts';
import { readSettings, selectorsIn } from './settings.ts';
import { readSeenAs, readTraffic } from './traffic.ts';

export interface ReadPolicyOptions {
  /** The ids of the built-in properties, which `builtin` may name; any name will do unless given. */
  builtIns?: readonly string[];
}

export interface PolicyReading {
  /** Absent where anything is wrong with it that is an error. */
  policy?: Policy;
  /** In the order of line and column. */
  problems: Problem[];
}

/** Reads a policy file of any origin.  Never throws; bounded in time and memory as manifests are. */
export function readPolicy(file: string, text: string, options: ReadPolicyOptions = {}): PolicyReading {
  const { reading, document } = readDocument(file, text);
  const policy = document && policyOf(document, reading, options);
  const { problems } = reading;
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const isUsable = !problems.some(({ severity }) => severity === 'error');
  return { ...(policy && isUsable && { policy }), problems };
}

function policyOf(document: PolicyDocument, reading: Reading, { builtIns }: ReadPolicyOptions): Policy {
  const sets = new Map(
    Object.entries(document.sets ?? {}).map(([name, selector]) => [
      name,
      { ...readSelector(selector, ['sets', name], reading), text: name },
    ]),
  );
  const { builtin = {} } = document;
  const { enable = 'all', disable = [], except = [] } = builtin;
  const policy: Policy = {
    file: reading.file,
    sets,
    builtIn: {
      enable: enable === 'all' ? 'all' : [enable].flat(),
      disable,
      except: except.map((each, index) => exceptionOf(each, ['builtin', 'except', index], reading)),
      settings: readSettings(builtin, ['builtin'], reading),
    },
    rules: (document.rules ?? []).flatMap((rule, index) => ruleOf(rule, ['rules', index], reading)),
  };
  checkIds(document, builtIns, reading);
  checkRuleIds(policy, builtIns, reading);
  checkReferences(policy, reading);
  return policy;
}

function exceptionOf(document: ExceptionDocument, path: Segment[], reading: Reading): Exception {
  const { id, on, from, to, reason, until } = document;
  if (reason.trim() === '') {
    const hint = 'say why it is fine, and who decided it';
    reading.complain([...path, 'reason'], { id: 'wrong-length', message: 'the reason is empty', hint });
  }
  if (until !== undefined && !isDate(until)) {
    const message = `${quote(until)} is no date`;
    reading.complain([...path, 'until'], { id: 'date-invalid', message, hint: 'write it as 2027-01-31' });
  }
  return {
    id,
    ...(on !== undefined && { on: readSelector(on, [...path, 'on'], reading) }),
    ...(from !== undefined && { from: readSelector(from, [...path, 'from'], reading) }),
    ...(to !== undefined && { to: readSelector(to, [...path, 'to'], reading) }),
    reason,
    ...(until !== undefined && { until }),
    at: reading.at(path),
    path: formatPath(path),
  };
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

const kinds: readonly RuleKind[] = ['never', 'only', 'always', 'some', 'unchanged'];

function ruleOf(rule: RuleDocument, path: Segment[], reading: Reading): Rule[] {
  const kind = kinds.find((each) => rule[each] !== undefined);
  const claim = kind && rule[kind];
  if (!kind || !claim) return [];
  const at = [...path, kind];
  checkClaim(kind, claim, at, reading);
  const { from, to, traffic, through } = claim;
  const notThrough = claim['not-through'];
  const seenAs = claim['seen-as'];
  return [
    {
      id: rule.id,
      kind,
      severity: rule.severity ?? 'error',
      ...(from !== undefined && { from: readSelector(from, [...at, 'from'], reading) }),
      ...(to !== undefined && { to: readSelector(to, [...at, 'to'], reading) }),
      ...(traffic !== undefined && { traffic: readTraffic(traffic, [...at, 'traffic'], reading) }),
      ...(through !== undefined && { through: readSelector(through, [...at, 'through'], reading) }),
      ...(notThrough !== undefined && { notThrough: readSelector(notThrough, [...at, 'not-through'], reading) }),
      ...(seenAs !== undefined && { seenAs: readSeenAs(seenAs, [...at, 'seen-as'], reading) }),
      state: claim.state ?? 'new',
      bothWays: claim['both-ways'] ?? false,
      allowEmpty: claim['allow-empty'] ?? false,
      ...(claim.against !== undefined && { against: claim.against }),
      at: reading.at(path),
      path: formatPath(path),
    },
  ];
}

/** Fields that mean something in claims of some kinds only. */
const limited: readonly (readonly [keyof ClaimDocument, readonly RuleKind[], string])[] = [
  [
    'state',
    ['never', 'only'],
    'what is promised is always about new connections; for their answers there is both-ways',
  ],
  ['both-ways', ['always', 'some'], 'that answers do not arrive is a rule of its own, with from and to exchanged'],
  ['against', ['unchanged'], 'use it with unchanged'],
];

function checkClaim(kind: RuleKind, claim: ClaimDocument, path: Segment[], reading: Reading): void {
  for (const [field, allowed, hint] of limited) {
    if (claim[field] === undefined || allowed.includes(kind)) continue;
    reading.complain(
      [...path, field],
      { id: 'claim-field', message: `${field} means nothing in ${kind}`, hint },
      'key',
    );
  }
  const needed = kind === 'always' || kind === 'some' ? (['from', 'to'] as const) : [];
  for (const field of needed) {
    if (claim[field] !== undefined) continue;
    const message = `${kind} lacks ${quote(field)}`;
    reading.complain(path, { id: 'missing-field', message, hint: 'say who is to reach whom' }, 'key');
  }
  if (claim.from === undefined && claim.to === undefined && needed.length === 0) {
    const message = `${kind} has neither from nor to`;
    reading.complain(path, { id: 'missing-field', message, hint: 'say what it is about' }, 'key');
  }
  if (kind === 'only' && claim.traffic === undefined) {
    const hint = 'add the traffic that may arrive; for nothing at all there is never';
    reading.complain(path, { id: 'missing-field', message: 'only lacks "traffic"', hint }, 'key');
  }
}

/** That `builtin` names properties that there are. */
function checkIds({ builtin }: PolicyDocument, builtIns: readonly string[] | undefined, reading: Reading): void {
  if (!builtin || !builtIns) return;
  const check = (id: string, path: Segment[]): void => {
    if (builtIns.includes(id)) return;
    const hint = didYouMean(nearest(id, builtIns)) ?? `there are ${builtIns.join(', ')}`;
    reading.complain(path, { id: 'property-unknown', message: `there is no property ${quote(id)}`, hint });
  };
  const { enable = 'all', disable = [], except = [] } = builtin;
  if (Array.isArray(enable)) for (const [i, id] of enable.entries()) check(id, ['builtin', 'enable', i]);
  else if (enable !== 'all') check(enable, ['builtin', 'enable']);
  for (const [i, id] of disable.entries()) check(id, ['builtin', 'disable', i]);
  for (const [i, { id }] of except.entries()) check(id, ['builtin', 'except', i, 'id']);
}

function checkRuleIds({ rules }: Policy, builtIns: readonly string[] = [], reading: Reading): void {
  const seen = new Map<string, Rule>();
  for (const rule of rules) {
    const path = [...pathOf(rule), 'id'];
    const first = seen.get(rule.id);
    if (first) {
      const message = `the id ${quote(rule.id)} is there already, in line ${first.at.line}`;
      reading.complain(path, { id: 'duplicate-id', message, hint: 'give each rule an id of its own' });
    } else if (builtIns.includes(rule.id)) {
      const message = `${quote(rule.id)} is the id of a built-in property`;
      reading.complain(path, { id: 'duplicate-id', message, hint: 'give the rule another one' });
    }
    seen.set(rule.id, first ?? rule);
  }
}

const pathOf = (rule: Rule): Segment[] => ['rules', Number(/\d+/.exec(rule.path)?.[0] ?? 0)];

/** That sets are there where they are referred to, and that none is made of itself. */
function checkReferences(policy: Policy, reading: Reading): void {
  const { sets, rules, builtIn } = policy;
  const selectors: Worded<Selector>[] = [
    ...sets.values(),
    ...selectorsIn(builtIn.settings),
    ...builtIn.except.flatMap(({ on, from, to }) => [on, from, to].flatMap((each) => each ?? [])),
    ...rules.flatMap(({ from, to, through, notThrough }) =>
      [from, to, through, notThrough].flatMap((each) => each ?? []),
    ),
  ];
  for (const { value } of selectors) {
    for (const part of parts(value)) {
      if (part.kind !== 'set' || sets.has(part.name)) continue;
      const hint =
        didYouMean(nearest(part.name, sets.keys())) ?? 'define it under sets, or select by a key: {vpc: NAME}';
      reading.problems.push(problemAt(part, 'set-unknown', `there is no set ${quote(part.name)}`, hint));
    }
  }
  for (const { at, path } of circular(sets)) {
    reading.problems.push(
      problemAt({ at, path }, 'set-circular', 'the set is made of itself', 'name what it is to hold'),
    );
  }
  for (const { through, notThrough } of rules) {
    for (const { value } of [through, notThrough].flatMap((each) => each ?? [])) checkWay(value, sets, reading);
  }
}

const problemAt = ({ at, path }: Pick<Rule, 'at' | 'path'>, id: string, message: string, hint: string): Problem => ({
  ...at,
  severity: 'error',
  id,
  path,
  message,
  hint,
});

const references = (selector: Selector): string[] =>
  [...parts(selector)].flatMap((part) => (part.kind === 'set' ? [part.name] : []));

/** The sets that lead back to themselves. */
function circular(sets: Policy['sets']): Worded<Selector>[] {
  const done = new Map<string, 'open' | 'done'>();
  const found: Worded<Selector>[] = [];
  const visit = (name: string): void => {
    const set = sets.get(name);
    if (!set || done.get(name) === 'done') return;
    if (done.get(name) === 'open') {
      found.push(set);
      return;
    }
    done.set(name, 'open');
    for (const reference of new Set(references(set.value))) visit(reference);
    done.set(name, 'done');
  };
  for (const name of sets.keys()) visit(name);
  return found;
}

/** What packets pass has a name, and no address. */
function checkWay(selector: Selector, sets: Policy['sets'], reading: Reading, seen = new Set<string>()): void {
  for (const part of parts(selector)) {
    if (part.kind === 'set' && !seen.has(part.name)) {
      seen.add(part.name);
      const set = sets.get(part.name);
      if (set) checkWay(set.value, sets, reading, seen);
    }
    if (part.kind !== 'prefix') continue;
    const message = 'packets pass ports, switches and routers, not addresses';
    const hint = 'select by port, switch, router, network, vpc or node';
    reading.problems.push(problemAt(part, 'way-invalid', message, hint));
  }
}
