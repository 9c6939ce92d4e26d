/** Actions of later releases than 23.03, as ovn-trace of those releases tells them. */
import { describe, expect, test } from 'vitest';
import {
  assumedConntrack,
  type Conntrack,
  parseCtState,
  parsePacket,
  prepare,
  type TraceResult,
  traceFlow,
  traceText,
  trackingConntrack,
} from '../../sim/trace/index.ts';
import { southboundFrom } from './southbound.ts';

interface Traced {
  result: TraceResult;
  text: string;
}

function trace(flows: string[], microflow: string, conntrack: Conntrack = assumedConntrack()): Traced {
  const topology = prepare(
    southboundFrom({ sw: { kind: 'router', ports: { a: {}, b: {} }, flows: [...flows, 'egress 0 0 1 => output;'] } }),
  );
  const { datapath, packet } = parsePacket(topology, `inport == "a" && ${microflow}`);
  const result = traceFlow(topology, datapath, packet, { conntrack });
  return { result, text: traceText(packet, result, ['detailed']) };
}

const outputs = ({ result }: Traced): string[] => result.deliveries.map(({ port }) => port.binding.logicalPort);

describe('DHCP relay', () => {
  const message = 'ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64 && udp.src == 68 && udp.dst == 67';

  test('a request is taken for one that passes', () => {
    const traced = trace(
      [
        '0 0 1 => reg9[7] = dhcp_relay_req_chk(10.0.0.254, 172.16.1.1); next;',
        '1 10 reg9[7] => outport = "b"; output;',
        '1 0 1 => drop;',
      ],
      message,
    );
    expect(outputs(traced)).toEqual(['b']);
    expect(traced.result.gaps).toEqual([]);
    expect(traced.text).toContain('    /* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */\n');
  });

  test('a response goes to everybody, and that is told', () => {
    const traced = trace(
      [
        '0 0 1 => reg2 = ip4.dst; reg9[8] = dhcp_relay_resp_chk(10.0.0.254, 172.16.1.1); next;',
        '1 10 reg9[8] && ip4.dst == 255.255.255.255 && eth.bcast => outport = "b"; output;',
        '1 0 1 => drop;',
      ],
      message.replace('udp.src == 68', 'udp.src == 67'),
    );
    expect(outputs(traced)).toEqual(['b']);
    expect(traced.result.gaps).toEqual([expect.stringContaining('dhcp_relay_resp_chk')]);
    expect(traced.text).toContain(
      '/* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set',
    );
  });
});

describe('ct_state_save', () => {
  const flows = [
    '0 0 1 => ct_next;',
    '1 0 1 => reg4[0..7] = ct_state_save(); next;',
    '2 0 reg4[0..7] == 0x25 => drop;',
  ];

  test('keeps what was found', () => {
    const conntrack = assumedConntrack({ ct: [parseCtState('trk,new,rel')] });
    const { text } = trace(flows, 'ip4 && udp', conntrack);
    expect(text).toContain('/* reg4[0..7] = 37; */');
    expect(text).toMatch(/ 2\. ingress_2: reg4\[0\.\.7\] == 0x25, priority 0, uuid \w{8}\n +drop;/);
  });

  test('keeps nothing of a packet that was not looked up', () => {
    const { text } = trace(
      ['0 0 1 => reg4[0..7] = ct_state_save(); next;', '1 0 reg4 == 0 => drop;'],
      'ip4 && ct.trk == 0',
    );
    expect(text).toContain('/* reg4[0..7] = 0; */');
    expect(text).toContain('1. ingress_1: reg4 == 0, ');
  });
});

describe('ct_commit_to_zone', () => {
  const flows = ['0 0 1 => ct_commit_to_zone(snat);', '1 10 ct.est => outport = "b"; output;', '1 0 1 => drop;'];

  test('the packet goes on in the next table with what --ct says', () => {
    const traced = trace(flows, 'ip4 && udp');
    expect(traced.text).toContain('\nct_commit_to_zone(snat) /* default (use --ct to customize) */\n');
    expect(outputs(traced)).toEqual(['b']);
    expect(outputs(trace(flows, 'ip4 && udp', assumedConntrack({ ct: [parseCtState('new')] })))).toEqual([]);
  });

  test('a tracker remembers the connection in that zone', () => {
    const conntrack = trackingConntrack();
    const find = (zone: string) =>
      outputs(
        trace(
          [
            `0 0 1 => ct_next(${zone});`,
            ...flows.slice(1, 2),
            '1 5 !ct.new => outport = "a"; flags.loopback = 1; output;',
            '1 0 1 => drop;',
          ],
          back,
          conntrack,
        ),
      );
    const there = 'ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 9 && udp.src == 1 && udp.dst == 2';
    const back = 'ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.1 && ip.ttl == 9 && udp.src == 2 && udp.dst == 1';
    expect(find('snat')).toEqual([]);
    trace(flows, there, conntrack);
    expect(find('dnat')).toEqual([]);
    expect(find('snat')).toEqual(['b']);
  });
});

test('what goes to other chassis is told, and that it was not followed', () => {
  const traced = trace(['0 0 1 => flood_remote; outport = "b"; output;'], 'ip4');
  expect(outputs(traced)).toEqual(['b']);
  expect(traced.text).toContain('    flood_remote;\n    /* Flood to all remote chassis */\n');
  expect(traced.result.gaps).toEqual([expect.stringContaining('flood_remote')]);
});

test.each(['sample(probability=65535,collector_set=1,obs_domain=2,obs_point=3);', 'mac_cache_use;'])(
  '%s changes nothing',
  (action) => {
    const traced = trace([`0 0 1 => ${action} outport = "b"; output;`], 'ip4');
    expect(outputs(traced)).toEqual(['b']);
    expect(traced.result.gaps).toEqual([]);
  },
);

test.each(['mirror("b");', 'reg1 = ct_nw_dst();'])('what %s does is not known', (action) => {
  const traced = trace([`0 0 1 => ${action} outport = "b"; output;`], 'ip4');
  expect(traced.result.gaps).toEqual([expect.stringContaining(action.replace(/;$/, ''))]);
});
