/**
 * Text that tries to do harm: both languages answer it with what they are or with
 * `LangError`, in time that grows with its length.  A failed run says its seed;
 * `LFLOW_RUNS` makes it longer.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  annotate,
  disjuncts,
  formatActions,
  formatMatch,
  LangError,
  normalize,
  parseFlowActions,
  parseMatch,
  parseMicroflow,
  type Release,
  resolveConditions,
  simplifiedSize,
  simplify,
} from '../../engine/lang/index.ts';
import { seedAndRuns } from '../oracle/seed.ts';
import { mutant } from './mutants.ts';

const { seed, runs } = seedAndRuns(2000);

const RELEASES: readonly Release[] = ['23.03', '26.03'];

/** Everything that can be done with a text; what it comes to, for `LangError` its message. */
function all(text: string, release: Release): string[] {
  const env = {
    addressSets: new Map([['set', ['1.2.3.4', '::1']]]),
    portGroups: new Map([['group', ['p1']]]),
    release,
  };
  const context = { pipeline: 'ingress', table: 10, release } as const;
  return [
    said(() => {
      const expr = annotate(parseMatch(text, env));
      const canonical = formatMatch(expr);
      if (simplifiedSize(expr) < 100_000) {
        const normal = normalize(
          resolveConditions(simplify(expr), () => true),
          release,
        );
        expect(normal === undefined || disjuncts(normal) === undefined || formatMatch(normal) !== '').toBe(true);
      }
      return canonical;
    }),
    said(() => {
      const { actions, prereqs } = parseFlowActions(text, context);
      return `${formatActions(actions, release)} ${formatMatch(prereqs)}`;
    }),
    said(() => String(parseMicroflow(text, env).values.length)),
  ];
}

function said(attempt: () => string): string {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof LangError) {
      expect(error.offset).toBeLessThanOrEqual(error.source.length);
      expect(error.rendering).toContain(error.message);
      return error.message;
    }
    throw error;
  }
}

test('no crash and no hang', () => {
  fc.assert(
    fc.property(mutant, (mutated) => {
      for (const release of RELEASES) {
        all(mutated, release);
      }
    }),
    { seed, numRuns: runs },
  );
}, 600_000);

/** Pieces that something might look at again for each that follows. */
const PIECES = [
  ...[
    '(',
    '!',
    '!(',
    '{',
    '[',
    '"',
    '""',
    '\\',
    '"\\',
    '/*',
    '//',
    '/* */',
    '//\n',
    '^',
    '^a',
    '^""',
    '$',
    '$set,',
    '@',
  ],
  ...['0', '1', '0x', 'f', 'a', 'a:', ':', '::', '.', '..', '1.', '1.2.3.4/', '-', '--', '<', '=', '&', '&&', '|', ' '],
  ...[
    'ip4 && ',
    'tcp || ',
    '(tcp || udp) && ',
    '(ip4 && tcp) || ',
    'reg0 != 1 && ',
    'ip4.src == $set || ',
    'eth.type,',
  ],
  ...['next; ', 'drop; ', 'clone { ', 'clone { next; }; ', 'ip.ttl--; ', 'reg0 = 1; ', 'log(verdict=drop,', 'é', '\0'],
  ...['ct_lb_mark(backends=', '1.2.3.4:80,', 'reg0 = select(', '1=2,', 'reg0[0] = put_dhcp_opts(', 'mtu = 1,', 'x=1,'],
];

/** What comes before the pieces, so that they stand where they are read. */
const BEGINNINGS = [
  ...['', 'ip4.src == {', 'inport == "', 'ct_lb_mark(backends=', 'reg0 = select(', 'reg0[0] = put_dhcp_opts(', 'log('],
  ...['reg0[0..3] != 5 && (', 'is_chassis_resident("', 'fwd_group(childports="a",', 'ct_commit { ', 'xxreg0 == 0x'],
];

test('long texts take time in proportion', () => {
  const slow: string[] = [];
  for (const beginning of BEGINNINGS) {
    for (const piece of PIECES) {
      const long = beginning + piece.repeat(60_000 / piece.length);
      const start = process.cpuUsage();
      for (const release of beginning === '' ? RELEASES : RELEASES.slice(1)) {
        all(long, release);
      }
      // Microseconds of work: a tenth of this when all is well, much more where work is repeated for each piece.
      const { user, system } = process.cpuUsage(start);
      if (user + system > 2_000_000) {
        slow.push(`${beginning}${piece}...`);
      }
    }
  }
  expect(slow).toEqual([]);
}, 300_000);
