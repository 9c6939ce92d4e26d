/** Rule sets with one thing changed, each from a number: the same number makes the same change. */
import type { Action, Item, Rule, RuleSet } from '../../engine/offload/rules.ts';
import { bytesOfHex } from '../../sim/offload/geneve.ts';

/** Numbers below a limit, one after the other. */
export type Next = (limit: number) => number;

/** A sequence of numbers that looks random, and is the same for one seed. */
export function sequence(seed: number): Next {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** A changed rule set, and what was done to it. */
export interface Mutant {
  readonly what: string;
  readonly ruleSet: RuleSet;
}

/** Bits that masks lose and values change: frames of the tests differ in them. */
export const flips = {
  mac: [0n, 1n, 8n, 24n, 41n],
  ip: [0n, 1n, 8n, 24n, 31n],
} as const;

type Change = (rules: readonly Rule[], next: Next) => { what: string; rules: Rule[] } | undefined;

/** A mutant; the changes that do not apply are passed over. */
export function mutant(ruleSet: RuleSet, seed: number): Mutant {
  const next = sequence(seed);
  for (let tries = 0; tries < 100; tries++) {
    const made = changes[next(changes.length)]?.(ruleSet.rules, next);
    if (made) return { what: made.what, ruleSet: { ...ruleSet, rules: made.rules } };
  }
  throw new Error('no change applies');
}

const pick = <T>(list: readonly T[], next: Next): T | undefined => list[next(list.length)];

/** One rule changed. */
function changed(rules: readonly Rule[], next: Next, change: (rule: Rule) => [string, Rule] | undefined) {
  const index = next(rules.length);
  const rule = rules[index];
  const made = rule && change(rule);
  if (!made) return undefined;
  return { what: `${made[0]} (rules[${index}], ${rule.cookie})`, rules: rules.with(index, made[1]) };
}

/** One item of a rule changed; undefined drops it. */
function withItem(rule: Rule, index: number, item: Item | undefined): Rule {
  return { ...rule, pattern: rule.pattern.flatMap((each, at) => (at === index ? (item ?? []) : each)) };
}

function withAction(rule: Rule, index: number, action: Action | undefined): Rule {
  return { ...rule, actions: rule.actions.flatMap((each, at) => (at === index ? (action ?? []) : each)) };
}

const hex = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
const macOf = (value: bigint): string =>
  value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');
const ipOf = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
const numberOfMac = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
const numberOfIp = (text: string): bigint => text.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const isMac = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(value);
const isIp = (value: unknown): value is string => typeof value === 'string' && /^\d+(\.\d+){3}$/.test(value);

/** An address with a bit flipped, or all bits but that one. */
function flipped(value: string, next: Next, isMask: boolean): string {
  const bit = pick(isMac(value) ? flips.mac : flips.ip, next) ?? 0n;
  if (isMac(value)) return macOf((isMask ? 0xffffffffffffn : numberOfMac(value)) ^ (1n << bit));
  return ipOf((isMask ? 0xffffffffn : numberOfIp(value)) ^ (1n << bit));
}

/** A field of a pattern that is an address. */
function address(rule: Rule, next: Next) {
  const found = rule.pattern.flatMap((item, index) =>
    Object.entries(item.spec ?? {}).flatMap(([name, value]) =>
      isMac(value) || isIp(value) ? [{ item, index, name, value }] : [],
    ),
  );
  return pick(found, next);
}

const setField = (item: Item, part: 'spec' | 'mask' | 'last', name: string, value: unknown): Item =>
  ({ ...item, [part]: { ...item[part], [name]: value } }) as Item;

/** A byte of the headers of a tunnel changed. */
const inHeader =
  (what: string, at: number): Change =>
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.actions.findIndex(({ type }) => type === 'raw_encap');
      const action = rule.actions[index];
      if (action?.type !== 'raw_encap') return undefined;
      const bytes = bytesOfHex(action.data ?? '');
      bytes[at] = (bytes[at] ?? 0) ^ (1 + next(3));
      return [what, withAction(rule, index, { ...action, data: hex(bytes) })];
    });

const withPort = (rule: Rule, next: Next): [string, Rule] | undefined => {
  const index = rule.actions.findIndex(({ type }) => type === 'represented_port');
  const port = pick(['p0', 'pf0vf0', 'pf0vf1', 'pf0vf9'], next) ?? 'p0';
  if (index < 0) return undefined;
  return [`out by ${port}`, withAction(rule, index, { type: 'represented_port', ethdev_port_id: port })];
};

