import { describe, expect, it } from 'vitest';
import { computeSouthbound } from '../../../engine/northd/index.ts';
import type { Northbound } from '../../../engine/ovsdb/northbound.ts';
import { ambiguousFlows } from '../../../sim/properties/ambiguous-flows.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import type { View } from '../../../sim/properties/view.ts';
import { analyse, fieldIndex, networkOf } from '../../../sim/symbolic/index.ts';
import { addPort, addRouter, addRouterPort, addSwitch, attach, northbound } from '../../northd/router/build.ts';
import { viewOf, violationOf } from './views.ts';

/** Two hosts and a router on a switch that looks after groups. */
function snooping(config: Record<string, string> = {}, secured = false): Northbound {
  const nb = northbound();
  addSwitch(nb, 'net', { other_config: { mcast_snoop: 'true', ...config } });
  for (const n of [1, 2]) {
    const address = `02:00:00:00:00:0${n} 10.0.0.${n} fd00::${n}`;
    addPort(nb, 'net', `h${n}`, [address], secured ? { port_security: [address] } : {});
  }
  addRouter(nb, 'r');
  addRouterPort(nb, 'r', 'r-net', '02:00:00:00:00:ff', ['10.0.0.254/24', 'fd00::ff/64']);
  attach(nb, 'net', 'r-net');
  return nb;
}

/** What is found, with its severity where it is not the property's: by subject. */
const found = (view: View): string[] =>
  [...ambiguousFlows.checks(view)].map(
    (check) => `${check.subject}: ${check.judge().verdict} ${check.severity ?? ambiguousFlows.severity}`,
  );

const subject = 'net ls_in_l2_lkup';

describe('a switch that looks after groups, with a router', () => {
  it.each([false, true])('has flows of its own that overlap, of which it is told that no row is wrong', (secured) => {
    const view = viewOf(snooping({}, secured));
    expect(found(view)).toEqual([`${subject}: violated info`]);
    const { sentence } = violationOf(ambiguousFlows, view, subject);
    expect(sentence).toContain('no row is wrong');
    expect(sentence).toMatch(/\(flags\[1\] == 0 && nd_ns && nd\.target == [0-9a-f:]+; ip4\.mcast \|\| ip6\.mcast\)/);
  });

  it('does so for no packet that a host sends: solicitations that go to the address that they are to go to', () => {
    const { analysis } = viewOf(snooping());
    const { space } = analysis;
    const is = (field: string, value: bigint, mask: bigint) => space.cube([{ field: fieldIndex(field), value, mask }]);
    const solicited = is('ip6.dst', 0xff02_0000_0000_0000_0000_0001_ff00_0000n, (1n << 128n) - (1n << 24n));
    const solicitations = space.and(is('ip.proto', 58n, 0xffn), is('icmp.type', 135n, 0xffn));
    expect(analysis.ambiguous.length).toBeGreaterThan(0);
    for (const { packets } of analysis.ambiguous) {
      expect(space.isSubset(packets, space.diff(solicitations, solicited))).toBe(true);
      expect(space.isSubset(packets, is('ip6.dst', 0xffn << 120n, 0xffn << 120n))).toBe(true);
    }
  });

  it('has none where what nobody joined goes to all', () => {
    expect(found(viewOf(snooping({ mcast_flood_unregistered: 'true' })))).toEqual(['all datapaths: holds error']);
  });

  it('is told of as an error where rows are to blame, too', () => {
    const nb = snooping();
    addPort(nb, 'net', 'double', ['02:00:00:00:00:01']);
    const view = viewOf(nb);
    expect(found(view)).toEqual([`${subject}: violated error`]);
    expect(violationOf(ambiguousFlows, view, subject).sentence).toContain('(eth.dst == 02:00:00:00:00:01; ');
  });

  it('is told of as an error where solicitations that hosts send are left to chance', () => {
    const { southbound } = computeSouthbound(snooping());
    const flows = southbound.flows.filter(({ match }) => match !== 'ip6.mcast_flood');
    expect(flows).toHaveLength(southbound.flows.length - 1);
    expect(found(openView(analyse(networkOf({ ...southbound, flows })), []))).toEqual([`${subject}: violated error`]);
  });
});
