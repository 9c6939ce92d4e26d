import { describe, expect, it } from 'vitest';
import type { LogicalFlow } from '../../../engine/ovsdb/southbound.ts';
import { gatewayAnswers } from '../../../sim/properties/gateway-answers.ts';
import { changedView, exampleView, verdicts, violationOf } from './views.ts';

const asItIs = () => {};

describe('a router passes on', () => {
  const example = 'field/dnat-port-range';
  const broken = (match: RegExp) =>
    changedView(example, asItIs, (flow: LogicalFlow) =>
      flow.stage === 'lr_in_ip_input' && match.test(flow.match) ? undefined : flow,
    );

  it.each([
    ['no frame to everybody', /^eth.bcast$/, /^a packet in a frame to everybody comes out of a router/],
    [
      'nothing from its own address',
      /^ip4.src == \{10.0.0.1, /,
      /^a packet with a source address that no host has comes/,
    ],
    ['nothing from nowhere', /ip4.src == 0.0.0.0\/8/, /^a packet with a/],
  ])('%s', (_, match, wanted) => {
    expect(verdicts(gatewayAnswers, exampleView(example, 'good'))).toContain('outside: gw: holds');
    expect(violationOf(gatewayAnswers, broken(match), 'outside: gw').sentence).toMatch(wanted);
  });

  it("nothing for another one's MAC address", () => {
    const view = changedView(example, asItIs, (flow) => {
      if (flow.stage === 'ls_in_l2_lkup' && flow.match === 'eth.dst == 0a:00:00:00:00:03')
        return { ...flow, match: '1' };
      const isOurs = flow.stage === 'lr_in_admission' && /eth.dst == .* inport == "gw-outside"$/.test(flow.match);
      return isOurs ? { ...flow, match: 'inport == "gw-outside"' } : flow;
    });
    expect(violationOf(gatewayAnswers, view, 'outside: gw').sentence).toMatch(
      /in a frame for another one's MAC address/,
    );
  });

  it('what has the address of another router on the switch: that is not known to it', () => {
    expect(verdicts(gatewayAnswers, exampleView('field/shared-uplink', 'good'))).toContain(
      'uplink: blue-router, red-router: holds',
    );
  });

  it('what a rule translates to one of its own addresses', () => {
    expect(verdicts(gatewayAnswers, exampleView('properties/masquerade-applied', 'good'))).toContain(
      'outside: gw: holds',
    );
  });
});
