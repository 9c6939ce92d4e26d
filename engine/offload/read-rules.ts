/**
 * Reads a set of rules for hardware that stands in a file: JSON of the form that rules.ts describes, or a whole plan, of
 * which the rules are taken.  Checked is that every item, action and field exists and that its value can be written so;
 * what a device can do with it is another question.
 */
import { parseIpv4 } from '../address.ts';
import type { Problem } from '../origin.ts';
import { nearest } from '../spec/nearest.ts';
import { actionFields, type FieldKind, type Fields, itemFields, type RuleSet } from './rules.ts';

/** What a file says; `ruleSet` is absent where there is a problem. */
export interface RuleFile {
  readonly ruleSet?: RuleSet;
  /** Each with the path to its place, such as `rules[3].pattern[1].spec.dst`. */
  readonly problems: readonly Problem[];
}

/** More are not told. */
const mostProblems = 100;

/** Reads the text of a file.  It never throws. */
export function readRuleSet(text: string, file: string): RuleFile {
  const problems: Problem[] = [];
  const complain: Complain = (path, message, hint) => {
    if (problems.length >= mostProblems) return;
    problems.push({ severity: 'error', file, line: 1, column: 1, id: 'rules', path, message, ...(hint && { hint }) });
  };
  const value = parsed(text, complain);
  if (problems.length > 0) return { problems };
  const inner = isObject(value) && value.ruleSet !== undefined ? value.ruleSet : value;
  checkRuleSet(inner, inner === value ? '' : 'ruleSet.', complain);
  return problems.length > 0 ? { problems } : { ruleSet: rulesAlone(inner as RuleSet), problems };
}

function rulesAlone({ node, device, rules, indirect, meters }: RuleSet): RuleSet {
  return { node, device, ...(indirect && { indirect }), ...(meters && { meters }), rules };
}

type Complain = (path: string, message: string, hint?: string) => void;
type Properties = { readonly [name: string]: unknown };

const isObject = (value: unknown): value is Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(text: string, complain: Complain): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    complain(
      '',
      `it is not JSON: ${error instanceof Error ? error.message : error}`,
      'give what "lflow offload plan --format json" prints',
    );
    return undefined;
  }
}

/** What a plan tells besides its rules. */
const ofPlans = ['placement', 'groups', 'traffic'];

function checkRuleSet(value: unknown, at: string, complain: Complain): void {
  if (!isObject(value)) {
    complain('', 'a set of rules is an object with node, device and rules');
    return;
  }
  for (const name of ['node', 'device']) {
    if (typeof value[name] !== 'string') complain(`${at}${name}`, 'it has to be a name', 'write it in quotation marks');
  }
  known(value, ['node', 'device', 'rules', 'indirect', 'meters', ...ofPlans], at, complain);
  each(
    value.rules ?? complain(`${at}rules`, 'it is missing', 'give a list, empty where there are none'),
    `${at}rules`,
    complain,
    (rule, place) => checkRule(rule, place, complain),
  );
  each(value.indirect ?? [], `${at}indirect`, complain, (one, place) => {
    checkNumber(one.id, 32, `${place}.id`, complain);
    checkPart(one.action, 'action', actionFields, `${place}.action`, complain);
    if (one.connection !== undefined) checkConnection(one.connection, `${place}.connection`, complain);
  });
  each(value.meters ?? [], `${at}meters`, complain, (one, place) => {
    known(one, ['mtr_id', 'cir', 'cbs'], `${place}.`, complain);
    checkNumber(one.mtr_id, 32, `${place}.mtr_id`, complain);
    for (const name of ['cir', 'cbs']) checkNumber(one[name], 53, `${place}.${name}`, complain);
  });
}

function checkConnection(connection: unknown, at: string, complain: Complain): void {
  if (!isObject(connection)) {
    complain(at, 'it has to be a connection', 'give its protocol, opener and reply');
    return;
  }
  known(connection, ['protocol', 'opener', 'reply'], `${at}.`, complain);
  if (connection.protocol !== 'tcp' && connection.protocol !== 'udp') {
    complain(`${at}.protocol`, 'it has to be a protocol', 'write "tcp" or "udp"');
  }
  for (const name of ['opener', 'reply']) {
    const tuple = connection[name];
    if (!isObject(tuple)) {
      complain(`${at}.${name}`, 'it is missing', 'give src, dst, srcPort and dstPort');
      continue;
    }
    known(tuple, ['src', 'dst', 'srcPort', 'dstPort'], `${at}.${name}.`, complain);
    for (const end of ['srcPort', 'dstPort']) checkNumber(tuple[end], 16, `${at}.${name}.${end}`, complain);
    for (const end of ['src', 'dst']) {
      const text = tuple[end];
      const isAddress =
        typeof text === 'string' && (isWritten(text, { kind: 'ipv4' }) || isWritten(text, { kind: 'ipv6' }));
      if (!isAddress) complain(`${at}.${name}.${end}`, 'it has to be an IP address', 'write 10.0.0.1 or fd00::1');
    }
  }
}

