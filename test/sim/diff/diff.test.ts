import { describe, expect, test } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import type { Southbound } from '../../../engine/ovsdb/southbound.ts';
import { type Change, type DiffSide, diffNetworks, diffText } from '../../../sim/diff/index.ts';
import { masqueraded, neighbours, twoNetworks } from '../../networks.ts';
import { addPort } from '../../northd/router/build.ts';
import { addAcl, logicalSwitch } from '../../northd/topologies.ts';

const side = (northbound: Northbound): DiffSide => ({
  southbound: computeSouthbound(northbound).southbound,
  northbound,
});

/** A network with something done to it. */
function changed(make: () => Northbound, change: (nb: Northbound) => void): DiffSide {
  const nb = make();
  change(nb);
  return side(nb);
}

const noWeb = (nb: Northbound) => addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'tcp.dst == 443', 'drop');

/** A change without its packet, in a line. */
const line = ({ kind, from, to, traffic, made }: Change): string =>
  `${kind} ${from} > ${to}: ${made === undefined ? '' : `${made} for `}${traffic.join('; ')}`;

/** A southbound database with some of its flows changed. */
const withFlows = (
  { southbound }: DiffSide,
  change: (flows: Southbound['flows']) => Southbound['flows'],
): DiffSide => ({
  southbound: { ...southbound, flows: change(southbound.flows) },
});

describe('an ACL that denies a port of TCP', () => {
  const [old, now] = [side(twoNetworks()), changed(twoNetworks, noWeb)];

  test('is newly denied from and to the hosts of its switch, and nothing else is', () => {
    const { verdict, ports, changes, doubts } = diffNetworks(old, now);
    expect({ verdict, ports, doubts }).toEqual({ verdict: 'changed', ports: { new: [], gone: [] }, doubts: [] });
    expect(changes.map(line).sort()).toEqual(['denied blue > red: tcp/443', 'denied red > blue: tcp/443']);
    const [change] = changes.filter(({ from }) => from === 'red');
    expect(change).toMatchObject({
      senders: ['red1', 'red2'],
      receivers: ['blue1'],
      forged: true,
      obstacle: 'an ACL of blue (priority 1001) denies it: tcp.dst == 443',
      sample: {
        inport: 'red1',
        outport: 'blue1',
        summary: 'tcp 10.0.0.11:49152 > 10.1.0.11:443, from 02:00:00:00:00:01 to 02:00:00:00:ff:00',
        replayed: { tracer: true },
      },
    });
  });

  test('the other way round is newly allowed', () => {
    const { changes } = diffNetworks(now, old);
    expect(changes.map(line).sort()).toEqual(['allowed blue > red: tcp/443', 'allowed red > blue: tcp/443']);
    expect(changes.map(({ obstacle }) => obstacle)).toEqual(
      changes.map(() => 'an ACL of blue (priority 1001) denies it: tcp.dst == 443'),
    );
  });

  test('the text names the packet and what is in its way', () => {
    const text = diffText(diffNetworks(old, now));
    expect(text).toMatch(/^CHANGED: 2 newly denied\.\n\nNewly denied from /);
    expect(text).toMatch(/^ {4}inport == "red1" && .* tcp\.dst == 443 && tcp\.flags == 2$/m);
    expect(text).toMatch(/^ {4}now: an ACL of blue \(priority 1001\) denies it: tcp\.dst == 443$/m);
  });
});

describe('nothing has changed', () => {
  test('of a network that is the same', () => {
    const diff = diffNetworks(side(twoNetworks()), side(twoNetworks()));
    expect(diff).toEqual({ verdict: 'same', ports: { new: [], gone: [] }, changes: [], doubts: [] });
    expect(diffText(diff)).toMatch(/^NOTHING CHANGED: /);
  });

  test('of a network whose flows say the same otherwise', () => {
    const now = changed(twoNetworks, (nb) =>
      addAcl(nb, logicalSwitch(nb, 'blue'), 'to-lport', 1001, 'ip4.dst == 10.9.9.9 && ip6', 'drop'),
    );
    expect(diffNetworks(side(twoNetworks()), now).verdict).toBe('same');
  });
});

