/** Where the packet goes, and what is noted about it on the way: next, queues, meters, logs, groups. */
import {
  type ActionParser,
  isNumber,
  matchWord,
  type ParseAction,
  parseSizedField,
  parseUint16,
} from './action-parser.ts';
import { parseHostAndPort } from './host-port.ts';
import type { ActionBody, Backend, FieldRef, TransportName } from './ir.ts';

const parseNext: ParseAction = (p) => {
  const { lexer, context, tables } = p;
  let { pipeline } = context;
  let table = context.table + 1;
  if (tables === 0) {
    lexer.fail('"next" action not allowed here.');
  }
  if (lexer.match('(')) {
    if (lexer.isInt()) {
      table = lexer.expectInt();
    } else {
      do {
        if (lexer.matchId('pipeline')) {
          lexer.expect('=');
          pipeline = parsePipeline(p);
        } else if (lexer.matchId('table')) {
          lexer.expect('=');
          table = lexer.expectInt();
        } else {
          lexer.failSyntax('expecting "pipeline" or "table"');
        }
      } while (lexer.match(','));
    }
    lexer.expect(')');
  }
  if (table >= tables) {
    lexer.fail(`"next" action cannot advance beyond table ${tables - 1}.`);
  }
  return { type: 'next', pipeline, table, fromPipeline: context.pipeline, fromTable: context.table };
};

function parsePipeline({ lexer }: ActionParser): 'ingress' | 'egress' {
  if (lexer.matchId('ingress')) {
    return 'ingress';
  }
  return lexer.matchId('egress') ? 'egress' : lexer.failSyntax('expecting "ingress" or "egress"');
}

const MAX_QUEUE = 61440;

/** OVN overlooks a queue that is not a number, and then misses the end of the action. */
const parseSetQueue: ParseAction = ({ lexer }) => {
  lexer.expect('(');
  if (!lexer.isInt()) {
    return undefined;
  }
  const queue = lexer.expectInt();
  lexer.expect(')');
  if (queue > MAX_QUEUE) {
    lexer.fail(`Queue ID ${queue} for set_queue is not in valid range 0 to ${MAX_QUEUE}.`);
  }
  return { type: 'set_queue', queue };
};

const parseSetMeter: ParseAction = (p) => {
  const { lexer } = p;
  const take = () => {
    const value = isNumber(p, 'decimal') ? lexer.value : 0n;
    lexer.advance();
    return value;
  };
  lexer.expect('(');
  const rate = take();
  const burst = lexer.match(',') ? take() : 0n;
  lexer.expect(')');
  if (rate === 0n) {
    lexer.fail('Rate 0 for set_meter is not in valid.');
  }
  return { type: 'set_meter', rate, burst };
};

type Log = Extract<ActionBody, { type: 'log' }>;

const VERDICTS = ['drop', 'reject', 'allow', 'pass'] as const;
const SEVERITIES = ['alert', 'warning', 'notice', 'info', 'debug'] as const;
const MAX_LOG_NAME = 63;

const parseLog: ParseAction = (p) => {
  const { lexer } = p;
  let log: Partial<Log> = {};
  if (lexer.match('(')) {
    while (!lexer.match(')')) {
      log = { ...log, ...parseLogArgument(p) };
      lexer.match(',');
    }
  }
  const { verdict, severity = 'info', name, meter } = log;
  if (!verdict) {
    return lexer.failSyntax('expecting verdict');
  }
  return {
    type: 'log',
    verdict,
    severity,
    ...(name !== undefined && { name }),
    ...(meter !== undefined && { meter }),
  };
};

function parseLogArgument(p: ActionParser): Partial<Log> {
  const { lexer } = p;
  if (lexer.matchId('verdict')) {
    lexer.expect('=');
    const verdict = VERDICTS.find((word) => lexer.matchId(word)) ?? lexer.failSyntax('unknown verdict');
    return { verdict };
  }
  if (lexer.matchId('name')) {
    lexer.expect('=');
    if (lexer.type === 'string' && new TextEncoder().encode(lexer.text).length > MAX_LOG_NAME) {
      lexer.failSyntax('name must be shorter than 64 characters');
    }
    return { name: takeString(p) };
  }
  if (lexer.matchId('severity')) {
    lexer.expect('=');
    if (lexer.type !== 'id') {
      lexer.failSyntax('expecting severity');
    }
    const severity = SEVERITIES.find((word) => lexer.matchId(word)) ?? lexer.failSyntax('unknown severity');
    return { severity };
  }
  if (lexer.matchId('meter')) {
    lexer.expect('=');
    return { meter: takeString(p) };
  }
  return lexer.failSyntax();
}

function takeString({ lexer }: ActionParser): string {
  if (lexer.type !== 'string') {
    lexer.failSyntax('expecting string');
  }
  const { text } = lexer;
  lexer.advance();
  return text;
}

function parseTrueOrFalse(p: ActionParser): boolean {
  if (matchWord(p, 'true')) {
    return true;
  }
  return matchWord(p, 'false') ? false : p.lexer.failSyntax('expecting true or false');
}

