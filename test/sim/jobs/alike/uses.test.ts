import { describe, expect, test } from 'vitest';
import type { LogicalFlow, Southbound } from '../../../../engine/ovsdb/southbound.ts';
import { usesOf } from '../../../../sim/jobs/alike/uses.ts';

type Line = readonly [table: number, match: string, actions: string];

/** A router with these flows in its ingress pipeline. */
function southbound(lines: readonly Line[]): Southbound {
  const flows = lines.map(
    ([table, match, actions], index): LogicalFlow => ({
      uuid: `${index}`,
      datapath: 'router',
      pipeline: 'ingress',
      table,
      stage: `t${table}`,
      priority: 1,
      match,
      actions,
      source: '',
    }),
  );
  return {
    datapaths: [{ uuid: 'router', name: 'r', kind: 'router', tunnelKey: 1, northboundUuid: '', externalIds: {} }],
    ports: [],
    flows,
    multicastGroups: [],
    addressSets: new Map([['some', ['10.0.0.1', '10.1.0.0/16']]]),
    portGroups: new Map(),
    dhcpOptions: [],
    dhcpv6Options: [],
    macBindings: [],
    staticMacBindings: [],
    fdb: [],
    origins: new Map(),
  };
}

describe('addresses are compared and copied', () => {
  const cases: Record<string, Line[]> = {
    'in headers and whole registers': [
      [0, 'ip4.dst == 10.0.0.0/8', 'reg0 = ip4.dst; reg1 = 10.0.0.1; next;'],
      [1, 'reg0 == 10.0.0.2', 'eth.dst = 02:00:00:00:00:01; next;'],
      [1, 'ip4', 'get_arp(outport, reg0); next;'],
      [2, 'ip4', 'arp { eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = reg1; arp.tpa = reg0; arp.op = 1; output; };'],
    ],
    'by turns in one register': [
      [0, 'eth.dst == 02:00:00:00:00:01', 'xreg0[0..47] = 02:00:00:00:00:01; next;'],
      [1, 'arp', 'eth.src = xreg0[0..47]; output;'],
      [1, 'ip4', 'reg0 = ip4.dst; reg1 = ip4.src; next;'],
      [1, 'ip6', 'xxreg0 = ip6.dst; next;'],
      [2, 'ip6 && xxreg0 == fe80::1', 'next;'],
      [2, 'reg0 == 10.0.0.1', 'next;'],
    ],
    'and flags are beside them': [
      [0, 'ip4', 'reg0 = ip4.dst; reg9[1] = 1; reg8[0..15] = 7; next;'],
      [1, 'reg9[1] == 1 && reg8[0..15] == 7', 'output;'],
    ],
  };
  test.each(Object.entries(cases))('%s', (_, lines) => {
    expect(usesOf(southbound(lines))).toBeDefined();
  });

  test('what they are compared with is told', () => {
    const uses = usesOf(
      southbound([
        [0, 'ip4.src == $some && ip6.dst == fe80::/10', 'drop;'],
        [0, 'ip4.dst < 0.0.0.8 && eth.dst[40]', 'drop;'],
        [0, 'ip6.src == fd00::1', 'ip6.dst = fd00::2; output;'],
      ]),
    );
    const told = uses?.masked.map(({ sort, value, mask }) => `${sort} ${value.toString(16)}/${mask.toString(16)}`);
    expect(told?.sort()).toEqual([
      'ip4 0/fffffff8',
      'ip4 a010000/ffff0000',
      'ip6 fe800000000000000000000000000000/ffc00000000000000000000000000000',
      'mac 0/10000000000',
    ]);
    expect([...(uses?.exact6 ?? [])].map((value) => value & 0xffn).sort()).toEqual([1n, 2n]);
  });
});

describe('addresses are put to another use', () => {
  const cases: Record<string, Line[]> = {
    'some bits of a register that has one are compared': [
      [0, 'ip4', 'reg0 = ip4.dst; next;'],
      [1, 'reg0[0..7] == 5', 'drop;'],
    ],
    'another kind of address is compared with': [
      [0, 'ip6', 'xxreg0 = ip6.dst; next;'],
      [1, 'reg2 == 10.0.0.1', 'drop;'],
    ],
    'one becomes one of another kind': [
      [0, 'ip4', 'reg0 = ip4.dst; reg1 = ip4.src; next;'],
      [1, 'ip4', 'eth.dst = xreg0[0..47]; output;'],
    ],
    'some bits are copied': [[0, 'ip4', 'ip4.dst[0..7] = ip4.src[0..7]; output;']],
    'some bits are written': [[0, 'ip4', 'ip4.dst[0..7] = 1; output;']],
    'a number becomes one': [
      [0, 'ip4', 'reg0 = 7; next;'],
      [1, 'ip4', 'ip4.dst = reg0; output;'],
    ],
    'one is remembered with a connection': [[0, 'ip4', 'ct_commit { ct_label.ecmp_reply_eth = eth.src; }; next;']],
    'packets go back': [
      [0, '1', 'next;'],
      [1, '1', 'next(pipeline=ingress, table=0);'],
    ],
    'a flow is not understood': [[0, 'ip4.nonsense', 'drop;']],
    'something happens that nobody knows': [[0, 'ip4', 'mirror("x");']],
  };
  test.each(Object.entries(cases))('%s', (_, lines) => {
    expect(usesOf(southbound(lines))).toBeUndefined();
  });

  test('and so a set has one that is written in another way', () => {
    const sets = { ...southbound([[0, '1', 'drop;']]), addressSets: new Map([['some', ['FD00::1']]]) };
    expect(usesOf(sets)).toBeUndefined();
  });
});
