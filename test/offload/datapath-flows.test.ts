/** Flows of a running switch: both forms that dpctl/dump-flows prints are read, and what keeps a flow out of hardware is named. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeFlow, readDatapathFlows, trackedFlags } from '../../engine/offload/datapath-flows.ts';

function judged(text: string) {
  const { flows, problems } = readDatapathFlows(text);
  const [flow] = flows;
  if (!flow) throw new Error(problems.join());
  const { place, reasons } = judgeFlow(flow);
  return { place, codes: reasons.map(({ code }) => code), flow };
}

const tcp = 'eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80)';
const counts = 'packets:10, bytes:1000, used:0.1s, flags:SP.';
/** A flow as `-m` prints it. */
const told = (keys: string, actions: string, tail = ', dp:tc') =>
  `ufid:0c0ffee0-0000-4000-8000-000000000000, skb_priority(0/0),recirc_id(0),in_port(pf0vf0),${keys}, ${counts}${tail}, actions:${actions}`;
const codesOf = (keys: string, actions = 'pf0vf1', tail = ', dp:tc') => judged(told(keys, actions, tail)).codes;

test('a flow is read, without what it does not look at', () => {
  const { flow } = judged(
    'ufid:0c0ffee0-0000-4000-8000-000000000000, skb_priority(0/0),skb_mark(0/0),ct_state(0x22/0x23),ct_label(0/0),recirc_id(0x5),in_port(pf0vf0),packet_type(ns=0/0,id=0/0),eth(src=00:00:00:00:00:00/00:00:00:00:00:00,dst=0a:00:00:00:00:02),eth_type(0x8100),vlan(vid=3,pcp=0),encap(eth_type(0x0800),ipv4(src=0.0.0.0/0.0.0.0,dst=10.0.0.2,proto=6,tos=0/0,frag=no),tcp(src=0/0,dst=80)), packets:7, bytes:518, used:0.310s, flags:SFP., offloaded:yes, dp:tc, actions:pop_vlan,set(eth(src=0a:00:00:00:00:01)),ct(zone=4,nat),recirc(0x6), dp-extra-info:miniflow_bits(5,1)',
  );
  expect(Object.fromEntries(flow.keys)).toMatchObject({
    ct_state: '0x22/0x23',
    eth: 'dst=0a:00:00:00:00:02',
    ipv4: 'dst=10.0.0.2,proto=6,frag=no',
    tcp: 'dst=80',
    vlan: 'vid=3,pcp=0',
  });
  expect(flow.keys.has('skb_mark')).toBe(false);
  expect(flow.keys.has('packet_type')).toBe(false);
  expect(flow).toMatchObject({ packets: 7, bytes: 518, offloaded: 'yes', layer: 'tc', info: 'miniflow_bits(5,1)' });
  expect(flow.actions).toEqual([
    { name: 'pop_vlan', inner: '' },
    { name: 'set', inner: 'eth(src=0a:00:00:00:00:01)' },
    { name: 'ct', inner: 'zone=4,nat' },
    { name: 'recirc', inner: '0x6' },
  ]);
});

test('with -m hardware is told; without it, it is not, and reasons are given all the same', () => {
  expect(judged(told(tcp, 'pf0vf1', ', offloaded:yes, dp:tc'))).toMatchObject({ place: 'hardware', codes: [] });
  expect(judged(told(tcp, 'pf0vf1', ', dp:tc'))).toMatchObject({ place: 'software', codes: ['device-setup'] });
  expect(judged(told(tcp, 'pf0vf1', ''))).toMatchObject({ place: 'software', codes: ['device-setup'] });
  const short = `recirc_id(0x3),in_port(2),ct_state(+new-est+trk),${tcp}, packets:1, bytes:74, used:never, actions:ct(commit,zone=3),recirc(0x4)`;
  expect(judged(short)).toMatchObject({ place: undefined, codes: ['ct-new'] });
  expect(judged(`recirc_id(0),in_port(2),${tcp}, ${counts}, actions:3`)).toMatchObject({ place: undefined, codes: [] });
});

test('flags of connection tracking in both forms', () => {
  expect([...trackedFlags('+new-est+trk')]).toEqual(['new', 'trk']);
  expect([...trackedFlags('-new+est-rel-inv+trk-snat+dnat')]).toEqual(['est', 'trk', 'dnat']);
  expect([...trackedFlags('0x21/0x23')]).toEqual(['new', 'trk']);
  expect([...trackedFlags('0xff/0x30')]).toEqual(['inv', 'trk']);
  expect([...trackedFlags('0x22')]).toEqual(['est', 'trk']);
  expect([...trackedFlags('')]).toEqual([]);
});

