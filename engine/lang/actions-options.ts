/** Actions with named options: DHCP, router advertisements, events for the CMS. */
import type { DhcpOption } from '../ovsdb/southbound.ts';
import { type ActionParser, addPrereq, checkResult, type ParseAction } from './action-parser.ts';
import { parseConstantSet } from './constants.ts';
import { parseHostAndPort } from './host-port.ts';
import type { ActionBody, FieldRef, OptionValue } from './ir.ts';
import { DHCP_OPTIONS, DHCPV6_OPTIONS, EMPTY_LB_BACKENDS_OPTIONS, ND_RA_OPTIONS } from './options.ts';

const STRING_TYPES: ReadonlySet<string> = new Set(['str', 'domains', 'domain']);

const indexes = new WeakMap<readonly DhcpOption[], ReadonlyMap<string, DhcpOption>>();

function findOption(options: readonly DhcpOption[], name: string): DhcpOption | undefined {
  let index = indexes.get(options);
  if (!index) {
    index = new Map(options.map((option) => [option.name, option]));
    indexes.set(options, index);
  }
  return index.get(name);
}

/** `NAME = constants`; `kind` names such options in a complaint. */
function parseOption({ lexer }: ActionParser, options: readonly DhcpOption[], kind: string): OptionValue {
  if (lexer.type !== 'id') {
    lexer.failSyntax();
  }
  const option = findOption(options, lexer.text) ?? lexer.failSyntax(`expecting ${kind} option name`);
  const { name, code, type } = option;
  lexer.advance();
  lexer.expect('=');
  const { kind: valueKind, values, inCurlies } = parseConstantSet(lexer);
  const wanted = type === 'host_id' ? valueKind : STRING_TYPES.has(type) ? 'string' : 'bits';
  if (valueKind !== wanted) {
    lexer.fail(`${kind} option ${name} requires ${wanted === 'string' ? 'string' : 'numeric'} value.`);
  }
  return { name, code, type, values, inCurlies };
}

/** Options up to the closing parenthesis, with optional commas between them. */
function parseOptions(p: ActionParser, options: readonly DhcpOption[], kind: string): OptionValue[] {
  const values: OptionValue[] = [];
  while (!p.lexer.match(')')) {
    values.push(parseOption(p, options, kind));
    p.lexer.match(',');
  }
  return values;
}

function parsePutOptions(p: ActionParser, dst: FieldRef, known: readonly DhcpOption[], kind: string): OptionValue[] {
  p.lexer.advance();
  p.lexer.advance();
  checkResult(p, dst, 1);
  return parseOptions(p, known, kind);
}

/** `dst = put_dhcp_opts(...)` and `dst = put_dhcpv6_opts(...)`, from the name. */
export function parsePutDhcp(p: ActionParser, type: 'put_dhcp_opts' | 'put_dhcpv6_opts', dst: FieldRef): ActionBody {
  const { dhcpOptions = DHCP_OPTIONS, dhcpv6Options = DHCPV6_OPTIONS } = p.context;
  if (type === 'put_dhcpv6_opts') {
    return { type, dst, options: parsePutOptions(p, dst, dhcpv6Options, 'DHCPv6') };
  }
  const options = parsePutOptions(p, dst, dhcpOptions, 'DHCPv4');
  if (!options.some(({ code }) => code === 0)) {
    p.lexer.fail('put_dhcp_opts requires offerip to be specified.');
  }
  return { type, dst, options };
}

const ADDRESS_MODES: ReadonlySet<string> = new Set(['slaac', 'dhcpv6_stateful', 'dhcpv6_stateless']);
const PREFERENCES: ReadonlySet<string> = new Set(['MEDIUM', 'HIGH', 'LOW']);

/** `dst = put_nd_ra_opts(...)`, from the name. */
export function parseNdRaOptions(p: ActionParser, dst: FieldRef): ActionBody {
  const { lexer } = p;
  const options = parsePutOptions(p, dst, ND_RA_OPTIONS, 'IPv6 ND RA');
  for (const option of options) {
    if (!isValidRaOption(option)) {
      lexer.fail(`Invalid value for "${option.name}" option`);
    }
  }
  const names = new Set(options.map(({ name }) => name));
  if (!names.has('slla')) {
    lexer.fail('slla option not present');
  }
  const stateful = options.some(({ name, values: [value] }) => {
    return name === 'addr_mode' && value?.kind === 'string' && value.text === 'dhcpv6_stateful';
  });
  if (!stateful && !names.has('prefix')) {
    lexer.fail('prefix option needs to be set when address mode is slaac/dhcpv6_stateless.');
  }
  addPrereq(p, 'ip6');
  return { type: 'put_nd_ra_opts', dst, options };
}

function isValidRaOption({ name, values }: OptionValue): boolean {
  const [value] = values;
  if (!value || values.length > 1) {
    return false;
  }
  if (value.kind === 'string') {
    return name === 'addr_mode'
      ? ADDRESS_MODES.has(value.text)
      : name === 'router_preference'
        ? PREFERENCES.has(value.text)
        : true;
  }
  switch (name) {
    case 'slla':
      return value.format === 'ethernet';
    case 'prefix':
      return value.format === 'ipv6' && value.masked;
    case 'mtu':
      return value.format === 'decimal';
    case 'rdnss':
      return value.format === 'ipv6';
    default:
      return false;
  }
}

const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

const parseTriggerEvent: ParseAction = (p) => {
  const { lexer } = p;
  lexer.expect('(');
  if (!lexer.matchId('event')) {
    lexer.failSyntax("Expecting 'event' option");
  }
  lexer.expect('=');
  if (lexer.type !== 'string' || lexer.text.length >= 64) {
    lexer.failSyntax('Expecting string');
  }
  if (lexer.text !== 'empty_lb_backends') {
    lexer.failSyntax("Unknown event '-1'");
  }
  lexer.advance();
  lexer.match(',');
  const options = parseOptions(p, EMPTY_LB_BACKENDS_OPTIONS, 'empty_lb_backends');
  for (const option of options) {
    checkEventOption(p, option);
  }
  return { type: 'trigger_event', event: 'empty_lb_backends', options };
};

function checkEventOption({ lexer }: ActionParser, { name, values }: OptionValue): void {
  const [value] = values;
  const invalid = () => lexer.fail(`Invalid value for "${name}" option`);
  const text = values.length === 1 && value?.kind === 'string' ? value.text : invalid();
  if (name === 'vip' && !parseHostAndPort(text)) {
    lexer.fail(`Invalid load balancer VIP '${text}'`);
  }
  if (name === 'protocol' && !['tcp', 'udp', 'sctp'].includes(text)) {
    lexer.fail(`Load balancer protocol '${text}' is not 'tcp', 'udp', or 'sctp'`);
  }
  if (name === 'load_balancer' && !UUID.test(text)) {
    lexer.fail(`Load balancer '${text}' is not a UUID`);
  }
}

export const EVENT_ACTIONS: Readonly<Record<string, ParseAction>> = { trigger_event: parseTriggerEvent };
