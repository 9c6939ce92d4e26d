import { describe, expect, test } from 'vitest';
import { dnsAnswer } from '../../../engine/node/answer/dns.ts';
import { be16, bytes, concat, type Ends, hex, packet, problemsOf, proto, text, udp, zeros } from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:01', src: '10.0.0.10', dst: '10.0.0.53' };
const six: Ends = { ...four, src: 'fd00::10', dst: 'fd00::53' };

/** `www.ovn.org` and so on: RFC 1035 section 3.1. */
const encode = (name: string): Uint8Array =>
  concat(...name.split('.').map((label) => concat(Uint8Array.of(text(label).length), text(label))), zeros(1));

const query = (name: string, type: number, header = 'abcd 0100 0001 0000 0000 0000') =>
  concat(bytes(header), encode(name), be16(type), be16(1));

const records: Record<string, string> = {
  'www.ovn.org': '10.0.0.80 fd00::80 10.0.0.81',
  '4.0.0.10.in-addr.arpa': 'vm1.ovn.org',
  'dot.org': 'ends.with.a.dot.',
  'bad.org': '10.0.0.1 nothing',
  'müller.org': '10.0.0.90',
};

/** Everything behind UDP's header. */
function answered(data: Uint8Array, ends = four): string {
  const { frame, success } = dnsAnswer(packet(ends, proto.udp, udp(5353, 53, data)), (name) => records[name]);
  expect(success).toBe(true);
  expect(problemsOf(frame).filter((problem) => !problem.includes('no checksum'))).toEqual([]);
  const l4 = ends === four ? 34 : 54;
  expect(hex(frame.subarray(l4, l4 + 4))).toBe('14e90035');
  expect(hex(frame.subarray(l4 + 4, l4 + 6))).toBe(hex(be16(frame.length - l4)));
  return hex(frame.subarray(l4 + 8));
}

const www = hex(encode('www.ovn.org'));
const a = (last: string) => `${www} 0001 0001 00000e10 0004 0a0000${last}`;
const aaaa = `${www} 001c 0001 00000e10 0010 fd000000000000000000000000000080`;

describe('an answer, RFC 1035 section 4.1', () => {
  test.each([four, six])('to $src', (ends) => {
    expect(answered(query('www.ovn.org', 1), ends)).toBe(
      hex(bytes(`abcd 8100 0001 0002 0000 0000 ${www} 0001 0001 ${a('50')} ${a('51')}`)),
    );
    expect(answered(query('www.ovn.org', 28), ends)).toBe(
      hex(bytes(`abcd 8100 0001 0001 0000 0000 ${www} 001c 0001 ${aaaa}`)),
    );
    expect(answered(query('www.ovn.org', 255), ends)).toBe(
      hex(bytes(`abcd 8100 0001 0003 0000 0000 ${www} 00ff 0001 ${a('50')} ${a('51')} ${aaaa}`)),
    );
  });

  test('has no checksum in UDP over IPv4, and one over IPv6', () => {
    const checksum = (ends: Ends, at: number) =>
      hex(
        dnsAnswer(
          packet(ends, proto.udp, udp(5353, 53, query('www.ovn.org', 1))),
          (name) => records[name],
        ).frame.subarray(at, at + 2),
      );
    expect(checksum(four, 40)).toBe('0000');
    expect(checksum(six, 60)).not.toBe('0000');
  });

  test('has the name as it was written', () => {
    const name = hex(encode('WWW.Ovn.ORG'));
    expect(answered(query('WWW.Ovn.ORG', 28))).toContain(`${name}001c0001${name}001c`);
  });

  test('names a name: RFC 1035 section 3.3.12', () => {
    const name = hex(encode('4.0.0.10.in-addr.arpa'));
    const data = hex(encode('vm1.ovn.org'));
    expect(answered(query('4.0.0.10.in-addr.arpa', 12))).toBe(
      hex(bytes(`abcd 8100 0001 0001 0000 0000 ${name} 000c 0001 ${name} 000c 0001 00000e10 000d ${data}`)),
    );
    // Two bytes more than the text, the dot at its end too.
    const dotted = answered(query('dot.org', 12));
    expect(dotted.slice(-2 * (2 + 18))).toBe(hex(concat(be16(18), encode('ends.with.a.dot'), zeros(1))));
  });

  test('finds names beyond ASCII', () => {
    expect(answered(query('müller.org', 1))).toContain('0a00005a');
  });

  test('does not look at what is behind the first question', () => {
    const two = concat(query('www.ovn.org', 28, 'abcd 0100 0002 0000 0000 0000'), encode('x'), be16(1), be16(1));
    expect(answered(two)).toBe(hex(bytes(`abcd 8100 0002 0001 0000 0000 ${hex(two.subarray(12))} ${aaaa}`)));
  });
});

describe('no answer', () => {
  test.each([
    ['to an unknown name', query('x.org', 1)],
    ['to another type', query('www.ovn.org', 15)],
    ['to a name whose record is no address', query('4.0.0.10.in-addr.arpa', 1)],
    ['to a name with a mistake in its record', query('bad.org', 1)],
    ['to an answer', query('www.ovn.org', 1, 'abcd 8100 0001 0000 0000 0000')],
    ['to no question', query('www.ovn.org', 1, 'abcd 0100 0000 0000 0000 0000')],
    ['to EDNS', query('www.ovn.org', 1, 'abcd 0100 0001 0000 0000 0001')],
    ['to a label that is too long', concat(bytes('abcd 0100 0001 0000 0000 0000 3f'), text('www'))],
    ['to a name without an end', concat(bytes('abcd 0100 0001 0000 0000 0000 03'), text('www'))],
    ['to half a header', zeros(11)],
  ])('%s', (_, data) => {
    const sent = packet(four, proto.udp, udp(5353, 53, data));
    expect(dnsAnswer(sent, (name) => records[name])).toEqual({ frame: sent, success: false });
  });

  test.each([20, 24, 25, 26, 27, 28])(
    'where UDP ends %i bytes behind its header, before the question does',
    (length) => {
      const sent = packet(four, proto.udp, udp(5353, 53, query('www.ovn.org', 1)));
      sent.set(be16(8 + length), 38);
      expect(dnsAnswer(sent, (name) => records[name]).success).toBe(false);
    },
  );
});

test('a name ends before a zero byte, as in C', () => {
  const asked: string[] = [];
  const name = concat(bytes('05'), text('ab'), zeros(1), text('cd'), bytes('00'));
  const sent = packet(
    four,
    proto.udp,
    udp(1, 53, concat(bytes('abcd 0100 0001 0000 0000 0000'), name, bytes('00010001'))),
  );
  dnsAnswer(sent, (text) => {
    asked.push(text);
    return undefined;
  });
  expect(asked).toEqual(['ab']);
});
