/** Connection tracking, address translation and load balancing. */

import {
  type ActionParser,
  addPrereq,
  checkWritable,
  isNumber,
  type ParseAction,
  parseUint16,
  takeNumber,
} from './action-parser.ts';
import { parseNested } from './actions-nested.ts';
import type { ActionBody, Backend, Constant, FieldRef, NatZone, PortRange } from './ir.ts';

/** These actions send the packet through conntrack and on to the next table, so there must be one. */
function checkNotLastTable({ lexer, context, tables }: ActionParser, name: string): void {
  if (context.table >= tables) {
    lexer.fail(`"${name}" action not allowed in last table.`);
  }
}

function parseZone({ lexer }: ActionParser, name: string, accepts: string): NatZone {
  if (lexer.matchId('dnat')) {
    return 'dnat';
  }
  if (lexer.matchId('snat')) {
    return 'snat';
  }
  return lexer.fail(`"${name}" action ${accepts} "dnat" or "snat" parameter.`);
}

const parseCtNext: ParseAction = (p) => {
  checkNotLastTable(p, 'ct_next');
  addPrereq(p, 'ip');
  if (!p.lexer.match('(')) {
    return { type: 'ct_next', zone: 'dnat' };
  }
  const zone = parseZone(p, 'ct_next', 'accepts only');
  p.lexer.expect(')');
  return { type: 'ct_next', zone };
};

/** `ct_commit { ... }`; or, until OVN 23.03, `ct_commit(...)` and `ct_commit`, which later became `ct_commit { }`. */
const parseCtCommit: ParseAction = (p) => {
  if (p.lexer.type === '{') {
    return { type: 'ct_commit_v2', actions: parseNested(p, 'ct_commit', 'ip') };
  }
  addPrereq(p, 'ip');
  return p.context.release === '26.03' ? { type: 'ct_commit_v2', actions: [] } : parseOldCommit(p);
};

function parseOldCommit(p: ActionParser): ActionBody {
  const { lexer } = p;
  let mark: Constant | undefined;
  let label: Constant | undefined;
  if (lexer.match('(')) {
    while (!lexer.match(')')) {
      if (lexer.matchId('ct_mark')) {
        mark = parseAssigned(p, 32);
      } else if (lexer.matchId('ct_label')) {
        label = parseAssigned(p, 128);
      } else {
        lexer.failSyntax();
      }
      lexer.match(',');
    }
  }
  return { type: 'ct_commit', ...(mark && { mark }), ...(label && { label }) };
}

function parseAssigned({ lexer }: ActionParser, width: number): Constant {
  lexer.expect('=');
  if (lexer.type !== 'integer' && lexer.type !== 'masked') {
    lexer.failSyntax('expecting integer');
  }
  const masked = lexer.type === 'masked';
  const constant: Constant = {
    kind: 'bits',
    value: BigInt.asUintN(width, lexer.value),
    mask: BigInt.asUintN(width, masked ? lexer.mask : -1n),
    masked,
    format: 'hexadecimal',
  };
  lexer.advance();
  return constant;
}

type NatName = 'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone';

function parseNat(name: NatName): ParseAction {
  return (p) => {
    const { lexer } = p;
    addPrereq(p, 'ip');
    checkNotLastTable(p, name);
    if (!lexer.match('(')) {
      return { type: name };
    }
    if (!isNumber(p, 'ipv4') && !isNumber(p, 'ipv6')) {
      lexer.failSyntax('expecting IPv4 or IPv6 address');
    }
    const ip = takeNumber(p);
    const ports = lexer.match(',') ? parsePortRange(p) : undefined;
    lexer.expect(')');
    return { type: name, ip, ...(ports && { ports }) };
  };
}

function parsePortRange(p: ActionParser): PortRange {
  const { lexer } = p;
  if (!isNumber(p, 'decimal')) {
    lexer.failSyntax('expecting Integer for port range');
  }
  const low = port(lexer.value);
  if (low === 0) {
    lexer.failSyntax("range can't be 0");
  }
  lexer.advance();
  if (!lexer.match('-')) {
    return { low, high: low };
  }
  if (lexer.type !== 'integer') {
    lexer.failSyntax('expecting Integer for port range');
  }
  const high = port(lexer.value);
  if (high <= low) {
    lexer.failSyntax('range high should be greater than range low');
  }
  lexer.advance();
  return { low, high };
}

function port(value: bigint): number {
  return Number(BigInt.asUintN(16, value));
}

const parseCommitNat: ParseAction = (p) => {
  addPrereq(p, 'ip');
  checkNotLastTable(p, 'ct_commit_nat');
  if (!p.lexer.match('(')) {
    return { type: 'ct_commit_nat', zone: 'dnat' };
  }
  const zone = parseZone(p, 'ct_commit_nat', 'accepts only');
  p.lexer.expect(')');
  return { type: 'ct_commit_nat', zone };
};

const parseCommitToZone: ParseAction = (p) => {
  addPrereq(p, 'ip');
  checkNotLastTable(p, 'ct_commit_to_zone');
  p.lexer.expect('(');
  const zone = parseZone(p, 'ct_commit_to_zone', 'accepts only');
  p.lexer.expect(')');
  return { type: 'ct_commit_to_zone', zone };
};