const parseFwdGroup: ParseAction = (p) => {
  const { lexer } = p;
  let liveness = false;
  const childPorts: string[] = [];
  if (lexer.match('(')) {
    if (lexer.matchId('liveness')) {
      lexer.expect('=');
      liveness = parseTrueOrFalse(p);
      lexer.expect(',');
    }
    if (lexer.matchId('childports')) {
      lexer.expect('=');
      while (!lexer.match(')')) {
        if (lexer.type !== 'string') {
          lexer.failSyntax('expecting logical switch port');
        }
        childPorts.push(takeString(p));
        lexer.match(',');
      }
    }
  }
  return { type: 'fwd_group', liveness, childPorts };
};

/** `NAME =`, else an "invalid parameter". */
function expectParameter({ lexer }: ActionParser, name: string): void {
  if (!lexer.matchId(name)) {
    lexer.failSyntax('invalid parameter');
  }
  lexer.expect('=');
}

function parseTransport({ lexer }: ActionParser): TransportName {
  const names = ['tcp', 'udp', 'sctp'] as const;
  return names.find((name) => lexer.matchId(name)) ?? lexer.failSyntax('invalid protocol');
}

const parseCommitEcmpNh: ParseAction = (p) => {
  const { lexer } = p;
  lexer.expect('(');
  expectParameter(p, 'ipv6');
  const ipv6 = parseTrueOrFalse(p);
  lexer.expect(',');
  expectParameter(p, 'proto');
  const protocol = parseTransport(p);
  lexer.expect(')');
  return { type: 'commit_ecmp_nh', ipv6, protocol };
};

const parseCommitLbAff: ParseAction = (p) => {
  const { lexer } = p;
  lexer.expect('(');
  expectParameter(p, 'vip');
  const vip = currentBackend(p);
  lexer.advance();
  lexer.expect(',');
  expectParameter(p, 'backend');
  const backend = currentBackend(p);
  if (isIpv4(vip) !== isIpv4(backend)) {
    lexer.failSyntax('invalid protocol family');
  }
  lexer.advance();
  lexer.expect(',');
  let protocol: TransportName | undefined;
  if (vip.port !== 0) {
    expectParameter(p, 'proto');
    protocol = parseTransport(p);
    lexer.expect(',');
  }
  expectParameter(p, 'timeout');
  const timeout = parseUint16(p, 'affinity timeout');
  lexer.expect(')');
  return { type: 'commit_lb_aff', vip, backend, ...(protocol && { protocol }), timeout };
};

function isIpv4({ ip }: Backend): boolean {
  return ip.kind === 'bits' && ip.format === 'ipv4';
}

function currentBackend({ lexer }: ActionParser): Backend {
  const backend = lexer.type === 'string' ? parseHostAndPort(lexer.text) : undefined;
  return backend ?? lexer.failSyntax('invalid parameter');
}

const parseSample: ParseAction = (p) => {
  const { lexer } = p;
  const sample = { probability: 0, collectorSet: 0, obsDomain: 0, obsPoint: 0 as number | 'cookie' | FieldRef };
  if (lexer.match('(')) {
    while (!lexer.match(')')) {
      parseSampleArgument(p, sample);
      lexer.match(',');
    }
  }
  if (sample.probability === 0) {
    lexer.fail('probability must be greater than zero');
  }
  return { type: 'sample', ...sample };
};

type Sample = {
  -readonly [K in keyof Extract<ActionBody, { type: 'sample' }>]: Extract<ActionBody, { type: 'sample' }>[K];
};

function parseSampleArgument(p: ActionParser, sample: Omit<Sample, 'type'>): void {
  const { lexer } = p;
  const number = () => Number(BigInt.asUintN(32, lexer.value));
  if (lexer.matchId('probability')) {
    lexer.expect('=');
    if (isNumber(p, 'decimal')) {
      sample.probability = parseUint16(p, 'probability');
    }
  } else if (lexer.matchId('obs_point')) {
    lexer.expect('=');
    sample.obsPoint = parseObsPoint(p);
  } else if (lexer.matchId('obs_domain')) {
    lexer.expect('=');
    if (isNumber(p, 'decimal')) {
      sample.obsDomain = number() > 255 ? lexer.failSyntax('obs_domain must be 8-bit long') : number();
    }
    lexer.advance();
  } else if (lexer.matchId('collector_set')) {
    lexer.expect('=');
    if (isNumber(p, 'decimal')) {
      sample.collectorSet = number();
    }
    lexer.advance();
  } else {
    lexer.failSyntax('unknown argument');
  }
}

function parseObsPoint(p: ActionParser): number | 'cookie' | FieldRef {
  const { lexer } = p;
  if (lexer.type === 'address-set' && lexer.text === 'cookie') {
    lexer.advance();
    return 'cookie';
  }
  if (!isNumber(p, 'decimal')) {
    return parseSizedField(p, 32);
  }
  const point = Number(BigInt.asUintN(32, lexer.value));
  lexer.advance();
  return point;
}

const parseMirror: ParseAction = (p) => {
  const { lexer } = p;
  lexer.expect('(');
  if (lexer.type !== 'string') {
    lexer.failSyntax('expecting port name string');
  }
  const port = takeString(p);
  lexer.expect(')');
  return { type: 'mirror', port };
};

export const FORWARDING_ACTIONS: Readonly<Record<string, ParseAction>> = {
  next: parseNext,
  set_queue: parseSetQueue,
  set_meter: parseSetMeter,
  log: parseLog,
  fwd_group: parseFwdGroup,
  commit_ecmp_nh: parseCommitEcmpNh,
  commit_lb_aff: parseCommitLbAff,
  sample: parseSample,
  mirror: parseMirror,
};
