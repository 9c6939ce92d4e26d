import { describe, expect, it } from 'vitest';
import { natUnique } from '../../../sim/properties/nat-unique.ts';
import { exampleView, verdicts, violationOf } from './views.ts';

const name = 'field/one-address-two-networks';

describe('a forward at an address of another router', () => {
  it('holds where it has an address of its own', () => {
    expect(verdicts(natUnique, exampleView(name, 'good'))).toEqual([
      '10.64.52.11: holds',
      '10.64.52.12: holds',
      '10.64.52.20: holds',
    ]);
  }, 120_000);

  it('is violated where it has not', () => {
    const view = exampleView(name, 'bad');
    expect(verdicts(natUnique, view)).toEqual(['10.64.52.11: violated', '10.64.52.12: holds']);
    expect(violationOf(natUnique, view, '10.64.52.11').sentence).toMatch(/is of port .* and of forward /);
  }, 120_000);
});
