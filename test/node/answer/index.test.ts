/** Every answer to hostile frames: nothing throws, and what is sent is a sound packet. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NestedName } from '../../../engine/lang/ir.ts';
import * as answers from '../../../engine/node/answer/index.ts';
import {
  bytes,
  concat,
  type Ends,
  hex,
  icmp,
  ip,
  optionsOf,
  packet,
  problemsOf,
  proto,
  sctp,
  tcp,
  text,
  udp,
  zeros,
} from '../../messages.ts';

const four: Ends = { ethSrc: '00:00:00:00:00:0a', ethDst: '00:00:00:00:00:0b', src: '10.0.0.10', dst: '10.0.1.10' };
const six: Ends = { ...four, src: 'fe80::a', dst: 'ff02::1:2' };

const dhcp = concat(bytes('01010600', '00'.repeat(232), '63825363 350101 32040a00000a af00 ff'));
const dns = concat(bytes('0001 0100 0001 0000 0000 0000 03'), text('www'), bytes('00 00ff 0001'));
const dhcpv6 = bytes('01 000001 0001 0002 0102 0003 000c 00000001 00000000 00000000');
const delegated = bytes(
  '07 000001 0002 0002 0102 0019 0029 00000001 00000001 00000002 001a 0019 00000001 00000002 38',
  '00'.repeat(16),
);
const report = bytes('22 00 dcfe 0000 0001 01000000 00000000');

const frames: [string, Uint8Array][] = [
  ['TCP', packet(four, proto.tcp, tcp(1, 2, {}, zeros(5)), { tags: [5] })],
  ['TCP over IPv6', packet(six, proto.tcp, tcp(1, 2))],
  ['UDP', packet(four, proto.udp, udp(1, 2, zeros(600)))],
  ['SCTP', packet(six, proto.sctp, sctp(1, 2, 0, bytes('01000014 deadbeef 00010000 000a000a 00000001')))],
  [
    'a solicitation',
    packet(six, proto.icmp6, icmp(135, 0, concat(zeros(4), ip('fd00::1'), bytes('0101 000000000001')))),
  ],
  ['a router solicitation', packet(six, proto.icmp6, icmp(133, 0))],
  ['DHCPv4', packet(four, proto.udp, udp(68, 67, dhcp))],
  [
    'DHCPv6',
    packet(six, proto.udp, udp(546, 547, dhcpv6), { extensions: bytes('1100 0104 0000 0000'), nextHeader: 60 }),
  ],
  ['a delegation', packet(six, proto.udp, udp(547, 546, delegated))],
  ['DNS', packet(four, proto.udp, udp(53, 53, dns))],
  ['IGMP', packet(four, proto.igmp, report)],
  ['BFD', packet(four, proto.udp, udp(49152, 3784, bytes('20 80 05 18 deadbeef 00000007 000f4240 000493e0 00000000')))],
  ['ICMP', packet(four, proto.icmp, icmp(3, 3, concat(zeros(4), bytes('4500 0024'), zeros(40))))],
];

const names: NestedName[] = [
  'arp',
  'icmp4',
  'icmp4_error',
  'icmp6',
  'icmp6_error',
  'tcp_reset',
  'sctp_abort',
  'reject',
  'nd_na',
  'nd_na_router',
  'nd_ns',
];

const stored = {
  four: optionsOf(
    'put_dhcp_opts(offerip = 10.0.0.10, bootfile_name = "boot", bootfile_name_alt = "b", router = 10.0.0.1)',
  ),
  six: optionsOf('put_dhcpv6_opts(ia_addr = fd00::4, server_id = 00:00:00:00:00:01)'),
  advertisement: optionsOf('put_nd_ra_opts(addr_mode = "dhcpv6_stateful", slla = 00:00:00:00:00:01)'),
};

/** Everything that a frame may be handed to; gives what is sent. */
function allAnswers(frame: Uint8Array): { name: string; sent: Uint8Array }[] {
  const made = names.map((name) => ({ name: name as string, sent: answers.nestedAnswer(name, frame) }));
  const resumed = [
    { name: 'put_dhcp_opts', answer: answers.dhcpv4Answer(frame, stored.four) },
    { name: 'put_dhcpv6_opts', answer: answers.dhcpv6Answer(frame, stored.six) },
    { name: 'put_nd_ra_opts', answer: answers.routerAdvertisementAnswer(frame, stored.advertisement) },
    { name: 'dns_lookup', answer: answers.dnsAnswer(frame, () => '10.0.0.1 fd00::1') },
  ];
  answers.putFragmentMtu(frame, 1400);
  answers.readMembership(frame);
  answers.readServiceAnswer(frame);
  answers.readBfd(frame);
  answers.flowText(frame);
  const prefix = answers.readPrefixAnswer(frame);
  return [
    ...made.flatMap(({ name, sent }) => (sent ? [{ name, sent }] : [])),
    ...resumed.flatMap(({ name, answer }) => (answer.success ? [{ name, sent: answer.frame }] : [])),
    ...(prefix?.kind === 'advertise' ? [{ name: 'handle_dhcpv6_reply', sent: prefix.request }] : []),
  ];
}

test('each of these frames has an answer', () => {
  const answered = new Set(frames.flatMap(([, frame]) => allAnswers(frame).map(({ name }) => name)));
  const all = [...names, 'put_dhcp_opts', 'put_dhcpv6_opts', 'put_nd_ra_opts', 'dns_lookup'];
  expect([...answered].sort()).toEqual(all.sort());
});

test('clone goes on with the frame as it is', () => {
  const [, [, frame]] = frames;
  expect(answers.nestedAnswer('clone', frame)).toBe(frame);
});

describe.each(frames)('%s', (_, frame) => {
  test('cut off anywhere', () => {
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      const before = hex(cut);
      // A packet that says it is longer than it is, is none.
      expect(allAnswers(cut)).toEqual([]);
      expect(hex(cut)).toBe(before);
    }
  });

  test('with bytes changed', () => {
    const change = fc.tuple(fc.nat(frame.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const changed = frame.slice();
        for (const [at, value] of changes) changed[at] = value;
        const before = hex(changed);
        for (const { name, sent } of allAnswers(changed)) {
          // Those that keep the client's headers keep its mistakes.
          if (names.some((each) => each === name))
            expect({ name, problems: problemsOf(sent) }).toEqual({ name, problems: [] });
        }
        expect(hex(changed)).toBe(before);
      }),
      { numRuns: 300 },
    );
  });
});

test('any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (frame) => {
      allAnswers(frame);
    }),
    { numRuns: 500 },
  );
});