describe('what keeps a flow out of hardware', () => {
  const ip = (rest: string) => `eth_type(0x0800),ipv4(src=10.0.0.1,${rest})`;
  test.each([
    [`ct_state(0x22/0x23),${ip('proto=1,frag=no')},icmp(type=8,code=0)`, 'pf0vf1', 'ct-icmp'],
    [`${ip('proto=1,frag=no')}`, 'ct(zone=1),recirc(0x2)', 'ct-icmp'],
    ['ct_state(+est+trk),eth_type(0x86dd),ipv6(proto=58,frag=no),icmpv6(type=128)', 'pf0vf1', 'ct-icmp'],
    ['eth_type(0x86dd),ipv6(proto=58,frag=no),icmpv6(type=135),nd(target=fd00::1)', 'pf0vf1', 'arp-nd'],
    ['eth_type(0x0806),arp(op=1)', 'pf0vf1', 'arp-nd'],
    [`ct_state(0x21/0x21),${tcp}`, 'ct(commit),recirc(0x1)', 'ct-new'],
    [`ct_state(+rel+trk),${tcp}`, 'pf0vf1', 'ct-related'],
    [`ct_state(0x30/0x30),${tcp}`, 'drop', 'ct-related'],
    [`ct_state(+est+trk+dnat),${tcp}`, 'pf0vf1', 'ct-snat-dnat-match'],
    [ip('proto=132,frag=no'), 'pf0vf1', 'sctp'],
    [ip('proto=17,frag=later'), 'pf0vf1', 'fragment'],
    ['eth_type(0x86dd),ipv6(proto=17,frag=first)', 'pf0vf1', 'ipv6-fragment'],
    [`dp_hash(0x3/0xf),${tcp}`, 'pf0vf1', 'load-balancer'],
    [tcp, 'hash(l4(0)),recirc(0x3)', 'load-balancer'],
    [tcp, 'check_pkt_len(size=1500,gt(drop),le(pf0vf1))', 'check-pkt-larger'],
    [tcp, 'meter(3),pf0vf1', 'meter'],
    [tcp, 'clone(set(tunnel(tun_id=0x1)),p0),pf0vf1', 'clone'],
    [tcp, 'userspace(pid=1,controller(reason=1,dont_send=0))', 'controller-action'],
    [tcp, 'userspace(pid=1,slow_path(action))', 'controller-action'],
    [tcp, 'userspace(pid=1,sFlow(vid=0,pcp=0,output=1)),pf0vf1', 'unsupported-action'],
    [tcp, 'sample(sample=1.0%,actions(drop)),pf0vf1', 'unsupported-action'],
    [tcp, 'set(ipv4(src=10.0.0.1,dst=10.0.0.9)),ct(zone=1),recirc(0x4)', 'stateless-nat-before-ct'],
    [tcp, 'ct(commit,zone=1,helper=ftp),recirc(0x4)', 'unsupported-action'],
    [tcp, Array.from({ length: 17 }, (_, index) => `set(tcp(dst=${index}))`).join(), 'too-many-rewrites'],
    [`skb_mark(0x1),${tcp}`, 'pf0vf1', 'unsupported-match'],
    [
      `tunnel(tun_id=0x1,geneve({class=0x102,type=0x80,len=4,0x1}{class=0x103,type=1,len=4,0x1})),${tcp}`,
      'pf0vf1',
      'geneve-option-profile',
    ],
    [tcp, 'br-ex', 'software-port'],
  ])('%s → %s', (keys, actions, code) => {
    expect(codesOf(keys, actions)).toEqual([code]);
  });

  test('what stands in a flow is not mistaken for something like it', () => {
    // A TTL is set, and no address; NAT behind the tracking; ICMP that is not tracked; a discovery is no ping.
    expect(codesOf(tcp, 'set(ipv4(ttl=63)),ct(zone=1),recirc(0x4)')).toEqual(['device-setup']);
    expect(codesOf(tcp, 'ct(zone=1),set(ipv4(dst=10.0.0.9)),pf0vf1')).toEqual(['device-setup']);
    expect(codesOf(ip('proto=1,frag=no'))).toEqual(['device-setup']);
    expect(codesOf(`ct_state(-new+est-rel+trk),${tcp}`)).toEqual(['device-setup']);
    expect(codesOf(`tunnel(tun_id=0x1,geneve({class=0x102,type=0x80,len=4,0x10002/0x7fffffff})),${tcp}`)).toEqual([
      'device-setup',
    ]);
  });

  test('what the datapath says comes first', () => {
    expect(codesOf(tcp, "pf0vf1, dp-offload-info:'match unsupported: ct_state=+new'", ', dp:ovs')[0]).toBe('ct-new');
    expect(codesOf(tcp, "pf0vf1, dp-offload-info:'unable to get eswitch mgr port id'", ', dp:ovs')).toEqual([
      'device-setup',
    ]);
  });
});

test('lines that are no flows are told, and the others read', () => {
  const { flows, problems } = readDatapathFlows(
    `flow-dump from the main thread:\n\n${told(tcp, '3')}\nno flow\nrecirc_id(0,in_port(1), actions:2\nactions:drop\n`,
  );
  expect(flows).toHaveLength(1);
  expect(problems).toEqual([
    'line 4: it has no actions; give what "ovs-appctl dpctl/dump-flows -m" prints',
    'line 5: its parentheses do not match; give the lines as they were printed',
    'line 6: it matches nothing that is known',
  ]);
});

test('whatever is given, it ends, and no line is lost', () => {
  const piece = fc.constantFrom(
    ...[
      'ufid:x, ',
      'ct_state(',
      '0x21/0x21',
      ')',
      ',',
      ' actions:',
      'ct(',
      "'",
      '{',
      '}',
      'dp:tc',
      'offloaded:yes',
      '\n',
      'eth()',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const { flows, problems } = readDatapathFlows(text);
      expect(flows.length + problems.length).toBe(text.split('\n').filter((line) => line.trim() !== '').length);
      for (const flow of flows) judgeFlow(flow);
    }),
  );
});
