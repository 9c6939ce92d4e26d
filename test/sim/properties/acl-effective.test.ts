import { describe, expect, it } from 'vitest';
import { aclEffective } from '../../../sim/properties/acl-effective.ts';
import { openView } from '../../../sim/properties/open-view.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { exampleView, verdicts, violationOf } from './views.ts';

describe('what is denied on its way to a port', () => {
  const good = () => exampleView('field/catch-all-allow', 'good');
  const subject = 'group, priority 100: outport == @group && ip4';

  it('does not arrive', () => {
    expect(verdicts(aclEffective, good())).toEqual([
      'isolation, priority 400: outport == @isolation && ip4.src == 10.99.2.0/24: holds',
      `${subject}: holds`,
    ]);
  }, 120_000);

  it('does, if the flow that drops it is not there', () => {
    const { southbound, northbound } = good();
    const flows = southbound.flows.filter(
      ({ stage, match }) => !(stage === 'ls_out_acl' && match.includes('outport == @group && ip4')),
    );
    expect(flows.length).toBeLessThan(southbound.flows.length);
    const view = openView(analyse(networkOf({ ...southbound, flows })), [], northbound);
    expect(violationOf(aclEffective, view, subject)).toMatchObject({
      kind: 'goes',
      sentence: 'a packet that it denies arrives at vm, of net',
    });
  }, 120_000);
});
