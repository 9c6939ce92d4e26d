/** Assignments, exchanges, the stack, and functions whose result is assigned. */
import {
  type ActionParser,
  addPrereq,
  checkResult,
  checkWritable,
  isNumber,
  type ParseAction,
  parseField,
  parseSizedField,
  takeNumber,
} from './action-parser.ts';
import { parseSelect } from './actions-conntrack.ts';
import { parseNdRaOptions, parsePutDhcp } from './actions-options.ts';
import { parseFieldConstant } from './constants.ts';
import type { ActionBody, FieldRef, ResultName } from './ir.ts';

type ParseFunction = (p: ActionParser, dst: FieldRef) => ActionBody | undefined;

/** `field = ...` or `field <-> field`. */
export function parseAssignment(p: ActionParser): ActionBody | undefined {
  const { lexer } = p;
  const dst = parseField(p);
  if (lexer.match('<->')) {
    return parseMove(p, 'exchange', dst);
  }
  if (!lexer.match('=')) {
    lexer.failSyntax("expecting `=' or `<->'");
  }
  if (lexer.type !== 'id') {
    checkWritable(p, dst);
    return { type: 'load', dst, imm: parseFieldConstant(lexer, dst) };
  }
  const relay = RELAY_CHECKS.find((name) => lexer.matchId(name));
  if (relay) {
    return parseRelayCheck(p, relay, dst);
  }
  const parse = FUNCTIONS.get(lexer.text);
  return parse && lexer.lookahead() === '(' ? parse(p, dst) : parseMove(p, 'move', dst);
}

function kindOf({ symbol }: FieldRef): string {
  return symbol.width > 0 ? 'integer' : 'string';
}

function parseMove(p: ActionParser, type: 'move' | 'exchange', dst: FieldRef): ActionBody {
  const { lexer } = p;
  const src = parseField(p);
  const exchange = type === 'exchange';
  if (kindOf(dst) !== kindOf(src)) {
    const to = `${kindOf(dst)} field (${dst.symbol.name})`;
    const from = `${kindOf(src)} field (${src.symbol.name})`;
    lexer.fail(exchange ? `Can't exchange ${to} with ${from}.` : `Can't assign ${from} to ${to}.`);
  }
  if (dst.n !== src.n) {
    lexer.fail(
      exchange
        ? `Can't exchange ${dst.n}-bit field with ${src.n}-bit field.`
        : `Can't assign ${src.n}-bit value to ${dst.n}-bit destination.`,
    );
  }
  checkWritable(p, dst);
  if (exchange) {
    checkWritable(p, src);
  }
  return { type, dst, src };
}

/** Bits that each function's result has, and what it takes for granted of the packet. */
const RESULTS: Readonly<Record<ResultName, { n: number; prereq?: string }>> = {
  check_in_port_sec: { n: 1 },
  check_out_port_sec: { n: 1 },
  dns_lookup: { n: 1, prereq: 'udp' },
  chk_lb_hairpin: { n: 1 },
  chk_lb_hairpin_reply: { n: 1 },
  chk_lb_aff: { n: 1 },
  chk_ecmp_nh: { n: 1 },
  chk_ecmp_nh_mac: { n: 1 },
  ct_nw_dst: { n: 32 },
  ct_ip6_dst: { n: 128 },
  ct_tp_dst: { n: 16 },
  ct_state_save: { n: 8 },
};

function parseResult(name: ResultName): ParseFunction {
  const { n, prereq } = RESULTS[name];
  return (p, dst) => {
    skipNameAndParenthesis(p);
    if (!p.lexer.match(')')) {
      p.lexer.fail(`${name} doesn't take any parameters`);
    }
    checkResult(p, dst, n);
    if (prereq !== undefined) {
      addPrereq(p, prereq);
    }
    return { type: name, dst };
  };
}

function skipNameAndParenthesis({ lexer }: ActionParser): void {
  lexer.advance();
  lexer.advance();
}

function parseLookup(name: 'lookup_arp' | 'lookup_nd'): ParseFunction {
  return (p, dst) => {
    checkResult(p, dst, 1);
    skipNameAndParenthesis(p);
    const port = parseSizedField(p, 0);
    p.lexer.expect(',');
    const ip = parseSizedField(p, name === 'lookup_arp' ? 32 : 128);
    p.lexer.expect(',');
    const mac = parseSizedField(p, 48);
    p.lexer.expect(')');
    return { type: name, dst, port, ip, mac };
  };
}

