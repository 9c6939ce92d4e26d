/**
 * Holds rules against what a device can do, where there is no device: each
 * sentence says which rule, which part of it, and what is wrong.
 *
 *     checkRules(ruleSet, capabilitiesOf('bluefield-3-doca-hws'), { ports: ['p0', 'pf0vf0'] })
 *     // [{ rule: 3, place: 'rules[3].actions[0] (dec_ttl)', message: '...' }]
 *
 * What the emulated device refuses is a problem here, and the other way round
 * but for what only a whole set shows: jumps that lead nowhere or round.  How
 * words of a match and changes of a rule are counted, capabilities/schema.json tells.
 */
import type { Ability, Capabilities, LimitName } from './capabilities/types.ts';
import {
  type Action,
  bitsOf,
  type FieldKind,
  type Item,
  type ItemType,
  itemFields,
  MODIFIABLE,
  type Rule,
  type RuleSet,
} from './rules.ts';

/** What is wrong with a rule. */
export interface RuleProblem {
  /** The rule's index in the set; undefined of what the rules share. */
  readonly rule?: number;
  /** Such as `rules[3].actions[0] (dec_ttl)`. */
  readonly place: string;
  /** What is wrong, without a full stop. */
  readonly message: string;
}

export interface CheckOptions {
  /** The names of the device's ports; any are taken where they are not given. */
  readonly ports?: readonly string[];
}

/** All that is wrong with rules, the first thing of each rule; none where a device takes them and they make sense. */
export function checkRules(
  ruleSet: RuleSet,
  capabilities: Capabilities | undefined,
  { ports }: CheckOptions = {},
): RuleProblem[] {
  const use = createUse(capabilities);
  const problems: RuleProblem[] = [...sharedProblems(ruleSet, use)];
  const meters = new Set((ruleSet.meters ?? []).map(({ mtr_id }) => mtr_id));
  const shared = new Set((ruleSet.indirect ?? []).map(({ id }) => id));
  for (const [index, rule] of ruleSet.rules.entries()) {
    const found = firstProblem(rule, use, { meters, shared, ...(ports && { ports: new Set(ports) }) });
    if (found) {
      const place = `rules[${index}]${found.place === '' ? '' : `.${found.place}`}`;
      problems.push({ rule: index, place, message: found.message });
    } else {
      note(use, rule);
    }
  }
  return [...problems, ...wayProblems(ruleSet.rules)];
}

/** What of a device is used by the rules that it has. */
interface Use {
  readonly capabilities: Capabilities | undefined;
  rules: number;
  counters: number;
  readonly items: Map<string, number>;
  /** Geneve options by class, type and length. */
  readonly options: Map<string, { readonly words: number; count: number }>;
}

const createUse = (capabilities: Capabilities | undefined): Use => ({
  capabilities,
  rules: 0,
  counters: 0,
  items: new Map(),
  options: new Map(),
});

interface Found {
  readonly place: string;
  readonly message: string;
}

interface Surroundings {
  readonly ports?: ReadonlySet<string>;
  readonly meters: ReadonlySet<number>;
  readonly shared: ReadonlySet<number>;
}

/** Why a limit does not suffice. */
function above({ capabilities }: Use, name: LimitName, value: number): string | undefined {
  const most = capabilities?.limits[name]?.value ?? undefined;
  return most === undefined || value <= most ? undefined : `the device has ${most} ${name}, and this needs ${value}`;
}

function* sharedProblems({ indirect = [], meters = [] }: RuleSet, use: Use): Generator<RuleProblem> {
  for (const [index, { action }] of indirect.entries()) {
    const place = `indirect[${index}]`;
    if (action.type !== 'conntrack') yield { place, message: 'rules share connections only' };
    const why = above(use, 'connections', index + 1);
    if (why !== undefined) yield { place, message: why };
  }
  for (const index of meters.keys()) {
    const why = above(use, 'meters', index + 1);
    if (why !== undefined) yield { place: `meters[${index}]`, message: why };
  }
}

const fates = ['jump', 'drop', 'represented_port', 'port_representor'];

function firstProblem(rule: Rule, use: Use, around: Surroundings): Found | undefined {
  if (rule.domain !== undefined && rule.domain !== 'transfer') {
    return { place: 'domain', message: 'only rules of the switch (transfer) are taken' };
  }
  return (
    portProblem(rule, around) ??
    ownJump(rule) ??
    orderOfFates(rule.actions, around, 'actions', false) ??
    (use.capabilities ? deviceProblem(rule, use, use.capabilities) : undefined)
  );
}

const placeOf = (list: string, index: number, { type }: { type: string }): string => `${list}[${index}] (${type})`;