function parseLb(name: 'ct_lb' | 'ct_lb_mark'): ParseAction {
  return (p) => {
    const { lexer } = p;
    checkNotLastTable(p, 'ct_lb');
    addPrereq(p, 'ip');
    const backends: Backend[] = [];
    if (!lexer.match('(') || lexer.match(')')) {
      return { type: name, backends };
    }
    if (!lexer.matchId('backends')) {
      lexer.failSyntax('expecting backends');
    }
    lexer.expect('=');
    while (!lexer.match(';') && !lexer.match(')')) {
      backends.push(parseBackend(p));
      lexer.match(',');
    }
    const hashFields = parseHashFields(p);
    const flag = parseFlag(p);
    return { type: name, backends, ...(hashFields !== undefined && { hashFields }), ...(flag && { flag }) };
  };
}

function parseBackend(p: ActionParser): Backend {
  const { lexer } = p;
  if (lexer.match('[')) {
    if (!isNumber(p, 'ipv6')) {
      lexer.failSyntax('expecting IPv6 address');
    }
    const ip = takeNumber(p);
    if (!lexer.match(']')) {
      lexer.failSyntax('no closing square bracket');
    }
    return { ip, port: lexer.match(':') ? parseUint16(p, 'port number') : 0 };
  }
  const isIpv6 = isNumber(p, 'ipv6');
  if (!isIpv6 && !isNumber(p, 'ipv4')) {
    lexer.failSyntax('expecting IP address');
  }
  const ip = takeNumber(p);
  if (!lexer.match(':')) {
    return { ip, port: 0 };
  }
  if (isIpv6) {
    lexer.failSyntax('IPv6 address needs square brackets if port is included');
  }
  return { ip, port: parseUint16(p, 'port number') };
}

/** OVN takes whatever token stands behind these for the closing parenthesis; so do we. */
function parseHashFields({ lexer }: ActionParser): string | undefined {
  if (!lexer.matchId('hash_fields')) {
    return undefined;
  }
  if (!lexer.match('=') || lexer.type !== 'string') {
    lexer.failSyntax('invalid hash_fields');
  }
  const fields = lexer.text;
  lexer.advance();
  if (!lexer.match(';')) {
    lexer.advance();
  }
  return fields;
}

function parseFlag({ lexer }: ActionParser): 'skip_snat' | 'force_snat' | undefined {
  for (const flag of ['skip_snat', 'force_snat'] as const) {
    if (lexer.matchId(flag)) {
      lexer.advance();
      return flag;
    }
  }
  return undefined;
}

/** `dst = select(ID[=WEIGHT], ...)`, from behind the parenthesis. */
export function parseSelect(p: ActionParser, dst: FieldRef): ActionBody {
  const { lexer } = p;
  const { symbol, ofs, n } = dst;
  checkWritable(p, dst);
  if (n < 16) {
    const bits = `${symbol.name}[${ofs}..${ofs + n - 1}]`;
    lexer.fail(`cannot use ${n}-bit field ${bits} for "select", which requires at least 16 bits.`);
  }
  checkNotLastTable(p, 'select');
  lexer.advance();
  lexer.advance();
  const hashed = lexer.matchId('values');
  if (hashed) {
    lexer.expect('=');
    lexer.expect('(');
  }
  const members: { id: number; weight: number }[] = [];
  while (!lexer.match(')')) {
    const id = parseUint16(p, 'id');
    members.push({ id, weight: lexer.match('=') ? parseWeight(p) : 100 });
    lexer.match(',');
  }
  if (members.length <= 1) {
    lexer.failSyntax('expecting at least 2 group members');
  }
  return hashed ? { type: 'select', dst, members, hashFields: parseSelectFields(p) } : { type: 'select', dst, members };
}

function parseWeight(p: ActionParser): number {
  const weight = parseUint16(p, 'weight');
  return weight === 0 ? p.lexer.failSyntax("weight can't be 0") : weight;
}

function parseSelectFields({ lexer }: ActionParser): string {
  lexer.expect(';');
  if (!lexer.matchId('hash_fields')) {
    lexer.failSyntax('expecting hash_fields');
  }
  if (!lexer.match('=') || lexer.type !== 'string' || lexer.lookahead() !== ')') {
    lexer.failSyntax('invalid hash_fields');
  }
  const fields = lexer.text;
  lexer.advance();
  lexer.expect(')');
  return fields;
}

export const CONNTRACK_ACTIONS: Readonly<Record<string, ParseAction>> = {
  ct_next: parseCtNext,
  ct_commit: parseCtCommit,
  ct_commit_nat: parseCommitNat,
  ct_commit_to_zone: parseCommitToZone,
  ct_dnat: parseNat('ct_dnat'),
  ct_snat: parseNat('ct_snat'),
  ct_dnat_in_czone: parseNat('ct_dnat_in_czone'),
  ct_snat_in_czone: parseNat('ct_snat_in_czone'),
  ct_lb: parseLb('ct_lb'),
  ct_lb_mark: parseLb('ct_lb_mark'),
};
