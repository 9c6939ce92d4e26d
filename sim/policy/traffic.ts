/**
 * Traffic as it is written, into matches of OVN's language: short forms
 * (`tcp/443`, `icmp/8`, `any`), and matches themselves.
 */
import { annotate, type Expr, LangError, type LangSymbol, parseMatch } from '../../engine/lang/index.ts';
import { quote } from '../../engine/spec/complain.ts';
import { nearest } from '../../engine/spec/nearest.ts';
import { formatPath, type Segment } from '../../engine/spec/paths.ts';
import { placeOf } from '../symbolic/store.ts';
import type { NamesDocument, Reading, SeenAsDocument, TrafficDocument } from './document.ts';
import type { Selector, Traffic, Worded } from './policy.ts';
import { formatPrefix } from './prefix.ts';
import { readPrefixes } from './selectors.ts';

/** Reads traffic; complains about what is neither a short form nor a match. */
export function readTraffic(document: TrafficDocument, path: readonly Segment[], reading: Reading): Worded<Traffic> {
  const value = trafficOf(document, path, reading);
  return { value, text: textOf(document), at: reading.at(path), path: formatPath(path) };
}

function textOf(document: TrafficDocument): string {
  if (typeof document === 'string') return document;
  return Array.isArray(document) ? document.map(textOf).join(' or ') : `anything but ${textOf(document.not)}`;
}

const nothing: Traffic = { kind: 'or', terms: [] };

function trafficOf(document: TrafficDocument, path: readonly Segment[], reading: Reading): Traffic {
  if (Array.isArray(document)) {
    return { kind: 'or', terms: document.map((item, index) => trafficOf(item, [...path, index], reading)) };
  }
  if (typeof document !== 'string') {
    return { kind: 'not', term: trafficOf(document.not, [...path, 'not'], reading) };
  }
  const found = matchOf(document.trim());
  if (typeof found === 'object') {
    reading.complain(path, { id: 'traffic-invalid', ...found });
    return nothing;
  }
  const expr = parse(found, document, path, reading);
  return expr ? { kind: 'match', expr } : nothing;
}

/** Ports of TCP, UDP or SCTP. */
const portForm = /^(tcp|udp|sctp)(?:\/(.*))?$/;
/** Type and code of ICMP for IPv4 or IPv6. */
const icmpForm = /^(icmp|icmp4|icmp6)\/([^/]*)(?:\/([^/]*))?$/;

const whole: Readonly<Record<string, string>> = { any: '1', ping: 'icmp4.type == 8 || icmp6.type == 128' };

const words = [...Object.keys(whole), 'ip', 'ip4', 'ip6', 'arp', 'rarp', 'nd', 'tcp', 'udp', 'sctp', 'icmp', 'igmp'];

type Mistake = { message: string; hint: string };

/** The match that a text stands for: a short form's, or itself. */
function matchOf(text: string): string | Mistake {
  const [, protocol, ports] = portForm.exec(text) ?? [];
  if (protocol !== undefined) return ports === undefined ? protocol : portMatch(`${protocol}.dst`, ports, text);
  const icmp = icmpForm.exec(text);
  if (icmp) return icmpMatch(icmp, text);
  if (/^[a-z][\w-]*(\/.*)?$/i.test(text) && !words.includes(text)) {
    const [word = ''] = text.split('/');
    const meant = nearest(word, words, 2);
    const hint = meant
      ? `did you mean "${text.replace(word, meant)}"?`
      : `write one of ${words.join(', ')}, tcp/443, icmp/8`;
    const isMatch = text === word && parses(text);
    if (!isMatch) return { message: `${quote(text)} is no traffic`, hint };
  }
  return whole[text] ?? text;
}

function parses(text: string): boolean {
  try {
    return parseMatch(text) !== undefined;
  } catch (error) {
    if (!(error instanceof LangError)) throw error;
    return false;
  }
}

/** Comparisons of a field with `PORT` or `LOW-HIGH`. */
function portMatch(field: string, ports: string, text: string): string | Mistake {
  const range = portRange(ports);
  if (!range) {
    const hint = 'write a port from 0 to 65535, or two with a - between them: tcp/443, tcp/8000-8100';
    return { message: `${quote(ports)} is neither a port nor a range of ports, in ${quote(text)}`, hint };
  }
  const [low, high] = range;
  if (low > high) {
    return { message: `the ports run backwards, from ${low} to ${high}`, hint: `write ${high}-${low}` };
  }
  return low === high ? `${field} == ${low}` : `${field} >= ${low} && ${field} <= ${high}`;
}