function parseLookupIp(name: 'lookup_arp_ip' | 'lookup_nd_ip'): ParseFunction {
  return (p, dst) => {
    checkResult(p, dst, 1);
    skipNameAndParenthesis(p);
    const port = parseSizedField(p, 0);
    p.lexer.expect(',');
    const ip = parseSizedField(p, name === 'lookup_arp_ip' ? 32 : 128);
    p.lexer.expect(')');
    return { type: name, dst, port, ip };
  };
}

const parseGetFdb: ParseFunction = (p, dst) => {
  skipNameAndParenthesis(p);
  if (dst.n > 0) {
    checkResult(p, dst, 32);
  }
  const mac = parseSizedField(p, 48);
  p.lexer.expect(')');
  return { type: 'get_fdb', dst, mac };
};

const parseLookupFdb: ParseFunction = (p, dst) => {
  skipNameAndParenthesis(p);
  checkResult(p, dst, 1);
  const port = parseSizedField(p, 0);
  p.lexer.expect(',');
  const mac = parseSizedField(p, 48);
  p.lexer.expect(')');
  return { type: 'lookup_fdb', dst, port, mac };
};

/** The address may be IPv4 or IPv6. */
const parseEvpnArp: ParseFunction = (p, dst) => {
  checkResult(p, dst, 1);
  skipNameAndParenthesis(p);
  const ip = parseField(p);
  p.lexer.expect(')');
  return { type: 'chk_evpn_arp', dst, ip };
};

/** OVN overlooks a size that is not a number, and then misses the end of the action. */
const parsePktLarger: ParseFunction = (p, dst) => {
  const { lexer } = p;
  checkResult(p, dst, 1);
  skipNameAndParenthesis(p);
  if (!lexer.isInt()) {
    return undefined;
  }
  const bytes = lexer.expectInt();
  lexer.expect(')');
  return { type: 'check_pkt_larger', dst, bytes };
};

const RELAY_CHECKS = ['dhcp_relay_req_chk', 'dhcp_relay_resp_chk'] as const;

function parseRelayCheck(p: ActionParser, type: (typeof RELAY_CHECKS)[number], dst: FieldRef): ActionBody {
  const { lexer } = p;
  lexer.expect('(');
  checkResult(p, dst, 1);
  if (!isNumber(p, 'ipv4')) {
    lexer.failSyntax('expecting IPv4 dhcp relay and server ips');
  }
  const relay = takeNumber(p);
  lexer.match(',');
  if (!isNumber(p, 'ipv4')) {
    lexer.failSyntax('expecting IPv4 dhcp server ip');
  }
  const server = takeNumber(p);
  lexer.expect(')');
  return { type, dst, relay, server };
}

const FUNCTIONS: ReadonlyMap<string, ParseFunction> = new Map<string, ParseFunction>([
  ...(Object.keys(RESULTS) as ResultName[]).map((name) => [name, parseResult(name)] as const),
  ['select', parseSelect],
  ['put_dhcp_opts', (p, dst) => parsePutDhcp(p, 'put_dhcp_opts', dst)],
  ['put_dhcpv6_opts', (p, dst) => parsePutDhcp(p, 'put_dhcpv6_opts', dst)],
  ['put_nd_ra_opts', parseNdRaOptions],
  ['check_pkt_larger', parsePktLarger],
  ['lookup_arp', parseLookup('lookup_arp')],
  ['lookup_nd', parseLookup('lookup_nd')],
  ['lookup_arp_ip', parseLookupIp('lookup_arp_ip')],
  ['lookup_nd_ip', parseLookupIp('lookup_nd_ip')],
  ['get_fdb', parseGetFdb],
  ['lookup_fdb', parseLookupFdb],
  ['chk_evpn_arp', parseEvpnArp],
]);

function parseStack(type: 'push' | 'pop'): ParseAction {
  return (p) => {
    p.lexer.expect('(');
    const field = parseField(p);
    if (type === 'pop') {
      checkWritable(p, field);
    }
    p.lexer.expect(')');
    return { type, field };
  };
}

const parseDecrementTtl: ParseAction = (p) => {
  p.lexer.expect('--');
  addPrereq(p, 'ip');
  return { type: 'ip.ttl--' };
};

export const FIELD_ACTIONS: Readonly<Record<string, ParseAction>> = {
  push: parseStack('push'),
  pop: parseStack('pop'),
  'ip.ttl': parseDecrementTtl,
};