const changes: readonly Change[] = [
  (rules, next) => {
    const index = next(rules.length);
    return { what: `without rules[${index}]`, rules: rules.filter((_, at) => at !== index) };
  },
  (rules, next) => {
    const index = next(rules.length);
    return { what: `rules[${index}] twice`, rules: [...rules, rules[index] as Rule] };
  },
  (rules, next) => {
    const [a, b] = [next(rules.length), next(rules.length)];
    return {
      what: `rules[${a}] and rules[${b}] in each other's place`,
      rules: rules.with(a, rules[b] as Rule).with(b, rules[a] as Rule),
    };
  },
  (rules, next) => ({ what: 'the other way round', rules: next(2) === 0 ? rules.toReversed() : [...rules] }),
  (rules, next) => changed(rules, next, (rule) => ['another priority', { ...rule, priority: next(4) }]),
  (rules, next) => changed(rules, next, (rule) => ['another group', { ...rule, group: next(4) }]),
  (rules, next) => {
    const rule = rules[next(rules.length)] as Rule;
    return {
      what: 'a copy of a rule later',
      rules: [...rules, { ...rule, priority: rule.priority + 5, cookie: 'copy' }],
    };
  },
  (rules, next) =>
    changed(rules, next, (rule) => {
      const found = address(rule, next);
      if (!found) return undefined;
      const { item, index, name, value } = found;
      return [
        `${name} with a hole in its mask`,
        withItem(rule, index, setField(item, 'mask', name, flipped(value, next, true))),
      ];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const found = address(rule, next);
      if (!found) return undefined;
      const { item, index, name, value } = found;
      return [`${name} another one`, withItem(rule, index, setField(item, 'spec', name, flipped(value, next, false)))];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = next(rule.pattern.length);
      const { spec: _, last: __, mask: ___, ...bare } = rule.pattern[index] as Item;
      return [`${bare.type} whatever it says`, withItem(rule, index, bare as Item)];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.pattern.findIndex(({ type }) => type === 'tag' || type === 'represented_port');
      return index < 0 ? undefined : [`without ${rule.pattern[index]?.type}`, withItem(rule, index, undefined)];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.pattern.findIndex(({ type, spec }) => type === 'ipv4' && spec && 'ttl' in spec);
      const item = rule.pattern[index];
      if (!item) return undefined;
      const ttl = pick([0, 1, 3, 64], next) ?? 1;
      return [`hops from ${ttl} on`, withItem(rule, index, setField(item, 'spec', 'ttl', ttl))];
    }),
  (rules, next) => changed(rules, next, (rule) => withPort(rule, next)),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.actions.findIndex(({ type }) => type === 'set_mac_src' || type === 'set_mac_dst');
      const action = rule.actions[index];
      if (action?.type !== 'set_mac_src' && action?.type !== 'set_mac_dst') return undefined;
      const other = { ...action, mac_addr: flipped(action.mac_addr ?? '', next, false) };
      return ['another MAC address written', withAction(rule, index, other)];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.actions.findIndex(({ type }) =>
        ['dec_ttl', 'set_mac_dst', 'set_mac_src', 'raw_encap', 'raw_decap'].includes(type),
      );
      return index < 0 ? undefined : [`without ${rule.actions[index]?.type}`, withAction(rule, index, undefined)];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.actions.findIndex(({ type }) => type === 'dec_ttl');
      const twice: Action[] = [{ type: 'dec_ttl' }, ...rule.actions];
      return index < 0 ? undefined : ['a hop too many', { ...rule, actions: twice }];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const index = rule.actions.findIndex(({ type }) => type === 'jump');
      return index < 0 ? undefined : ['to another group', withAction(rule, index, { type: 'jump', group: next(5) })];
    }),
  (rules, next) =>
    changed(rules, next, (rule) => {
      const action = rule.actions[0];
      if (action?.type !== 'set_tag') return undefined;
      return ['another tag', withAction(rule, 0, { ...action, data: 1 + next(4) })];
    }),
  (rules, next) => changed(rules, next, (rule) => ['dropped', { ...rule, actions: [{ type: 'drop' }] }]),
  (rules, next) => {
    const group = next(4);
    const rule: Rule = { group, priority: 9, pattern: [{ type: 'eth' }], actions: [{ type: 'drop' }], cookie: 'rest' };
    return { what: `what is left of group ${group} dropped`, rules: [...rules, rule] };
  },
  (rules, next) =>
    changed(rules, next, (rule) => {
      if (rule.group === 0) return undefined;
      const actions: Action[] = [
        { type: 'set_mac_src', mac_addr: '02:00:00:00:00:99' },
        { type: 'jump', group: 9 },
      ];
      return ['changed and not finished', { ...rule, actions }];
    }),
  inHeader('a tunnel of another network', 48),
  inHeader('a tunnel for another port', 57),
  inHeader('a tunnel from another port', 55),
  inHeader('a tunnel to another node', 33),
  inHeader('a tunnel from another node', 29),
  inHeader('another option', 51),
  inHeader('another UDP port', 37),
];
