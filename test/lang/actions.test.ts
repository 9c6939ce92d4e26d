import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Action,
  type ActionContext,
  formatAction,
  formatActions,
  formatMatch,
  LangError,
  parseActions,
  parseFlowActions,
} from '../../engine/lang/index.ts';
import { soup } from './expressions.ts';
import { readSamples } from './samples.ts';

const OVN_26_03: ActionContext = { pipeline: 'ingress', table: 10, tables: 36, release: '26.03' };
const OVN_23_03: ActionContext = { pipeline: 'ingress', table: 10 };

/** Canonical text and prerequisites, or OVN's complaint. */
function answer(text: string, context: ActionContext): string {
  try {
    const { actions, prereqs } = parseFlowActions(text, context);
    const needs = prereqs.type === 'boolean' ? '' : ` when ${formatMatch(prereqs)}`;
    return `${formatActions(actions, context.release)}${needs}`;
  } catch (error) {
    if (error instanceof LangError) {
      return `error: ${error.message}`;
    }
    throw error;
  }
}

function only(text: string): Action {
  const [action, ...rest] = parseActions(text, OVN_23_03);
  expect(rest).toEqual([]);
  if (!action) {
    throw new Error('no action');
  }
  return action;
}

describe('parseActions', () => {
  it('answers as OVN 26.03', () => {
    const wrong = readSamples('actions').flatMap(({ in: text, ok, formatted, prereqs, error }) => {
      const needs = prereqs === undefined ? '' : ` when ${prereqs}`;
      const expected = ok ? `${formatted}${needs}` : `error: ${error}`;
      const actual = answer(text, OVN_26_03);
      return actual === expected ? [] : [{ text, expected, actual }];
    });
    expect(wrong).toEqual([]);
  });

  it('prints what OVN 26.03 changed as 23.03 does', () => {
    expect(answer('ct_next;', OVN_23_03)).toBe('ct_next; when ip');
    expect(answer('ct_next(snat);', OVN_23_03)).toBe('ct_next(snat); when ip');
    expect(answer('ct_commit_nat;', OVN_23_03)).toBe('ct_commit_nat; when ip');
    expect(answer('ct_commit;', OVN_23_03)).toBe('ct_commit; when ip');
    expect(answer('ct_commit { };', OVN_23_03)).toBe('ct_commit; when ip');
    expect(answer('ct_commit(ct_mark=1, ct_label=0x10/0xf0);', OVN_23_03)).toBe(
      'ct_commit(ct_mark=0x1, ct_label=0x10/0xf0); when ip',
    );
    expect(answer('ct_lb(backends=[::1]:80,1.2.3.4);', OVN_23_03)).toBe('ct_lb(backends=[::1]:80,1.2.3.4); when ip');
  });

  it('leaves nothing of comments and of "drop"', () => {
    expect(parseActions('', OVN_23_03)).toEqual([]);
    expect(parseActions('/* drop */', OVN_23_03)).toEqual([]);
    expect(parseActions('drop;', OVN_23_03)).toEqual([]);
    expect(formatActions([])).toBe('drop;');
    expect(answer('next; // on and on\nnext;', OVN_23_03)).toBe('next; next;');
  });

  it.each([
    'push(eth.src); pop(xxreg0[0..47]);',
    'xxreg0[0..47] = eth.src;',
    'outport = get_fdb(eth.dst); reg0[1] = lookup_fdb(inport, eth.src);',
    'reg0 = get_fdb(eth.dst);',
    'reg1 = ct_nw_dst(); xxreg1 = ct_ip6_dst(); reg2[0..15] = ct_tp_dst();',
    'reg0[5] = chk_ecmp_nh_mac(); reg0[6] = chk_ecmp_nh();',
    'reg0[5] = dhcp_relay_resp_chk(192.168.1.1, 172.16.1.11);',
    'reg0[5] = chk_evpn_arp(nd.target);',
    'commit_lb_aff(vip = "[::1]", backend = "[::2]:80", timeout = 10);',
    'handle_bfd_msg();',
    'reg9[16..31] = select(values=(1=50, 2=100); hash_fields="ip_dst");',
    'sample(probability=65535,collector_set=4294967295,obs_domain=255,obs_point=reg3);',
    'fwd_group(liveness="true", childports="a", "b");',
    'ct_snat(1.2.3.4,80);',
    'eth.src = 00:00:00:00:00:01/ff:ff:ff:ff:ff:ff;',
    'ip6.dst = ff02::/16;',
    'ip4.src = 10.0.0.0/255.0.255.0;',
    'icmp4.frag_mtu = 1400; icmp6.frag_mtu = 1280;',
    'log(name="n", verdict=pass, severity=debug, meter="m");',
    'set_meter(18446744073709551615);',
    'reg0[1] = put_nd_ra_opts(addr_mode = "slaac", prefix = aef0::/64, rdnss = ::1, route_info = "HIGH-::/0", dnssl = "a,b", slla = 00:00:00:00:00:01);',
    'reg0[1] = put_dhcp_opts(offerip = 1.2.3.4, tftp_server = 1.2.3.4, domain_search_list = "a,b", T1 = 5);',
    'reg0[1] = put_dhcpv6_opts(fqdn = "a.b");',
    'clone { clone { arp { nd_ns { drop; }; }; }; };',
  ])('prints %s again', (text) => {
    const printed = formatActions(parseActions(text, OVN_23_03));
    expect(printed).toBe(text);
  });

  it.each([
    ['next(36);', '"next" action cannot advance beyond table 35.'],
    ['ip4 = 1;', 'Predicate symbol ip4 used where lvalue required.'],
    ['ct_mark = 1;', 'Field ct_mark is not modifiable.'],
    ['ct_commit { reg0 = 1; };', 'Field reg0 is not modifiable.'],
    ['ct_commit { clone { reg0 = 1; }; };', undefined],
    ['ct_commit { clone { ct_mark = 1; }; };', 'Field ct_mark is not modifiable.'],
    ['ct_commit { arp { reg0 = 1; }; };', 'Field reg0 is not modifiable.'],
    ['inport <-> reg0;', "Can't exchange string field (inport) with integer field (reg0)."],
    ['reg0 <-> xreg0;', "Can't exchange 32-bit field with 64-bit field."],
    ['reg0[1] 5;', "Syntax error at `5' expecting `=' or `<->'."],
    ['get_arp(reg0, reg0);', 'Cannot use numeric field reg0 where string field is required.'],
    ['get_arp(outport, inport);', 'Cannot use string field inport where numeric field is required.'],
    ['put_arp(inport, xxreg0, eth.src);', 'Cannot use 128-bit field xxreg0[0..127] where 32-bit field is required.'],
    ['reg0[0..9] = select(1, 2);', 'cannot use 10-bit field reg0[0..9] for "select", which requires at least 16 bits.'],
    ['reg0 = select(1=0, 2);', "Syntax error at `,' weight can't be 0."],
    ['reg0 = select(values=(1, 2); foo);', "Syntax error at `foo' expecting hash_fields."],
    ['ct_dnat(foo);', "Syntax error at `foo' expecting IPv4 or IPv6 address."],
    ['ct_dnat(1.2.3.4,0);', "Syntax error at `0' range can't be 0."],
    ['ct_dnat(1.2.3.4,5-4);', "Syntax error at `4' range high should be greater than range low."],
    ['ct_lb_mark(backends=::1:80);', undefined],
    ['ct_lb_mark(backends=[::1);', "Syntax error at `)' no closing square bracket."],
    ['ct_lb_mark(backends=1.2.3.4:70000);', "Syntax error at `70000' expecting port number."],
    ['ct_lb_mark(backends=1.2.3.4; hash_fields=1);', "Syntax error at `1' invalid hash_fields."],
    ['ct_next(foo);', '"ct_next" action accepts only "dnat" or "snat" parameter.'],
    ['reg0[0] = put_dhcp_opts(offerip = 1.2.3.4, hostname = 5);', 'DHCPv4 option hostname requires string value.'],
    ['reg0[0] = put_dhcp_opts(5);', "Syntax error at `5'."],
    ['reg0[0] = put_nd_ra_opts(mtu = 5);', 'slla option not present'],
    ['reg0[0] = put_nd_ra_opts(mtu = 0x5);', 'Invalid value for "mtu" option'],
    [
      'reg0[0] = put_nd_ra_opts(slla = 00:00:00:00:00:01);',
      'prefix option needs to be set when address mode is slaac/dhcpv6_stateless.',
    ],
    ['trigger_event(event = "empty_lb_backends", vip = "x");', "Invalid load balancer VIP 'x'"],
    [
      'trigger_event(event = "empty_lb_backends", protocol = "x");',
      "Load balancer protocol 'x' is not 'tcp', 'udp', or 'sctp'",
    ],
    ['trigger_event(event = "empty_lb_backends", load_balancer = "x");', "Load balancer 'x' is not a UUID"],
    ['set_queue(x);', "Syntax error at `x' expecting `;'."],
    ['reg0[0] = check_pkt_larger(x);', "Syntax error at `x' expecting `;'."],
    ['log(verdict=maybe);', "Syntax error at `maybe' unknown verdict."],
    ['log(severity=bogus);', "Syntax error at `bogus' unknown severity."],
    [`log(name="${'x'.repeat(64)}");`, /name must be shorter than 64 characters\.$/],
    ['sample(obs_domain=256);', "Syntax error at `256' obs_domain must be 8-bit long."],
    ['sample();', 'probability must be greater than zero'],
    ['sample(foo);', "Syntax error at `foo' unknown argument."],
    [
      'commit_lb_aff(vip = "1.2.3.4:80", backend = "[::1]:80", proto = tcp, timeout = 1);',
      /invalid protocol family\.$/,
    ],
    ['commit_ecmp_nh(ipv6 = maybe);', "Syntax error at `maybe' expecting true or false."],
    ['clone { next; ', 'Syntax error at end of input.'],
    ['clone { drop; next; };', "Syntax error at `next' expecting `}'."],
    ['bind_vport(x);', "Syntax error at `x' expecting port name string."],
  ])('judges %s', (text, message) => {
    const judgement = answer(text, OVN_23_03);
    if (message === undefined) {
      expect(judgement).not.toMatch(/^error/);
    } else if (typeof message === 'string') {
      expect(judgement).toBe(`error: ${message}`);
    } else {
      expect(judgement).toMatch(message);
    }
  });

  it('reads hosts and ports as OVS does', () => {
    const vip = (text: string) => {
      const judgement = answer(`commit_lb_aff(vip = "${text}", backend = "1.2.3.4", timeout = 1);`, OVN_23_03);
      return /vip = "(.*)", backend/.exec(judgement)?.[1] ?? judgement;
    };
    expect(vip('172.16.0.1:')).toBe('172.16.0.1');
    expect(vip('[172.16.0.1]')).toBe('172.16.0.1');
    expect(vip('172.16.0.1:80:')).toMatch(/^error/);
    expect(vip('172.16.0.1:65536')).toMatch(/^error/);
    expect(vip('172.16.0.1:8x')).toMatch(/^error/);
    expect(vip('[172.16.0.1]x')).toMatch(/^error/);
    // An IPv6 address does not go with the IPv4 backend, which only an address that was read can show.
    for (const ipv6 of ['::1', '[::1', '[::1]', '[::1]:']) {
      expect(vip(ipv6)).toMatch(/invalid protocol family\.$/);
    }
  });

  it('gives each action its own prerequisites', () => {
    const prereqs = (text: string) => parseActions(text, OVN_23_03).map((action) => action.prereqs);
    expect(prereqs('eth.dst = eth.src; ip.ttl--; ip.ttl = 5; next;')).toEqual([
      '',
      'ip',
      'eth.type == 0x800 || eth.type == 0x86dd',
      '',
    ]);
    expect(prereqs('clone { ip4.src <-> arp.spa; }; icmp4 { ip6.dst = ::1; };')).toEqual([
      'eth.type == 0x800 && eth.type == 0x806',
      'ip4',
    ]);
    const { prereqs: together } = parseFlowActions('ct_clear; icmp4 { }; clone { tcp.src = 1; };', OVN_23_03);
    expect(formatMatch(together)).toBe('ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd) && ip4');
  });

  it('tells from where next goes where', () => {
    expect(only('next(pipeline=egress);')).toMatchObject({ pipeline: 'egress', table: 11, fromPipeline: 'ingress' });
    expect(formatAction(only('next(11);'))).toBe('next;');
    expect(formatAction(only('next(pipeline=egress, table=11);'))).toBe('next(pipeline=egress, table=11);');
  });

  it('takes the option names of the database it is given', () => {
    const dhcpOptions = [
      { name: 'offerip', code: 0, type: 'ipv4' },
      { name: 'mine', code: 200, type: 'uint8' },
    ];
    const text = 'reg0[0] = put_dhcp_opts(offerip = 1.2.3.4, mine = 5);';
    expect(answer(text, { ...OVN_23_03, dhcpOptions })).toBe(text);
    expect(answer(text, OVN_23_03)).toBe("error: Syntax error at `mine' expecting DHCPv4 option name.");
  });

  it('puts template variables in before it parses', () => {
    const templates = new Map([['backends', '10.0.0.1:80,10.0.0.2:80']]);
    const text = 'ct_lb_mark(backends=^backends);';
    expect(answer(text, { ...OVN_23_03, templates })).toBe('ct_lb_mark(backends=10.0.0.1:80,10.0.0.2:80); when ip');
    expect(answer(text, OVN_23_03)).toBe("error: Syntax error at `backends' expecting IP address.");
    expect(answer('^backends;', OVN_26_03)).toBe('error: Unexpanded template.');
  });

  it('bounds nesting as OVN does', () => {
    const nested = (depth: number) => `${'clone { '.repeat(depth)}next;${' };'.repeat(depth)}`;
    expect(answer(nested(30), OVN_23_03)).not.toMatch(/^error/);
    expect(answer(nested(31), OVN_23_03)).not.toMatch(/^error/);
    expect(answer(nested(32), OVN_23_03)).toBe('error: maximum depth of nested actions reached');
    expect(answer('clone {'.repeat(100_000), OVN_23_03)).toBe('error: maximum depth of nested actions reached');
  });

  it('takes a hundred thousand actions', () => {
    for (const action of ['ip.ttl--;', 'clone { ip4.src = 1.2.3.4; };', 'reg0 = 1;']) {
      expect(parseActions(action.repeat(100_000), OVN_23_03)).toHaveLength(100_000);
    }
  });

  it('throws its own error and nothing else', () => {
    fc.assert(
      fc.property(soup, (text) => {
        try {
          const actions = parseActions(text, OVN_23_03);
          expect(formatActions(parseActions(formatActions(actions), OVN_23_03))).toBe(formatActions(actions));
        } catch (error) {
          expect(error).toBeInstanceOf(LangError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('stays with its own error when text of OVN is damaged', () => {
    const texts = readSamples('actions').map((sample) => sample.in);
    const damage = fc.tuple(
      fc.constantFrom(...texts),
      fc.nat(200),
      fc.nat(20),
      fc.constantFrom('', ' ', ';', '(', ')', ','),
    );
    fc.assert(
      fc.property(damage, ([text, at, length, instead]) => {
        const damaged = text.slice(0, at) + instead + text.slice(at + length);
        expect(() => answer(damaged, OVN_23_03)).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});
