import { describe, expect, it } from 'vitest';
import { noLoop } from '../../../sim/properties/no-loop.ts';
import { network, node, resourcesOf, vf, vpc } from '../../topology.ts';
import { exampleView, manifestView, verdicts } from './views.ts';

describe.each(['properties/no-loop', 'properties/no-loop-learned'])(
  'a range of which a router has one network, %s',
  (name) => {
    it('holds where the rest is discarded', () => {
      expect(verdicts(noLoop, exampleView(name, 'good'))).toEqual([expect.stringMatching(/: holds$/)]);
    }, 120_000);

    it('goes round between the routers where it is not', () => {
      expect(verdicts(noLoop, exampleView(name, 'bad')).sort()).toEqual(['gw, lr: violated', 'lr, gw: violated']);
    }, 120_000);
  },
);

describe('a VPC', () => {
  it('has no loop', () => {
    const resources = resourcesOf(
      vpc('red'),
      network('red-a', 'red', '10.1.0.0/24'),
      vf('red-a', 2),
      node('n0', 'red'),
    );
    expect(verdicts(noLoop, manifestView(resources))).toEqual(['default/red, default/red@n0: holds']);
  }, 120_000);
});