function portRange(text: string): [number, number] | undefined {
  const [, low, high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (low === undefined) return undefined;
  const range: [number, number] = [Number(low), Number(high)];
  return Math.max(...range) > 65535 ? undefined : range;
}

function icmpMatch([, protocol = '', type = '', code]: RegExpExecArray, text: string): string | Mistake {
  const isByte = (number: string): boolean => /^\d{1,3}$/.test(number) && Number(number) <= 255;
  if (!isByte(type) || (code !== undefined && !isByte(code))) {
    const hint = 'write a type from 0 to 255, and a code behind it if it matters: icmp/8, icmp6/1/4';
    return { message: `${quote(text)} names no type of ICMP`, hint };
  }
  const name = protocol === 'icmp6' ? 'icmp6' : 'icmp4';
  return `${name}.type == ${Number(type)}${code === undefined ? '' : ` && ${name}.code == ${Number(code)}`}`;
}

function parse(match: string, text: string, path: readonly Segment[], reading: Reading): Expr | undefined {
  try {
    const expr = parseMatch(match);
    const foreign = foreignName(expr);
    if (foreign === undefined) return annotate(expr);
    const hint = foreign === 'inport' || foreign === 'outport' ? 'say it with from and to' : 'use fields of packets';
    const message = `${foreign} is no field of a packet that is sent`;
    reading.complain(path, { id: 'traffic-invalid', message, hint });
  } catch (error) {
    if (!(error instanceof LangError)) throw error;
    const message = `${quote(text)} is neither a short form nor a match of OVN: ${error.message.replace(/\.$/, '')}`;
    const hint = 'write tcp/443, icmp, any, or a match such as ip4.dst == 10.0.0.0/8 && tcp.dst == 443';
    reading.complain(path, { id: 'traffic-invalid', message, hint });
  }
  return undefined;
}

/** What an expression looks at besides the fields that a packet brings along. */
function foreignName(expr: Expr): string | undefined {
  switch (expr.type) {
    case 'is_chassis_resident':
      return 'is_chassis_resident';
    case 'string':
      return expr.symbol.name;
    case 'comparison':
      return isCarried(expr.symbol) ? undefined : expr.symbol.name;
    case 'boolean':
      return undefined;
    default:
      return expr.terms.map(foreignName).find((name) => name !== undefined);
  }
}

/** Predicates look at fields that packets bring along. */
const isCarried = (symbol: LangSymbol): boolean =>
  symbol.predicate !== undefined || (!/^(xx?reg\d|flags|ct_)/.test(symbol.field) && placeOf(symbol) !== undefined);

/** Reads what packets are to look like where they arrive. */
export function readSeenAs(document: SeenAsDocument, path: readonly Segment[], reading: Reading): Worded<Traffic> {
  const terms: Traffic[] = [];
  const texts: string[] = [];
  for (const side of ['src', 'dst'] as const) {
    const names = document[side];
    if (names !== undefined) {
      terms.push(addressTraffic(side, readPrefixes(names, [...path, side], reading)));
      texts.push(`${side} ${namesText(names)}`);
    }
    const port = document[`${side}-port`];
    if (port !== undefined) {
      terms.push(portTraffic(side, String(port), [...path, `${side}-port`], reading));
      texts.push(`${side} port ${port}`);
    }
  }
  return { value: { kind: 'and', terms }, text: texts.join(', '), at: reading.at(path), path: formatPath(path) };
}

const namesText = (names: NamesDocument): string =>
  typeof names === 'string' ? names : Array.isArray(names) ? names.join(' or ') : `not ${namesText(names.not)}`;

const match = (text: string): Traffic => ({ kind: 'match', expr: annotate(parseMatch(text)) });

function portTraffic(side: 'src' | 'dst', port: string, path: readonly Segment[], reading: Reading): Traffic {
  const terms: Traffic[] = [];
  for (const protocol of ['tcp', 'udp', 'sctp']) {
    const found = portMatch(`${protocol}.${side}`, port, `${side}-port`);
    if (typeof found === 'string') terms.push(match(found));
    else if (protocol === 'tcp') reading.complain(path, { id: 'traffic-invalid', ...found });
  }
  return { kind: 'or', terms };
}

/** IP packets with one of the addresses, or with another one. */
export function addressTraffic(side: 'src' | 'dst', selector: Selector): Traffic {
  switch (selector.kind) {
    case 'not':
      return { kind: 'and', terms: [match('ip'), { kind: 'not', term: addressTraffic(side, selector.term) }] };
    case 'prefix': {
      const { prefix } = selector;
      return match(`ip${prefix.family}.${side} == ${formatPrefix(prefix)}`);
    }
    case 'and':
    case 'or':
      return { kind: selector.kind, terms: selector.terms.map((term) => addressTraffic(side, term)) };
    default:
      return nothing;
  }
}
