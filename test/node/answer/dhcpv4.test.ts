import { describe, expect, test } from 'vitest';
import { dhcpv4Answer } from '../../../engine/node/answer/dhcpv4.ts';
import {
  be16,
  bytes,
  concat,
  type Ends,
  hex,
  ip,
  mac,
  optionsOf,
  packet,
  problemsOf,
  proto,
  udp,
  zeros,
} from '../../messages.ts';

const ends: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: 'ff:ff:ff:ff:ff:ff', src: '0.0.0.0', dst: '255.255.255.255' };
const lease = optionsOf(
  'put_dhcp_opts(offerip = 10.0.0.10, netmask = 255.255.255.0, router = 10.0.0.1, lease_time = 60, T1 = 30, T2 = 50)',
);
const leaseBytes = '0104ffffff00 03040a000001 33040000003c 3a040000001e 3b0400000032';

/** A message of RFC 2131 section 2 with options behind the cookie. */
function message(
  options: string,
  { flags = 0, ciaddr = '0.0.0.0', siaddr = '10.9.9.9', op = 1, tags = [] as number[] } = {},
) {
  const addresses = concat(ip(ciaddr), ip('10.8.8.8'), ip(siaddr), ip('10.7.7.7'));
  const header = concat(Uint8Array.of(op), bytes('01 06 05 01020304 0007'), be16(flags), addresses);
  const rest = concat(mac(ends.ethSrc), zeros(10), zeros(64).fill(0x73), zeros(128).fill(0x66));
  const data = concat(header, rest, bytes('63825363', options));
  return packet(ends, proto.udp, udp(68, 67, data), { ttl: 16, tos: 0x10, tags, padding: zeros(2) });
}

function answer(options: string, more: Parameters<typeof message>[1] = {}, stored = lease): Uint8Array {
  const sent = message(options, more);
  const { frame, success } = dhcpv4Answer(sent, stored);
  expect(success).toBe(true);
  expect(problemsOf(frame)).toEqual([]);
  return frame;
}

const header = 14 + 20 + 8;

describe('an answer', () => {
  test('is an OFFER for a DISCOVER: RFC 2131 section 4.3.1', () => {
    const sent = message('350101 ff');
    const frame = answer('350101 ff');
    // Ethernet and IP stay, but the destination and the length; the flow sets the rest.
    const length = 8 + 236 + 16 + bytes(leaseBytes).length;
    expect(hex(frame.subarray(0, 16))).toBe(hex(sent.subarray(0, 16)));
    expect(hex(frame.subarray(16, 18))).toBe(hex(be16(20 + length)));
    expect(hex(frame.subarray(26, 42))).toBe(hex(concat(bytes('00000000 0a00000a 0044 0043'), be16(length), zeros(2))));
    expect(hex(frame.subarray(header, header + 28))).toBe(
      hex(bytes('02 01 06 05 01020304 0007 0000 00000000 0a00000a 0a090909 0a070707')),
    );
    expect(hex(frame.subarray(header + 28, header + 236))).toBe(hex(sent.subarray(header + 28, header + 236)));
    expect(hex(frame.subarray(header + 236))).toBe(hex(bytes(`63825363 350102 ${leaseBytes} 00000000 ff 00000000`)));
  });

  test.each([
    ['option', '350103 32040a00000a ff', {}],
    ['client', '350103 ff', { ciaddr: '10.0.0.10' }],
    ['last of two', '350103 32040a00000b 32040a00000a', {}],
    ['client, where the option is cut off', '350103 32040a00', { ciaddr: '10.0.0.10' }],
  ])('is an ACK for a REQUEST of the same address, by the %s', (_, options, more) => {
    expect(hex(answer(options, more).subarray(header + 240, header + 243))).toBe('350105');
  });

  test('is a NAK without options for another address: RFC 2131 section 4.3.2', () => {
    const frame = answer('350103 32040a00000b ff', { ciaddr: '10.0.0.10' });
    expect(hex(frame.subarray(header + 12, header + 24))).toBe(hex(bytes('0a00000a 00000000 00000000')));
    expect(hex(frame.subarray(header + 236))).toBe(hex(bytes('63825363 350106 00000000 ff 00000000')));
    expect(hex(frame.subarray(30, 34))).toBe('0a00000a');
  });

  test('says nothing of a lease to INFORM: RFC 2131 section 3.4', () => {
    const frame = answer('350108 ff', { ciaddr: '10.0.0.10' });
    expect(hex(frame.subarray(header + 16, header + 24))).toBe(hex(bytes('00000000 0a090909')));
    expect(hex(frame.subarray(header + 236))).toBe(hex(bytes('63825363 350105 03040a000001 00000000 ff 00000000')));
  });

  test('is a broadcast to who asks for it: RFC 2131 section 4.1', () => {
    expect(hex(answer('350101 ff', { flags: 0x8000 }).subarray(30, 34))).toBe('ffffffff');
    expect(hex(answer('350101 ff', { flags: 0x7fff }).subarray(30, 34))).toBe('0a00000a');
  });

  test('names the next server if the options do', () => {
    const stored = optionsOf('put_dhcp_opts(offerip = 10.0.0.10, next_server = 10.0.0.77)');
    const offer = answer('350101 ff', {}, stored);
    expect(hex(offer.subarray(header + 20, header + 24))).toBe('0a00004d');
    expect(hex(offer.subarray(header + 243, header + 249))).toBe('fd040a00004d');
    const nak = answer('350103 ff', {}, stored);
    expect(hex(nak.subarray(header + 20, header + 24))).toBe('00000000');
    const inform = answer('350108 ff', {}, stored);
    expect(hex(inform.subarray(header + 20, header + 24))).toBe('0a090909');
  });

  test('keeps a VLAN tag', () => {
    const frame = answer('350101 ff', { tags: [5] });
    expect(hex(frame.subarray(12, 18))).toBe('810000050800');
  });
});