/** Ports that the device does not have. */
function portProblem({ pattern, actions }: Rule, { ports, shared }: Surroundings): Found | undefined {
  const unknown = (port: unknown): string | undefined =>
    typeof port === 'string' && ports && !ports.has(port)
      ? `the device has no port "${port}"; it has ${[...ports].join(', ')}`
      : undefined;
  for (const [index, item] of pattern.entries()) {
    const values = { ...item.spec } as Record<string, unknown>;
    const message = unknown(values.ethdev_port_id ?? values.port_id);
    if (message !== undefined) return { place: placeOf('pattern', index, item), message };
  }
  for (const [index, action] of actions.entries()) {
    const values = action as Readonly<Record<string, unknown>>;
    const place = placeOf('actions', index, action);
    const message = unknown(values.ethdev_port_id ?? values.port_id);
    if (message !== undefined) return { place, message };
    if (action.type === 'indirect' && !shared.has(action.id ?? 0)) {
      return { place, message: `there is no indirect action ${action.id ?? 0}` };
    }
  }
  return undefined;
}

function ownJump({ group, actions }: Rule): Found | undefined {
  const index = actions.findIndex((action) => action.type === 'jump' && (action.group ?? 0) === group);
  const action = actions[index];
  return action && { place: placeOf('actions', index, action), message: "the jump goes to the rule's own group" };
}

/** The action that ends a packet's way is the last one. */
function orderOfFates(
  actions: readonly Action[],
  around: Surroundings,
  list: string,
  isInside: boolean,
): Found | undefined {
  let ended = false;
  for (const [index, action] of actions.entries()) {
    const place = placeOf(list, index, action);
    const isFate = fates.includes(action.type);
    if (ended && isFate) return { place, message: "a packet's way has ended before this action" };
    if (ended) return { place, message: "nothing can be done behind the action that ends a packet's way" };
    ended ||= isFate;
    const wrong = ownProblem(action, around, place, isInside);
    if (wrong) return wrong;
  }
  if (ended) return undefined;
  return { place: list, message: "no action ends the packet's way: jump, drop or a port is missing" };
}

function ownProblem(action: Action, around: Surroundings, place: string, isInside: boolean): Found | undefined {
  switch (action.type) {
    case 'meter':
      return around.meters.has(action.mtr_id ?? 0) ? undefined : { place, message: 'there is no such meter' };
    case 'vxlan_encap':
      return isVxlan(action.definition ?? [])
        ? undefined
        : { place, message: 'the definition is not eth, ipv4 or ipv6, udp, vxlan' };
    case 'sample':
      if ((action.ratio ?? 0) === 0) return { place, message: 'the ratio is 0' };
      if (isInside) return { place, message: 'a sample takes no sample' };
      return orderOfFates(action.actions ?? [], around, `${place}.actions`, true);
    default:
      return undefined;
  }
}

/** Headers that may stand before a packet, of which the last one is vxlan. */
function isVxlan(definition: readonly Item[]): boolean {
  const known = definition.every(({ type }) => ['eth', 'ipv4', 'ipv6', 'udp', 'vxlan'].includes(type));
  return known && definition.some(({ type }) => type === 'vxlan');
}

function deviceProblem(rule: Rule, use: Use, capabilities: Capabilities): Found | undefined {
  const { group, priority } = rule;
  const at = (place: string, message: string | undefined): Found | undefined =>
    message === undefined ? undefined : { place, message };
  return (
    at('priority', group === 0 ? undefined : above(use, 'priorities', priority + 1)) ??
    at('group', above(use, 'groups', group + 1)) ??
    at('', above(use, 'rules', use.rules + 1)) ??
    itemProblem(rule, use, capabilities) ??
    actionProblem(rule, use, capabilities) ??
    stepProblem(rule, capabilities) ??
    at('', togetherProblem(rule, use, capabilities))
  );
}

/** Why an item or an action is not there. */
function missing(ability: Ability | undefined, type: string): string | undefined {
  if (!ability) return `${type} is not among what the device is known to do`;
  return ability.unsupported === undefined ? undefined : `${type}: ${ability.unsupported} (${ability.source})`;
}

type Values = Readonly<Record<string, unknown>>;

/** The fields of an item that are looked at: those with a value whose mask is not 0. */
function asked(item: Item): { name: string; bits: number }[] {
  const spec: Values = { ...item.spec };
  const mask: Values = { ...item.mask };
  return Object.entries(itemFields[item.type] ?? {}).flatMap(([name, kind]) => {
    if (spec[name] === undefined) return [];
    const bits = mask[name] === undefined ? fullBits(kind, spec[name]) : onesIn(kind, mask[name]);
    return bits === 0 ? [] : [{ name, bits }];
  });
}

const fullBits = (kind: FieldKind, value: unknown): number =>
  kind.kind === 'hex' ? String(value).length * 4 : bitsOf(kind);