function checkRule(rule: Properties, at: string, complain: Complain): void {
  known(rule, ['domain', 'group', 'priority', 'pattern', 'actions', 'cookie'], `${at}.`, complain);
  for (const name of ['group', 'priority']) checkNumber(rule[name], 32, `${at}.${name}`, complain);
  const { domain, cookie } = rule;
  if (domain !== undefined && !['transfer', 'ingress', 'egress'].includes(domain as string)) {
    complain(`${at}.domain`, `${shown(domain)} is no domain`, 'give transfer, ingress or egress');
  }
  if (cookie !== undefined && typeof cookie !== 'string') complain(`${at}.cookie`, `${shown(cookie)} is no text`);
  for (const [name, what, fields] of [
    ['pattern', 'item', itemFields],
    ['actions', 'action', actionFields],
  ] as const) {
    const list = rule[name] ?? complain(`${at}.${name}`, 'it is missing', `give a list of ${what}s`);
    each(list, `${at}.${name}`, complain, (part, place) => checkPart(part, what, fields, place, complain));
  }
}

/** An item or an action. */
function checkPart(
  part: unknown,
  what: 'item' | 'action',
  vocabulary: Readonly<Record<string, Fields>>,
  at: string,
  complain: Complain,
): void {
  if (!isObject(part)) {
    complain(at, `${shown(part)} is no ${what}`, `give an object with its type`);
    return;
  }
  const type = String(part.type);
  const fields = Object.hasOwn(vocabulary, type) ? vocabulary[type] : undefined;
  if (!fields) {
    complain(`${at}.type`, `there is no ${what} ${shown(part.type)}`, hintOf(type, Object.keys(vocabulary)));
    return;
  }
  if (what === 'action') {
    const { type: _, ...values } = part;
    checkFields(values, fields, at, complain);
    return;
  }
  known(part, ['type', 'spec', 'last', 'mask'], `${at}.`, complain);
  for (const name of ['spec', 'last', 'mask']) {
    const values = part[name];
    if (values === undefined) continue;
    if (isObject(values)) checkFields(values, fields, `${at}.${name}`, complain);
    else complain(`${at}.${name}`, `${shown(values)} is not an object of fields`);
  }
}

function checkFields(values: Properties, fields: Fields, at: string, complain: Complain): void {
  known(values, Object.keys(fields), `${at}.`, complain);
  for (const [name, value] of Object.entries(values)) {
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (kind) checkValue(value, kind, `${at}.${name}`, complain);
  }
}

function checkValue(value: unknown, kind: FieldKind, at: string, complain: Complain): void {
  if (kind.kind === 'items') {
    each(value, at, complain, (one, place) => checkPart(one, 'item', itemFields, place, complain));
  } else if (kind.kind === 'actions') {
    each(value, at, complain, (one, place) => checkPart(one, 'action', actionFields, place, complain));
  } else if (kind.kind === 'number') {
    checkNumber(value, kind.bits, at, complain);
  } else if (kind.kind === 'port') {
    const hint = 'give the name of a representor, such as "pf0vf2"';
    if (typeof value !== 'string') checkNumber(value, 16, at, complain, hint);
  } else if (typeof value !== 'string' || !isWritten(value, kind)) {
    const [what, hint] = formOf(kind, value);
    complain(at, `${shown(value)} is ${what}`, hint);
  }
}

/** A kind of field that is written as text. */
type TextKind = Extract<FieldKind, { kind: 'mac' | 'ipv4' | 'ipv6' | 'hex' | 'word' }>;

function isWritten(text: string, kind: TextKind): boolean {
  switch (kind.kind) {
    case 'mac':
      return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text);
    case 'ipv4':
      return parseIpv4(text) !== undefined;
    case 'ipv6':
      return /^[0-9a-f:.]{2,45}$/i.test(text) && text.includes(':');
    case 'hex':
      return /^([0-9a-f]{2})*$/.test(text) && text.length <= 2 * kind.bytes;
    case 'word':
      return kind.words.includes(text);
  }
}

/** What such a field is not, and how it is written. */
function formOf(kind: TextKind, value: unknown): readonly [what: string, hint: string] {
  switch (kind.kind) {
    case 'mac':
      return ['no MAC address', 'write it like 02:00:00:00:00:01'];
    case 'ipv4':
      return ['no IPv4 address', 'write it like 10.0.0.1'];
    case 'ipv6':
      return ['no IPv6 address', 'write it like fd00::1'];
    case 'hex':
      return [`not at most ${kind.bytes} bytes in hexadecimal`, 'give two lower-case digits a byte'];
    case 'word':
      return ['not known', hintOf(String(value), kind.words)];
  }
}

function checkNumber(value: unknown, bits: number, at: string, complain: Complain, hint?: string): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** bits) return;
  complain(at, `${shown(value)} is no number from 0 to ${2 ** bits - 1}`, hint);
}

function each(list: unknown, at: string, complain: Complain, check: (one: Properties, at: string) => void): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) {
    complain(at, `${shown(list)} is not a list`);
    return;
  }
  for (const [index, one] of list.entries()) {
    if (isObject(one)) check(one, `${at}[${index}]`);
    else complain(`${at}[${index}]`, `${shown(one)} is not an object`);
  }
}

function known(value: Properties, names: readonly string[], at: string, complain: Complain): void {
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) complain(`${at}${name}`, 'there is no such field here', hintOf(name, names));
  }
}

function hintOf(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined ? `known are ${names.join(', ')}` : `perhaps ${near}`;
}

/** A value in few characters, as JSON. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
