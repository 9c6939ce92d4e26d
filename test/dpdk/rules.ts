/** Rules at random, in the form in which a device gives them back; and a device that ends with the test. */
import fc from 'fast-check';
import { onTestFinished } from 'vitest';
import {
  ACTIONS,
  type Action,
  actionFields,
  type Fields,
  ITEMS,
  type Item,
  itemFields,
  MODIFIABLE,
  type ModifiableField,
  type Rule,
} from '../../engine/offload/rules.ts';
import { type OffloadDevice, openDevice } from '../../native/offload/index.ts';

export const PORTS = ['p0', 'pf0vf0', 'pf0vf1', 'pf0vf2'] as const;

/** An emulated device that is closed behind the test. */
export async function emulated(capabilities?: object, ports: readonly string[] = PORTS): Promise<OffloadDevice> {
  const device = await openDevice({ kind: 'emulated', ports, ...(capabilities && { capabilities }) });
  onTestFinished(() => device.close());
  return device;
}

/** Installs rules, all of which are taken. */
export async function install(device: OffloadDevice, ...rules: readonly Rule[]): Promise<number[]> {
  const outcomes = await device.create(rules);
  const [refused] = outcomes.flatMap(({ error }) => error ?? []);
  if (refused !== undefined) throw new Error(refused);
  return outcomes.map(({ id }) => id ?? 0);
}

const hexByte = (value: number) => value.toString(16).padStart(2, '0');
const bytes = (count: number) => fc.array(fc.integer({ min: 0, max: 255 }), { minLength: count, maxLength: count });
const hexText = (count: number) => bytes(count).map((values) => values.map(hexByte).join(''));
const macText = bytes(6).map((values) => values.map(hexByte).join(':'));
const ipv4Text = bytes(4).map((values) => values.join('.'));
/** Without runs of zeros, so that there is one way to write them. */
const ipv6Text = fc
  .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16)).join(':'));

/** A number of so many bits; not all 0, as a mask is; not all 1 where `partial`. */
const numbers = (bits: number, from = 0, less = 0) => fc.integer({ min: from, max: 2 ** bits - 1 - less });

type Values = Record<string, unknown>;

function value(kind: Fields[string]): fc.Arbitrary<unknown> {
  switch (kind.kind) {
    case 'number':
      return numbers(kind.bits);
    case 'mac':
      return macText;
    case 'ipv4':
      return ipv4Text;
    case 'ipv6':
      return ipv6Text;
    case 'port':
      return fc.constantFrom(...PORTS);
    default:
      throw new Error(kind.kind);
  }
}

const isFull = (text: string) => /^(?:ff:?)+$|^(?:ffff:?)+$|^255\.255\.255\.255$/.test(text);
const isZero = (text: string) => /^[0:.]*$/.test(text);

/** A mask with some bits, and not with all. */
function partialMask(kind: Fields[string]): fc.Arbitrary<unknown> {
  if (kind.kind === 'number') return numbers(kind.bits, 1, 1);
  if (kind.kind === 'port') return numbers(16, 1, 1);
  return value(kind).filter((text) => !isFull(String(text)) && !isZero(String(text)));
}

interface Field {
  readonly spec: unknown;
  readonly mask?: unknown;
  readonly last?: unknown;
}

function field(kind: Fields[string]): fc.Arbitrary<Field> {
  // A number of one bit has no mask between none and all.
  const canMask = !(kind.kind === 'number' && kind.bits === 1);
  return fc
    .tuple(value(kind), canMask ? fc.option(partialMask(kind)) : fc.constant(null), fc.option(value(kind)))
    .map(([spec, mask, last]) => ({
      spec,
      ...(mask !== null && { mask }),
      ...(last !== null && last !== 0 && last !== 'p0' && !isZero(String(last)) && { last }),
    }));
}

/** The item of this type with some of its fields. */
export function item(type: string): fc.Arbitrary<Item> {
  const fields = Object.entries(itemFields[type] ?? {}).filter(([, kind]) => kind.kind !== 'hex');
  const chosen = fc.tuple(...fields.map(([name, kind]) => fc.option(field(kind)).map((made) => [name, made] as const)));
  const plain = chosen.map((entries): Values => {
    const pick = (part: keyof Field) => {
      const list = entries.flatMap(([name, made]) => (made?.[part] === undefined ? [] : [[name, made[part]] as const]));
      return list.length > 0 ? { [part]: Object.fromEntries(list) } : {};
    };
    return { type, ...pick('spec'), ...pick('last'), ...pick('mask') };
  });
  const whole =
    type === 'geneve_opt' ? fc.tuple(plain, fc.option(option)).map(([made, data]) => withData(made, data)) : plain;
  return whole as fc.Arbitrary<Item>;
}