/** How many bits of a mask are set; data of an option counts whole. */
function onesIn(kind: FieldKind, mask: unknown): number {
  if (kind.kind === 'hex') return String(mask).length * 4;
  if (kind.kind === 'mac') return ones(Number.parseInt, String(mask).split(':'), 16);
  if (kind.kind === 'ipv4') return ones(Number.parseInt, String(mask).split('.'), 10);
  if (kind.kind === 'ipv6') return onesOfIpv6(String(mask));
  return ones(Number, [Number(mask)], 10);
}

function ones<T>(read: (part: T, radix: number) => number, parts: readonly T[], radix: number): number {
  return parts.reduce((sum, part) => sum + onesOf(read(part, radix)), 0);
}

function onesOf(value: number): number {
  let [left, count] = [value, 0];
  for (; left > 0; left = Math.floor(left / 2)) count += left % 2;
  return count;
}

/** Groups that `::` stands for are 0; an IPv4 tail is written in decimal numbers. */
function onesOfIpv6(text: string): number {
  return text
    .split(':')
    .reduce(
      (sum, part) =>
        sum +
        (part.includes('.')
          ? ones(Number.parseInt, part.split('.'), 10)
          : onesOf(part === '' ? 0 : Number.parseInt(part, 16))),
      0,
    );
}

const optionKey = ({ spec }: Extract<Item, { type: 'geneve_opt' }>): { key: string; words: number } => {
  const words = spec?.data === undefined ? (spec?.length ?? 0) : spec.data.length / 8;
  return { key: `${spec?.class ?? 0} ${spec?.type ?? 0} ${words}`, words };
};

function itemProblem({ pattern }: Rule, use: Use, { items }: Capabilities): Found | undefined {
  let width = 0;
  let tags = 0;
  const options = new Map([...use.options].map(([key, { words }]) => [key, words]));
  for (const [index, item] of pattern.entries()) {
    const place = placeOf('pattern', index, item);
    const ability = items[item.type];
    const message = missing(ability, item.type);
    if (message !== undefined) return { place, message };
    const fields = asked(item);
    const unseen = fields.find(({ name }) => ability?.fields && !ability.fields.includes(name));
    if (unseen) return { place, message: `${item.type}: the device does not look at ${unseen.name}` };
    if (item.type === 'tag' && Object.keys(item.spec ?? {}).length > 0) {
      const why = above(use, 'tags', (item.spec?.index ?? 0) + 1);
      if (why !== undefined) return { place, message: why };
    }
    if (item.type === 'geneve_opt' && item.spec) {
      const { key, words } = optionKey(item);
      options.set(key, words);
    }
    if (item.type === 'vlan') tags++;
    width += Math.ceil(fields.reduce((sum, { bits }) => sum + bits, 0) / 32);
  }
  const words = [...options.values()].reduce((sum, each) => sum + 1 + each, 0);
  const why =
    above(use, 'items', pattern.length) ??
    above(use, 'matchDwords', width) ??
    above(use, 'vlanTags', tags) ??
    above(use, 'geneveOptionDwords', words) ??
    above(use, 'geneveOptions', options.size);
  return why === undefined ? undefined : { place: 'pattern', message: why };
}

/** Changes that an action makes, each of 32 bits at most. */
function commands(action: Action): number {
  if (action.type === 'modify_field') return Math.ceil((action.width ?? 0) / 32);
  if (action.type.startsWith('set_ipv6_') && !action.type.endsWith('dscp')) return 4;
  if (action.type.startsWith('set_mac_')) return 2;
  return action.type.startsWith('set_') || action.type === 'dec_ttl' ? 1 : 0;
}

function actionProblem({ group, actions }: Rule, use: Use, capabilities: Capabilities): Found | undefined {
  let changes = 0;
  let outputs = 0;
  for (const [index, action] of actions.entries()) {
    const message =
      missing(capabilities.actions[action.type], action.type) ?? amountProblem(action, group, use, capabilities);
    if (message !== undefined) return { place: placeOf('actions', index, action), message };
    changes += commands(action);
    if (['represented_port', 'port_representor', 'sample'].includes(action.type)) outputs++;
  }
  const isRoot = group === 0 && capabilities.limits.modifyCommandsRoot !== undefined;
  const why =
    above(use, 'actions', actions.length) ??
    above(use, isRoot ? 'modifyCommandsRoot' : 'modifyCommands', changes) ??
    above(use, 'outputs', outputs);
  return why === undefined ? undefined : { place: 'actions', message: why };
}

