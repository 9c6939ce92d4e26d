import { describe, expect, test } from 'vitest';
import { prefixRequest, readPrefixAnswer } from '../../../engine/node/answer/prefix-delegation.ts';
import { be16, be32, bytes, concat, type Ends, hex, ip, mac, packet, problemsOf, proto, udp } from '../../messages.ts';

const client = {
  mac: mac('00:00:00:00:06:01'),
  ip: ip('fe80::601'),
  clientMac: mac('00:00:00:00:05:01'),
  association: 0x1234,
};
const server = { mac: mac('00:00:00:00:88:88'), ip: ip('fe80::88'), duid: bytes('0003 0001 000000008888') };
const clientId = '0001 000a 0003 0001 000000000501';
const serverId = '0002 000a 0003 0001 000000008888';

describe('a request, RFC 8415 section 18.2', () => {
  test('SOLICIT goes to all servers', () => {
    const frame = prefixRequest('solicit', client);
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 22))).toBe(hex(bytes('333300010002 000000000601 86dd 60000000 002a 11 ff')));
    expect(hex(frame.subarray(38, 58))).toBe(hex(concat(ip('ff02::1:2'), bytes('0222 0223'))));
    expect(hex(frame.subarray(62))).toBe(hex(bytes(`01 000000 ${clientId} 0019 000c 00001234 ffffffff ffffffff`)));
  });

  test('RENEW goes to the server, for its prefix', () => {
    const prefix = { ip: ip('fd44::'), length: 56 };
    const frame = prefixRequest('renew', { ...client, server, prefix });
    expect(problemsOf(frame)).toEqual([]);
    expect(hex(frame.subarray(0, 6))).toBe('000000008888');
    expect(hex(frame.subarray(62))).toBe(
      hex(
        bytes(
          `05 000000 ${clientId} ${serverId} 0019 0029 00001234 ffffffff ffffffff`,
          `001a 0019 ffffffff ffffffff 38 ${hex(prefix.ip)}`,
        ),
      ),
    );
    expect(hex(prefixRequest('rebind', { ...client, prefix }).subarray(62, 63))).toBe('06');
  });
});

const ends: Ends = { ethSrc: '00:00:00:00:88:88', ethDst: '00:00:00:00:06:01', src: 'fe80::88', dst: 'fe80::601' };
const option = (code: number, ...data: Uint8Array[]) => concat(be16(code), be16(concat(...data).length), ...data);
const iaPrefix = (preferred: number, valid: number, length = 56) =>
  option(26, be32(preferred), be32(valid), Uint8Array.of(length), ip('fd44::'));
const iaPd = (t1: number, t2: number, ...inner: Uint8Array[]) => option(25, be32(0x1234), be32(t1), be32(t2), ...inner);
const status = (code: number) => option(13, be16(code));
const said = (type: number, options: Uint8Array[], tags: number[] = []) =>
  packet(ends, proto.udp, udp(547, 546, concat(Uint8Array.of(type, 1, 2, 3), ...options)), { tags });

describe('ADVERTISE', () => {
  test('is asked for: both identifiers, and the prefixes alone', () => {
    const inner = [iaPrefix(3600, 7200), status(0), option(99, be16(1))];
    const sent = said(2, [bytes(clientId), option(7, bytes('ff')), bytes(serverId), iaPd(1000, 2000, ...inner)], [5]);
    const answer = readPrefixAnswer(sent);
    if (answer?.kind !== 'advertise') throw new Error('nothing was advertised');
    expect(answer.association).toBe(0x1234);
    expect(problemsOf(answer.request)).toEqual([]);
    expect(hex(answer.request.subarray(0, 18))).toBe(hex(bytes('000000008888 000000000601 8100 0005 86dd')));
    expect(hex(answer.request.subarray(26, 62))).toBe(hex(concat(ip('fe80::601'), ip('fe80::88'), bytes('0222 0223'))));
    expect(hex(answer.request.subarray(66))).toBe(
      hex(concat(bytes('03 000000', clientId, serverId), iaPd(1000, 2000, iaPrefix(3600, 7200)))),
    );
  });

  test.each([
    ['T1 is after T2', iaPd(2000, 1000, iaPrefix(1, 2))],
    ['it is preferred for longer than it is valid', iaPd(1000, 2000, iaPrefix(3, 2))],
    ['the server has none', iaPd(1000, 2000, status(6))],
  ])('is not, if %s', (_, delegation) => {
    expect(readPrefixAnswer(said(2, [bytes(clientId), bytes(serverId), delegation]))).toBeUndefined();
  });
});

describe('REPLY', () => {
  test('delegates a prefix', () => {
    const answer = readPrefixAnswer(said(7, [bytes(clientId), iaPd(1000, 0, iaPrefix(3600, 7200)), bytes(serverId)]));
    expect(answer).toEqual({
      kind: 'reply',
      prefix: {
        association: 0x1234,
        ip: ip('fd44::'),
        length: 56,
        t1: 1000,
        t2: 0,
        preferred: 3600,
        valid: 7200,
        server: { mac: server.mac, ip: server.ip, duid: server.duid },
      },
    });
  });

  test.each([
    ['without an association', []],
    ['without a prefix', [iaPd(1, 2)]],
    ['with an error', [iaPd(1, 2, iaPrefix(1, 2), status(6))]],
    ['with T1 after T2', [iaPd(2, 1, iaPrefix(1, 2))]],
    ['with lifetimes that contradict each other', [iaPd(1, 2, iaPrefix(2, 1))]],
    ['that is cut off', [iaPd(1, 2, iaPrefix(1, 2)).subarray(0, 40)]],
  ])('%s delegates none', (_, options) => {
    expect(readPrefixAnswer(said(7, [bytes(serverId), ...options]))).toBeUndefined();
  });
});

test('nothing else is read', () => {
  expect(readPrefixAnswer(said(1, [iaPd(1, 2, iaPrefix(1, 2))]))).toBeUndefined();
  expect(
    readPrefixAnswer(packet({ ...ends, src: '10.0.0.1', dst: '10.0.0.2' }, proto.udp, udp(547, 546))),
  ).toBeUndefined();
  expect(readPrefixAnswer(packet(ends, proto.udp, udp(547, 546, bytes('0700'))))).toBeUndefined();
});