test('a host that is new is told as such, and nothing that is its own', () => {
  const now = changed(twoNetworks, (nb) => addPort(nb, 'red', 'red3', ['02:00:00:00:00:04 10.0.0.13']));
  const [before, gone] = [diffNetworks(side(twoNetworks()), now), diffNetworks(now, side(twoNetworks()))];
  expect(before).toMatchObject({
    verdict: 'changed',
    ports: { new: [{ name: 'red3', group: 'red' }], gone: [] },
    changes: [],
  });
  expect(gone.ports).toEqual({ new: [], gone: [{ name: 'red3', group: 'red' }] });
  expect(diffText(gone)).toBe('CHANGED: 1 port gone.\n\nPort that is gone: red3 on red\n');
});

test('a way to the outside that is gone is told with its traffic', () => {
  const now = changed(masqueraded, (nb) => {
    for (const port of nb.Logical_Switch_Port.values()) {
      if (port.name !== 'wire') continue;
      nb.Logical_Switch_Port.delete(port._uuid);
      for (const one of nb.Logical_Switch.values()) one.ports = one.ports.filter((uuid) => uuid !== port._uuid);
    }
  });
  const { ports, changes } = diffNetworks(side(masqueraded()), now);
  expect(ports.gone).toEqual([{ name: 'wire', group: 'outside (physnet)' }]);
  expect(changes.map(({ kind, from, to }) => `${kind} ${from} > ${to}`).sort()).toEqual([
    'denied inside > outside (physnet)',
    'denied outside (physnet) > inside',
    'denied outside (physnet) > outside (physnet)',
  ]);
  expect(changes.find(({ from }) => from === 'inside')).toMatchObject({
    sample: { inport: 'host', outport: 'wire', replayed: { tracer: true } },
  });
});

test('answers of routers are told where nothing else differs', () => {
  const now = changed(masqueraded, (nb) => nb.NAT.clear());
  const { changes } = diffNetworks(side(masqueraded()), now);
  expect(changes.length).toBeGreaterThan(0);
  expect(changes.every(({ made }) => made !== undefined)).toBe(true);
});

describe('what was not understood', () => {
  const strange = (text: DiffSide): DiffSide =>
    withFlows(text, (flows) =>
      flows.map((flow) =>
        flow.stage === 'ls_out_acl' && flow.priority === 2001 ? { ...flow, actions: 'make_coffee;' } : flow,
      ),
    );

  test('leaves the verdict unknown, with the reason', () => {
    const diff = diffNetworks(changed(twoNetworks, noWeb), strange(changed(twoNetworks, noWeb)));
    expect(diff.doubts.length).toBeGreaterThan(0);
    expect(diff.changes).toEqual([]);
    expect(diff.verdict).toBe('unknown');
    expect(diffText(diff)).toMatch(/^UNKNOWN: .*\n\nNot known, because .*tcp\.dst == 443/);
  });

  test('does not matter where it is written the same on both sides', () => {
    const both = strange(changed(twoNetworks, noWeb));
    expect(diffNetworks(both, both).verdict).toBe('same');
  });
});

test('a part of the network that is the same is not followed again', () => {
  const seen: string[] = [];
  const now = changed(neighbours, (nb) => addAcl(nb, logicalSwitch(nb, 'inside-a'), 'to-lport', 1001, 'udp', 'drop'));
  const { changes } = diffNetworks(side(neighbours()), now, { onProgress: (what) => seen.push(what) });
  expect(seen.filter((what) => what.includes('of 2 parts'))).toEqual([]);
  expect(seen.filter((what) => what.endsWith('0 of 1 parts'))).toHaveLength(2);
  expect(changes.map(({ kind, to }) => `${kind} ${to}`)).toContain('denied inside-a');
});
