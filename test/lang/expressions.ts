/** Random matches and packets for property tests. */
import fc from 'fast-check';
import { createMicroflow, type Expr, type LangSymbol, type Microflow, symbolTable } from '../../engine/lang/index.ts';

const symbols = [...symbolTable().values()];
const fields = symbols.filter(({ width, predicate }) => width > 0 && predicate === undefined);
const predicates = symbols.filter(({ predicate }) => predicate !== undefined);

export const PORTS = ['', 'p1', 'p2', 'a "quoted" \\ name', 'größer'];

function value(width: number): fc.Arbitrary<bigint> {
  return fc.oneof(fc.bigInt(0n, 3n), fc.bigInt(0n, (1n << BigInt(width)) - 1n)).map((v) => BigInt.asUintN(width, v));
}

function masked(width: number): fc.Arbitrary<string> {
  return fc.tuple(value(width), value(width)).map(([v, m]) => `0x${(v & m).toString(16)}/0x${m.toString(16)}`);
}

/** A comparison of a field that OVN accepts inside an even number of `!`, or inside an odd number (`negated`). */
function fieldComparison(symbol: LangSymbol, negated: boolean): fc.Arbitrary<string> {
  const { name, width, level } = symbol;
  const hex = value(width).map((v) => `0x${v.toString(16)}`);
  const setOf = (constant: fc.Arbitrary<string>) =>
    fc.array(constant, { minLength: 1, maxLength: 3 }).map((list) => `{${list.join(', ')}}`);
  if (level === 'nominal') {
    // Not masked: OVN prints one bit of a nominal field as a subfield, which it does not accept.
    return fc.oneof(hex, setOf(hex)).map((constant) => `${name} ${negated ? '!=' : '=='} ${constant}`);
  }
  const set = setOf(fc.oneof(hex, masked(width)));
  const range = fc
    .tuple(fc.nat(width - 1), fc.nat(width - 1))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const reference = fc.option(range).map((bits) => (bits ? `${name}[${bits[0]}..${bits[1]}]` : name));
  const order = fc.constantFrom('<', '<=', '>', '>=');
  return fc.oneof(
    fc.tuple(reference, fc.constantFrom('==', '!='), fc.oneof(hex, masked(width), set)).map((parts) => parts.join(' ')),
    fc.tuple(reference, order, hex).map((parts) => parts.join(' ')),
    fc.tuple(hex, reference, hex).map(([low, ref, high]) => `${low} <= ${ref} < ${high}`),
  );
}

function leaf(negated: boolean): fc.Arbitrary<string> {
  const relop = negated ? '!=' : '==';
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...fields).chain((field) => fieldComparison(field, negated)) },
    fc
      .tuple(fc.constantFrom('inport', 'outport'), fc.uniqueArray(fc.constantFrom(...PORTS), { minLength: 1 }))
      .map(([field, ports]) => `${field} ${relop} {${ports.map((port) => JSON.stringify(port)).join(', ')}}`),
    fc.constantFrom(...predicates).map(({ name, level }) => (negated && level === 'nominal' ? `${name} == 0` : name)),
    fc.constantFrom('is_chassis_resident("p1")', '!is_chassis_resident("p2")'),
    fc.constantFrom('0', '1'),
  );
}

/** Text of a match that OVN accepts. */
export const matchText: fc.Arbitrary<string> = fc.letrec<{ plain: string; negated: string }>((tie) => {
  const expr = (negated: boolean) => {
    const same = negated ? 'negated' : 'plain';
    return fc.oneof(
      { maxDepth: 3, depthIdentifier: 'match', withCrossShrink: true },
      { weight: 3, arbitrary: leaf(negated) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(' && ', ' || '), fc.array(tie(same), { minLength: 2, maxLength: 3 }))
          .map(([operator, terms]) => terms.map((term) => `(${term})`).join(operator)),
      },
      { weight: 1, arbitrary: tie(negated ? 'plain' : 'negated').map((term) => `!(${term})`) },
    );
  };
  return { plain: expr(false), negated: expr(true) };
}).plain;

/** Packets in which the comparisons of `expr` have a chance to hold: their constants, some bits changed. */
export function packetFor(expr: Expr): fc.Arbitrary<Microflow> {
  const constants = comparisons(expr);
  return fc
    .record({
      picks: fc.array(fc.nat(Math.max(0, constants.length - 1)), { maxLength: 2 * constants.length }),
      flips: fc.array(fc.tuple(fc.nat(Math.max(0, constants.length - 1)), fc.nat(127)), { maxLength: 2 }),
      inport: fc.constantFrom(...PORTS),
      outport: fc.constantFrom(...PORTS),
    })
    .map(({ picks, flips, inport, outport }) => {
      const flow = createMicroflow();
      flow.strings = [inport, outport];
      for (const pick of picks) {
        const { symbol, value, mask } = constants[pick] ?? {};
        if (symbol && value !== undefined && mask !== undefined) {
          flow.values[symbol.slot] = ((flow.values[symbol.slot] ?? 0n) & ~mask) | value;
        }
      }
      for (const [pick, bit] of flips) {
        const { symbol } = constants[pick] ?? {};
        if (symbol) {
          flow.values[symbol.slot] = (flow.values[symbol.slot] ?? 0n) ^ (1n << BigInt(bit % symbol.width));
        }
      }
      return flow;
    });
}

function comparisons(expr: Expr): Extract<Expr, { type: 'comparison' }>[] {
  switch (expr.type) {
    case 'comparison':
      return [expr];
    case 'and':
    case 'or':
      return expr.terms.flatMap(comparisons);
    default:
      return [];
  }
}

const WORDS = [
  ...'(){}[],;:-!=<>.|&/$@"\\ \n'.split(''),
  ...['&&', '||', '==', '!=', '<=', '<->', '--', '..', '//', '/*', '*/', '"x"', '"\\u00e9"', '"\\q"'],
  ...[
    'ip4',
    'tcp',
    'reg0',
    'inport',
    'eth.src',
    'ip4.src',
    'ip.ttl',
    'ct.new',
    'is_chassis_resident',
    '$set',
    '@group',
    '^var',
    '^',
  ],
  ...[
    '0',
    '1',
    '0x',
    '0xfg',
    '1.2.3.4',
    '1.2.3.4/24',
    '::1',
    '::/64',
    '01:02:03:04:05:06',
    '18446744073709551616',
    'abc:',
  ],
  ...['next', 'drop', 'output', 'clone', 'arp', 'ct_lb_mark', 'backends', 'put_dhcp_opts', 'offerip', 'log', 'verdict'],
  ...['select', 'commit_lb_aff', 'vip', 'sample', 'probability', 'set_meter', 'ct_commit', 'ct_snat', 'trigger_event'],
];

/** Text that looks like the language and mostly is not. */
export const soup: fc.Arbitrary<string> = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join('')),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join(' ')),
  fc.string({ unit: 'binary', maxLength: 60 }),
);
