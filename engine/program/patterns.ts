/**
 * Matches that differ in nothing but addresses are compiled alike: `inport == "0" && eth.src == 0a:00:00:00:00:01` comes to
 * the same rows for each address but for some of their values.  A pattern is such a match
 * with its addresses left out.
 *
 * Addresses are left out where they cannot matter for the form: the whole field is compared
 * for equality, in a conjunction, and nothing else in the match speaks of that field.
 */
import { findSymbol, type LangSymbol, parseEthernet, parseIpv4, parseIpv6 } from '../lang/index.ts';
import { comparedBits, type WordBits } from './fields.ts';
import type { CompiledMatch } from './matches.ts';
import { itemOf, type Row } from './shapes.ts';

/** A match with its addresses apart. */
export interface Pattern {
  /** The text, with the addresses numbered. */
  readonly key: string;
  readonly choices: readonly Choice[];
}

/** A field, and the addresses one of which it has to be. */
interface Choice {
  readonly symbol: LangSymbol;
  readonly values: readonly bigint[];
}

/** `FIELD == ADDRESS`, without a mask, or a set of them. */
const EQUALITY = /([a-z][a-z0-9_.]*) == (?:([0-9a-f]*[.:][0-9a-f.:]+)(?![\w./])|\{([0-9a-f.:, ]+)\})/g;
const WORD = /[a-z_][a-z0-9_.]*/gi;
const REGISTER = /^reg\d$/;
/** Names of ports, and numbers that could be taken for words. */
const NO_WORD = /"[^"]*"|\b0x[0-9a-f]+/g;
/** Larger sets are compiled one by one. */
const MAX_VALUES = 8;

/** Fields whose values may be left out. */
const FIELDS: ReadonlySet<string> = new Set([
  ...['eth.src', 'eth.dst', 'ip4.src', 'ip4.dst', 'ip6.src', 'ip6.dst', 'arp.spa', 'arp.tpa', 'arp.sha', 'arp.tha'],
  ...['nd.target', 'nd.sll', 'nd.tll', 'reg0', 'reg1', 'xxreg0', 'xxreg1'],
]);

/** What may stand beside them: none of these looks at one of FIELDS. */
const NEUTRAL: ReadonlySet<string> = new Set([
  ...[
    'eth.type',
    'inport',
    'outport',
    'ip',
    'ip4',
    'ip6',
    'arp',
    'tcp',
    'udp',
    'sctp',
    'icmp4',
    'icmp6',
    'nd',
    'nd_ns',
    'nd_na',
  ],
  ...['arp.op', 'ip.ttl', 'ip.proto', 'tcp.src', 'tcp.dst', 'udp.src', 'udp.dst', 'sctp.src', 'sctp.dst'],
  ...['icmp4.type', 'icmp4.code', 'icmp6.type', 'icmp6.code', 'flags.loopback', 'ct.trk', 'ct.new', 'ct.est', 'ct.rpl'],
  ...['reg8', 'reg9', 'resident', 'not'],
]);

/** The pattern of a match, whose names of ports are numbers, and of its prerequisites in lines of their own; undefined if its form may depend on addresses. */
export function patternOf(text: string): Pattern | undefined {
  const end = text.indexOf('\n');
  const match = end < 0 ? text : text.slice(0, end);
  if (match.includes('||') || match.includes('!') || match.includes('\\')) return undefined;
  const choices: Choice[] = [];
  const key = match.replace(EQUALITY, (whole: string, field: string, one: string | undefined, several: string) => {
    const choice = FIELDS.has(field) ? choiceOf(field, one === undefined ? several.split(',') : [one]) : undefined;
    if (!choice) return whole;
    choices.push(choice);
    return `@${choice.values.length}`;
  });
  if (choices.length === 0) return undefined;
  const fields = new Set(choices.map(({ symbol }) => symbol.field));
  if (fields.size < choices.length) return undefined;
  const usesRegisters = fields.has('xxreg0') || fields.has('xxreg1');
  const rest = key + text.slice(match.length);
  for (const word of rest.replace(NO_WORD, '').match(WORD) ?? []) {
    if (!NEUTRAL.has(word) && (usesRegisters || !REGISTER.test(word))) return undefined;
  }
  return { key: `${rest}\n${choices.map(({ symbol }) => symbol.name).join()}`, choices };
}