function amountProblem(
  action: Action,
  group: number,
  use: Use,
  { actions, conntrack }: Capabilities,
): string | undefined {
  switch (action.type) {
    case 'modify_field': {
      const { fields, operations } = actions.modify_field ?? {};
      const { dst_type: field = 'mac_dst', op = 'set' } = action;
      if (operations && !operations.includes(op)) return `the device has no operation ${op}`;
      if (fields && !fields.includes(field)) return `the device does not write ${field}`;
      return modifyProblem(action) ?? (field === 'tag' ? above(use, 'tags', (action.dst_level ?? 0) + 1) : undefined);
    }
    case 'set_tag':
      return above(use, 'tags', (action.index ?? 0) + 1);
    case 'raw_encap':
      return above(use, 'encapBytes', (action.data ?? '').length / 2);
    case 'jump':
      return above(use, 'groups', (action.group ?? 0) + 1);
    case 'count':
      return above(use, 'counters', use.counters + 1);
    case 'conntrack':
    case 'indirect':
      return group === 0 && conntrack?.notInRoot ? 'connections are not tracked in group 0' : undefined;
    default:
      return undefined;
  }
}

/** Bits that a field does not have. */
function modifyProblem(action: Extract<Action, { type: 'modify_field' }>): string | undefined {
  const { dst_type: dst = 'mac_dst', src_type: src = 'value', width = 0, dst_offset = 0, src_offset = 0 } = action;
  if (width === 0 || dst_offset + width > MODIFIABLE[dst]) {
    return `the bits from dst_offset on are none, or more than the ${MODIFIABLE[dst]} of ${dst}`;
  }
  if (src === 'value') {
    const bytes = Math.ceil(MODIFIABLE[dst] / 8);
    return (action.src_value ?? '').length === 2 * bytes ? undefined : `src_value: ${dst} has ${bytes} bytes`;
  }
  if (src_offset + width > MODIFIABLE[src]) {
    return `the bits from src_offset on are more than the ${MODIFIABLE[src]} of ${src}`;
  }
  return undefined;
}

/** Actions stand in the order in which the device does them. */
function stepProblem({ actions }: Rule, { order }: Capabilities): Found | undefined {
  let reached = 0;
  for (const [index, action] of actions.entries()) {
    for (const [step, types] of (order?.actions ?? []).entries()) {
      if (!types.includes(action.type)) continue;
      if (step < reached) {
        const message = `${action.type} comes too late: the device does it before what stands before it`;
        return { place: placeOf('actions', index, action), message };
      }
      reached = step;
    }
  }
  return undefined;
}

/** An item without fields only asks for the header, which needs nothing of the device. */
const needsDevice = ({ spec }: Item): boolean => Object.keys(spec ?? {}).length > 0;

/** Items that the rules of a device cannot use together. */
function togetherProblem({ pattern }: Rule, use: Use, { exclusive }: Capabilities): string | undefined {
  const isUsed = (types: readonly ItemType[]): boolean =>
    types.some(
      (type) => (use.items.get(type) ?? 0) > 0 || pattern.some((item) => item.type === type && needsDevice(item)),
    );
  return exclusive.find(({ items }) => items.filter(isUsed).length >= 2)?.reason;
}

/** The device has one rule more. */
function note(use: Use, { pattern, actions }: Rule): void {
  use.rules++;
  use.counters += actions.filter(({ type }) => type === 'count').length;
  for (const item of pattern) {
    if (!needsDevice(item)) continue;
    use.items.set(item.type, (use.items.get(item.type) ?? 0) + 1);
    if (item.type !== 'geneve_opt') continue;
    const { key, words } = optionKey(item);
    const known = use.options.get(key) ?? { words, count: 0 };
    known.count++;
    use.options.set(key, known);
  }
}

/** Jumps that lead to no rule, and those that may lead round for ever. */
function wayProblems(rules: readonly Rule[]): RuleProblem[] {
  const filled = new Set(rules.map(({ group }) => group));
  const jumps = rules.flatMap(({ group, actions }, rule) =>
    actions.flatMap((action, index) =>
      action.type === 'jump' ? [{ rule, from: group, to: action.group ?? 0, index, action }] : [],
    ),
  );
  const byGroup = new Map<number, Set<number>>();
  for (const { from, to } of jumps) byGroup.set(from, (byGroup.get(from) ?? new Set()).add(to));
  return jumps.flatMap(({ rule, from, to, index, action }): RuleProblem[] => {
    const place = `rules[${rule}].${placeOf('actions', index, action)}`;
    if (!filled.has(to)) return [{ rule, place, message: `the jump goes to group ${to}, which has no rule` }];
    if (from !== to && reaches(byGroup, to, from)) {
      return [{ rule, place, message: `from group ${to} packets may come back to group ${from}` }];
    }
    return [];
  });
}

function reaches(jumps: ReadonlyMap<number, ReadonlySet<number>>, from: number, to: number): boolean {
  const seen = new Set([from]);
  for (const group of seen) {
    if (group === to) return true;
    for (const next of jumps.get(group) ?? []) seen.add(next);
  }
  return false;
}

/** A problem as a sentence. */
export const problemText = ({ place, message }: RuleProblem): string => `${place}: ${message}`;