const option = fc
  .integer({ min: 1, max: 31 })
  .chain((words) =>
    fc.tuple(hexText(words * 4), fc.option(hexText(words * 4).filter((text) => !isZero(text) && !isFull(text)))),
  );

/** Data of a Geneve option; where its length is matched, it is the right one. */
function withData(made: Values, data: readonly [string, string | null] | null): Values {
  if (!data) return made;
  const [text, mask] = data;
  const { spec, mask: masks, last } = made as { spec?: Values; mask?: Values; last?: Values };
  const { length: lastLength, ...lasts } = last ?? {};
  const hasLast = Object.keys(lasts).length > 0 || lastLength !== undefined;
  return {
    type: 'geneve_opt',
    spec: { ...spec, ...(spec?.length !== undefined && { length: text.length / 8 }), data: text },
    ...(hasLast && { last: { ...lasts, ...(lastLength !== undefined && { length: lastLength }) } }),
    ...((masks || mask) && { mask: { ...masks, ...(mask !== null && { data: mask }) } }),
  };
}

const modifiable = Object.keys(MODIFIABLE) as ModifiableField[];

const modifyField = fc
  .tuple(fc.constantFrom(...modifiable), fc.constantFrom('value', ...modifiable), fc.constantFrom('set', 'add', 'sub'))
  .chain(([dst, src, op]): fc.Arbitrary<Values> => {
    const bits = MODIFIABLE[dst];
    const most = Math.min(bits, src === 'value' ? 128 : MODIFIABLE[src as ModifiableField]);
    return fc.integer({ min: 1, max: most }).chain((width): fc.Arbitrary<Values> => {
      const offset = (whole: number) => fc.integer({ min: 0, max: whole - width });
      const common = { type: 'modify_field', op, dst_type: dst };
      const level = numbers(8);
      if (src === 'value') {
        return fc.tuple(level, offset(bits), hexText(Math.ceil(bits / 8))).map(([dst_level, dst_offset, src_value]) => {
          return { ...common, dst_level, dst_offset, src_type: src, src_value, width };
        });
      }
      return fc
        .tuple(level, offset(bits), level, offset(MODIFIABLE[src as ModifiableField]))
        .map(([dst_level, dst_offset, src_level, src_offset]) => {
          return { ...common, dst_level, dst_offset, src_type: src, src_level, src_offset, width };
        });
    });
  });

/** The action of this type with all its fields. */
export function action(type: string, depth = 0): fc.Arbitrary<Action> {
  const made = (): fc.Arbitrary<Values> => {
    switch (type) {
      case 'modify_field':
        return modifyField;
      case 'raw_encap':
      case 'raw_decap':
        return fc
          .integer({ min: 0, max: 128 })
          .chain(hexText)
          .map((data) => ({ type, data }));
      case 'vxlan_encap':
        return fc.array(items, { maxLength: 4 }).map((definition) => ({ type, definition }));
      case 'indirect':
        return numbers(1).map((reply) => ({ type, id: 7, reply }));
      case 'sample':
        return fc
          .tuple(numbers(32), fc.array(actions(depth + 1), { maxLength: 2 }))
          .map(([ratio, list]) => ({ type, ratio, actions: list }));
      default: {
        const fields = Object.entries(actionFields[type] ?? {}).map(([name, kind]) => [name, value(kind)] as const);
        return fc.record<Values>(Object.fromEntries(fields)).map((values) => ({ type, ...values }));
      }
    }
  };
  return made() as fc.Arbitrary<Action>;
}

const items = fc.constantFrom(...Object.keys(ITEMS)).chain(item);
const actions = (depth: number) =>
  fc
    .constantFrom(...Object.keys(ACTIONS).filter((type) => depth === 0 || (type !== 'sample' && type !== 'indirect')))
    .chain((type) => action(type, depth));

/** Any rule that can be written. */
export const rules: fc.Arbitrary<Rule> = fc
  .record({
    group: numbers(32),
    priority: numbers(32),
    pattern: fc.array(items, { maxLength: 6 }),
    actions: fc.array(actions(0), { maxLength: 6 }),
    domain: fc.constantFrom(undefined, 'ingress' as const, 'egress' as const),
    cookie: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  })
  .map(({ domain, cookie, actions: list, ...rest }) => {
    // Of shared actions a rule has one.
    const shared = list.findIndex(({ type }) => type === 'indirect');
    const kept = list.filter(({ type }, index) => type !== 'indirect' || index === shared);
    return { ...rest, actions: kept, ...(domain && { domain }), ...(cookie !== undefined && { cookie }) };
  });
