/** Constants and sets of them: ovn-sb(5), "Constants"; and how OVN prints them. */
import { formatEthernet, formatIpv4, formatIpv6 } from './addresses.ts';
import type { MatchEnvironment } from './environment.ts';
import type { Constant, FieldRef, NumberFormat } from './ir.ts';
import { Lexer } from './lexer.ts';
import { quote } from './quoting.ts';

/** One constant, or those in braces; all of one kind, which is undefined where there are none. */
export interface ConstantSet {
  kind?: Constant['kind'];
  values: Constant[];
  inCurlies: boolean;
}

const UNMASKED = (1n << 128n) - 1n;

/** `n` one-bits. */
export function ones(n: number): bigint {
  return (1n << BigInt(n)) - 1n;
}

/** Bits that it takes to write `value`; 0 for 0. */
function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

export function numberConstant(value: bigint, format: NumberFormat): Constant {
  return { kind: 'bits', value, mask: UNMASKED, masked: false, format };
}

/** A constant, or the constants in braces with optional commas between them. */
export function parseConstantSet(lexer: Lexer, env?: MatchEnvironment): ConstantSet {
  const set: ConstantSet = { values: [], inCurlies: lexer.match('{') };
  do {
    parseConstant(lexer, set, env);
    if (!set.inCurlies) {
      break;
    }
    lexer.match(',');
  } while (!lexer.match('}'));
  return set;
}

/** A single constant for an assignment to `field`. */
export function parseFieldConstant(lexer: Lexer, field: FieldRef): Constant {
  const set: ConstantSet = { values: [], inCurlies: false };
  parseConstant(lexer, set);
  checkType(lexer, field, set);
  const [constant] = set.values;
  return constant ?? lexer.failSyntax('expecting constant');
}

/** Appends the constant, or the named set's constants, at the current token. */
function parseConstant(lexer: Lexer, set: ConstantSet, env?: MatchEnvironment): void {
  switch (lexer.type) {
    case 'string':
      assignKind(lexer, set, 'string');
      set.values.push({ kind: 'string', text: lexer.text });
      break;
    case 'integer':
    case 'masked':
      assignKind(lexer, set, 'bits');
      set.values.push(numberAt(lexer));
      break;
    case 'address-set': {
      const addresses = env?.addressSets.get(lexer.text) ?? lexer.failSyntax('expecting address set name');
      assignKind(lexer, set, 'bits');
      for (const address of addressConstants(addresses)) {
        set.values.push(address);
      }
      break;
    }
    case 'port-group': {
      const ports = findPortGroup(lexer.text, env) ?? lexer.failSyntax('expecting port group name');
      assignKind(lexer, set, 'string');
      for (const text of ports) {
        set.values.push({ kind: 'string', text });
      }
      break;
    }
    default:
      if (lexer.type === 'template') {
        lexer.fail('Unexpanded template.');
      }
      lexer.failSyntax('expecting constant');
  }
  lexer.advance();
}

function assignKind(lexer: Lexer, set: ConstantSet, kind: Constant['kind']): void {
  if (set.values.length > 0 && set.kind !== kind) {
    lexer.failSyntax(`expecting ${set.kind === 'bits' ? 'integer' : 'string'}`);
  }
  set.kind = kind;
}

/** The number, masked or not, that the current token is. */
export function numberAt(lexer: Lexer): Constant {
  const { value, format } = lexer;
  return lexer.type === 'masked'
    ? { kind: 'bits', value, mask: lexer.mask, masked: true, format }
    : numberConstant(value, format);
}

const addressCache = new WeakMap<readonly string[], readonly Constant[]>();

/** The members of an address set that are numbers; OVN leaves the others out with a warning in its log. */
function addressConstants(addresses: readonly string[]): readonly Constant[] {
  let constants = addressCache.get(addresses);
  if (!constants) {
    constants = addresses.flatMap((address) => {
      const lexer = new Lexer(address);
      return lexer.type === 'integer' || lexer.type === 'masked' ? [numberAt(lexer)] : [];
    });
    addressCache.set(addresses, constants);
  }
  return constants;
}

/** The southbound names a port group after the datapath that uses it, `KEY_NAME`; the plain name is tried second. */
function findPortGroup(name: string, env?: MatchEnvironment): readonly string[] | undefined {
  const key = env?.datapathKey;
  const ofDatapath = key === undefined ? undefined : env?.portGroups.get(`${key}_${name}`);
  return ofDatapath ?? env?.portGroups.get(name);
}

/** Bits that a constant takes: an address its own size, a number as many as it has, a mask likewise. */
function constantWidth(constant: Constant & { kind: 'bits' }): number {
  if (constant.masked) {
    return bitLength(constant.mask);
  }
  switch (constant.format) {
    case 'ipv4':
      return 32;
    case 'ipv6':
      return 128;
    case 'ethernet':
      return 48;
    default:
      return bitLength(constant.value);
  }
}

/** Fails unless the constants are of the field's kind and fit into its symbol. */
export function checkType(lexer: Lexer, field: FieldRef, set: ConstantSet): void {
  const { name, width } = field.symbol;
  const kind = set.kind ?? 'bits';
  if (kind !== (width > 0 ? 'bits' : 'string')) {
    const fieldKind = width > 0 ? 'Integer' : 'String';
    lexer.fail(`${fieldKind} field ${name} is not compatible with ${kind === 'bits' ? 'integer' : 'string'} constant.`);
  }
  for (const constant of set.values) {
    const needed = constant.kind === 'bits' ? constantWidth(constant) : 0;
    if (needed > width) {
      lexer.fail(`${needed}-bit constant is not compatible with ${width}-bit field ${name}.`);
    }
  }
}

/** A number as a comparison prints it: hexadecimal, but `0`. */
export function formatHex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

function formatNumber(value: bigint, format: NumberFormat): string {
  switch (format) {
    case 'decimal':
      return value.toString();
    case 'hexadecimal':
      return formatHex(value);
    case 'ipv4':
      return formatIpv4(value);
    case 'ipv6':
      return formatIpv6(value);
    case 'ethernet':
      return formatEthernet(value);
  }
}

const PREFIX_WIDTH: Partial<Record<NumberFormat, number>> = { ipv4: 32, ipv6: 128 };

/** The length of the prefix that `mask` is, if it is one of addresses. */
function prefixLength(mask: bigint, format: NumberFormat): number | undefined {
  const width = PREFIX_WIDTH[format];
  if (width === undefined) {
    return undefined;
  }
  const hostBits = bitLength(~mask & ones(width));
  return mask === ones(width) - ones(hostBits) ? width - hostBits : undefined;
}

/** A constant as OVN prints it in an action: in the notation that it was written in. */
export function formatConstant(constant: Constant): string {
  if (constant.kind === 'string') {
    return quote(constant.text);
  }
  const value = formatNumber(constant.value, constant.format);
  if (!constant.masked) {
    return value;
  }
  const mask = prefixLength(constant.mask, constant.format) ?? formatNumber(constant.mask, constant.format);
  return `${value}/${mask}`;
}

export function formatConstantSet(set: { values: readonly Constant[]; inCurlies: boolean }): string {
  const list = set.values.map(formatConstant).join(', ');
  return set.inCurlies || set.values.length !== 1 ? `{${list}}` : list;
}