function choiceOf(field: string, texts: readonly string[]): Choice | undefined {
  const symbol = findSymbol(field);
  const parse = { 32: parseIpv4, 48: parseEthernet, 128: parseIpv6 }[symbol?.width ?? 0];
  if (!symbol || !parse || texts.length > MAX_VALUES) return undefined;
  const values: bigint[] = [];
  for (const text of texts) {
    const value = parse(text.trim());
    if (value === undefined) return undefined;
    values.push(value);
  }
  return { symbol, values };
}

/** Some bits of one address in one row: which item they are in. */
interface Slot {
  readonly item: number;
  readonly choice: number;
  /** Which of the addresses the row is about. */
  readonly value: number;
  readonly piece: number;
}

/** The rows of one match of a pattern, and where its addresses are in them. */
export class Template {
  private readonly rows: readonly Row[];
  private readonly slots: readonly (readonly Slot[])[];

  private constructor(rows: readonly Row[], slots: readonly (readonly Slot[])[]) {
    this.rows = rows;
    this.slots = slots;
  }

  /** Undefined if the addresses are not where they are looked for. */
  static of({ rows, products }: CompiledMatch, pattern: Pattern): Template | undefined {
    if (products.length > 0) return undefined;
    const bits = bitsOf(pattern);
    const slots: Slot[][] = [];
    for (const row of rows) {
      const ofRow: Slot[] = [];
      for (const [choice, values] of bits.entries()) {
        const fitting = values.flatMap((pieces, value) => (fits(row, pieces) ? [value] : []));
        const [value] = fitting;
        if (value === undefined || fitting.length > 1) return undefined;
        for (const [piece, wanted] of (values[value] ?? []).entries()) {
          ofRow.push({ item: itemOf(row.shape, wanted), choice, value, piece });
        }
      }
      slots.push(ofRow);
    }
    return new Template(rows, slots);
  }

  /** The rows of the match with these addresses. */
  fill(pattern: Pattern): Row[] {
    const bits = bitsOf(pattern);
    return this.rows.map((row, index) => {
      const values = row.values.slice();
      for (const { item, choice, value, piece } of this.slots[index] ?? []) {
        const wanted = bits[choice]?.[value]?.[piece];
        if (!wanted) throw new Error('a pattern has other addresses than its template');
        const { maskLow, maskHigh, low, high } = wanted;
        values[2 * item] = (((values[2 * item] as number) & ~maskLow) | low) >>> 0;
        values[2 * item + 1] = (((values[2 * item + 1] as number) & ~maskHigh) | high) >>> 0;
      }
      return { shape: row.shape, values, inport: row.inport, outport: row.outport };
    });
  }
}

/** By choice and value: the bits that are looked at. */
function bitsOf({ choices }: Pattern): WordBits[][][] {
  return choices.map(({ symbol, values }) => {
    const mask = (1n << BigInt(symbol.width)) - 1n;
    return values.map((value) => comparedBits(symbol, value, mask) ?? []);
  });
}

/** Whether the row asks for these bits. */
function fits({ shape, values }: Row, pieces: readonly WordBits[]): boolean {
  return pieces.every((piece) => {
    const item = itemOf(shape, piece);
    if (item < 0) return false;
    const low = ((values[2 * item] as number) & piece.maskLow) >>> 0;
    const high = ((values[2 * item + 1] as number) & piece.maskHigh) >>> 0;
    return low === piece.low && high === piece.high;
  });
}