describe('of two boot files', () => {
  const boot = (names: string) => optionsOf(`put_dhcp_opts(offerip = 10.0.0.10, router = 10.0.0.1, ${names})`);
  const both = boot('bootfile_name = "ipxe", bootfile_name_alt = "efi"');
  const given = (options: string, stored: ReturnType<typeof boot>) =>
    hex(answer(options, {}, stored).subarray(header + 243, -9));

  test('iPXE is given the first, others the second', () => {
    expect(given('350101 af00 ff', both)).toBe(hex(bytes('4304 69707865 03040a000001')));
    expect(given('350101 ff', both)).toBe(hex(bytes('4303 656669 03040a000001')));
    expect(given('350108 ff', both)).toBe(hex(bytes('4303 656669 03040a000001')));
  });

  test('the only one is given to everybody', () => {
    for (const name of ['bootfile_name', 'bootfile_name_alt']) {
      for (const options of ['350101 af00 ff', '350101 ff']) {
        expect(given(options, boot(`${name} = "x"`))).toBe(hex(bytes('4301 78 03040a000001')));
      }
    }
  });

  test('of more, those that are first', () => {
    const more = 'bootfile_name = "a", bootfile_name_alt = "b", bootfile_name = "c", bootfile_name_alt = "d"';
    expect(given('350101 ff', boot(more))).toBe(hex(bytes('430162 03040a000001 430163 fe0164')));
  });

  test('a next server behind them is lost to iPXE where OVN loses it', () => {
    const stored = boot('bootfile_name = "a longer name", bootfile_name_alt = "b", next_server = 10.0.0.77');
    expect(hex(answer('350101 ff', {}, stored).subarray(header + 20, header + 24))).toBe('0a00004d');
    const ipxe = answer('350101 af00 ff', {}, stored);
    expect(hex(ipxe.subarray(header + 20, header + 24))).toBe('0a090909');
  });

  test('the stored options are the same for the next client', () => {
    expect(given('350101 af00 ff', both)).toBe(given('350101 af00 ff', both));
    expect(given('350101 ff', both)).not.toBe(given('350101 af00 ff', both));
  });
});

describe('no answer', () => {
  test.each([
    ['RELEASE', '350107 ff', {}],
    ['DECLINE', '350104 ff', {}],
    ['another type', '350109 ff', {}],
    ['a type of two bytes', '35020101 ff', {}],
    ['a type behind the end', 'ff 350101', {}],
    ['a type behind an option that is cut off', '0c40 350101', {}],
    ['a reply', '350101 ff', { op: 2 }],
  ])('%s', (_, options, more) => {
    const sent = message(options, more);
    expect(dhcpv4Answer(sent, lease)).toEqual({ frame: sent, success: false });
  });

  test('to what is no such message, or without options to give', () => {
    const sent = message('350101 ff');
    expect(dhcpv4Answer(sent, optionsOf('put_dhcp_opts(offerip = 10.0.0.10)')).success).toBe(false);
    const cookie = sent.slice();
    cookie[header + 239] ^= 1;
    const six = packet({ ...ends, src: 'fd00::1', dst: 'fd00::2' }, proto.udp, udp(68, 67, zeros(300)));
    for (const frame of [cookie, six, packet(ends, proto.udp, udp(68, 67, sent.slice(header, header + 239)))]) {
      expect(dhcpv4Answer(frame, lease)).toEqual({ frame, success: false });
    }
  });
});
