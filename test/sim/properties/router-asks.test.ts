import { describe, expect, it } from 'vitest';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import { gatewayAnswers } from '../../../sim/properties/gateway-answers.ts';
import { changedView, rows, verdicts, violationOf } from './views.ts';

const asItIs = () => {};
const without = (stage: string, match: RegExp) => (flow: LogicalFlow) =>
  flow.stage === stage && match.test(flow.match) ? undefined : flow;

describe('a router asks for whom it does not know', () => {
  const example = 'properties/gateway-answers';

  it.each([
    ['lr_in_arp_request', /00:00:00:00:00:00 && ip4$/],
    ['lr_in_arp_resolve', /^ip4$/],
    ['ls_in_l2_lkup', /arp.op == 1 \|\| rarp.op == 3|^eth.mcast$/],
  ])('and nobody hears it without %s', (stage, match) => {
    const view = changedView(example, asItIs, without(stage, match));
    expect(violationOf(gatewayAnswers, view, 'net: lr-net').sentence).toBe(
      'what the router asks for an address of net that it does not know, vm does not hear',
    );
  });

  it('but not where an address inside its network has a route of its own', () => {
    const routed = changedView(example, (nb) => {
      const uuid = '00000000-0000-4000-8000-0000000000dd';
      const row = { uuid, ip_prefix: '10.0.0.128/25', nexthop: '10.0.0.5', route_table: '', policy: undefined };
      const rest = { bfd: undefined, output_port: undefined, options: {}, external_ids: {} };
      nb.Logical_Router_Static_Route.set(uuid, { ...row, ...rest } as never);
      for (const one of rows(nb, 'Logical_Router', () => true)) one.static_routes.push(uuid);
    });
    expect(verdicts(gatewayAnswers, routed)).toContain('net: lr-net: holds');
  });

  it('on a wire, for what hosts send out', () => {
    const swallowed = (flow: LogicalFlow) =>
      flow.stage === 'ls_in_arp_rsp' && flow.priority === 50 && /arp.tpa == 203.0.113.2 /.test(flow.match)
        ? { ...flow, match: 'arp.op == 1' }
        : flow;
    const view = changedView('properties/no-transit', asItIs, swallowed);
    expect(violationOf(gatewayAnswers, view, 'isp1: gw-isp1').sentence).toBe(
      'what the router asks for an address of isp1 that it does not know, uplink1 does not hear',
    );
  });
});
