/**
 * `dns_lookup()`: a name server (RFC 1035) for the names of the southbound DNS
 * table.
 *
 *     | Ethernet, IP, UDP | header, 12 | the query as it came | answers |
 */
import { parseIpAddresses } from '../../northd/addresses.ts';
import { setU16, textBytes, u16, Writer } from './bytes.ts';
import { fillIpv4Checksum } from './compose.ts';
import type { Resumed } from './dhcpv4.ts';
import { fillUdp6Checksum } from './dhcpv6.ts';
import { type IpHeaders, readIp, udpPayload } from './headers.ts';

const HEADER = 12;

/** Offsets in the header, and the bit of a response: RFC 1035 section 4.1.1. */
const FLAGS = 2;
const QUESTIONS = 4;
const ANSWERS = 6;
const ADDITIONAL = 10;
const RESPONSE = 0x80;

/** Types of records: RFC 1035 section 3.2.2, RFC 3596. */
const A = 1;
const PTR = 12;
const AAAA = 28;
const ANY = 255;

const CLASS_INTERNET = 1;
/** Seconds. */
const TTL = 3600;

/**
 * Answers the first question of a query for A, AAAA, PTR or any record.
 * `records` gives what a DNS row of the packet's datapath has for a name in
 * lower case: addresses, or for PTR a name.  A name that is not there, or that
 * has no address of that kind, is nobody's to deny: the packet goes on.  So does
 * a query with additional records, as EDNS's (RFC 6891).
 */
export function dnsAnswer(frame: Uint8Array, records: (name: string) => string | undefined): Resumed {
  const ip = readIp(frame);
  const question = ip && readQuestion(frame, ip);
  const record = question && records(question.name);
  const found = question && record !== undefined ? answersTo(question, record) : { count: 0, answers: new Writer() };
  if (!ip || found.count === 0) return { frame, success: false };

  const { l3, l4 } = ip;
  const answers = found.answers.done();
  const answer = new Writer(frame.length + answers.length).put(frame).put(answers).done();
  const length = (u16(frame, l4 + 4) + answers.length) & 0xffff;
  const header = l4 + 8;
  answer[header + FLAGS] |= RESPONSE;
  setU16(answer, header + ANSWERS, found.count);
  setU16(answer, l4 + 4, length);
  setU16(answer, l4 + 6, 0);
  if (ip.family === 4) {
    setU16(answer, l3 + 2, l4 - l3 + length);
    fillIpv4Checksum(answer, l3);
  } else {
    setU16(answer, l3 + 4, length);
    fillUdp6Checksum(answer, ip);
  }
  return { frame: answer, success: true };
}

interface Question {
  /** In lower case, without the dot at its end. */
  name: string;
  /** The name as the query has it. */
  encoded: Uint8Array;
  type: number;
}

function readQuestion(frame: Uint8Array, ip: IpHeaders): Question | undefined {
  const payload = udpPayload(frame, ip);
  if (!payload || payload.at + HEADER > ip.end) return undefined;
  const { at: header, end } = payload;
  if ((frame[header + FLAGS] & RESPONSE) !== 0 || u16(frame, header + QUESTIONS) === 0) return undefined;
  if (u16(frame, header + ADDITIONAL) !== 0) return undefined;
  const from = header + HEADER;
  const name = new Writer(64);
  let at = from;
  while (at < end && frame[at] !== 0) {
    const next = at + 1 + frame[at];
    if (name.length > 0) name.u8(0x2e);
    name.put(frame.subarray(at + 1, next));
    at = next;
  }
  at++;
  if (at + 4 > end) return undefined;
  // As a string of C, it ends before a zero byte.
  const [text = ''] = new TextDecoder().decode(name.done()).split('\0', 1);
  return { name: lowerCase(text), encoded: frame.subarray(from, at), type: u16(frame, at) };
}

/** Only the letters of ASCII have a lower case here, as in DNS itself (RFC 4343). */
const lowerCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

function answersTo({ encoded, type }: Question, record: string): { count: number; answers: Writer } {
  const answers = new Writer();
  let count = 0;
  const put = (recordType: number, data: Uint8Array) => {
    count++;
    answers.put(encoded).u16(recordType).u16(CLASS_INTERNET).u32(TTL).u16(data.length).put(data);
  };
  if (type === PTR) put(PTR, encodeName(record));
  else {
    const addresses = parseIpAddresses(record);
    if (type === A || type === ANY) {
      for (const { bits } of addresses?.ipv4 ?? []) put(A, new Writer().u32(bits).done());
    }
    if (type === AAAA || type === ANY) {
      for (const { bits } of addresses?.ipv6 ?? []) put(AAAA, new Writer().bits(bits, 16).done());
    }
  }
  return { count, answers };
}

/** Labels with their lengths before them, in the name's length and two bytes more. */
function encodeName(name: string): Uint8Array {
  const text = textBytes(name);
  const encoded = new Uint8Array(text.length + 2);
  encoded.set(text, 1);
  let start = 0;
  for (let at = 1; at <= text.length; at++) {
    if (encoded[at] !== 0x2e) continue;
    encoded[start] = at - start - 1;
    encoded[at] = 0;
    start = at;
  }
  if (start < text.length) encoded[start] = text.length - start;
  return encoded;
}
