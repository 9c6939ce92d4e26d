/** Patterns for packets that rules with items behind IP do not see: with the same demands before that, and no others. */
import { expect, test } from 'vitest';
import { fragmentsOf } from '../../engine/offload/fragments.ts';
import type { Item } from '../../engine/offload/rules.ts';

const eth: Item = { type: 'eth', spec: { has_vlan: 0 } };

test('all fragments of IPv4 but none of whole packets, of those to the same destination', () => {
  expect(fragmentsOf([eth, { type: 'ipv4', spec: { dst: '192.0.2.1' } }], false)).toEqual([
    [
      eth,
      {
        type: 'ipv4',
        spec: { dst: '192.0.2.1', fragment_offset: 1 },
        last: { fragment_offset: 0x3fff },
        mask: { fragment_offset: 0x3fff },
      },
    ],
  ]);
});

test('of IPv6 each header that may stand before that of TCP, fragments among them, whatever protocol was asked for', () => {
  const patterns = fragmentsOf([eth, { type: 'ipv6', spec: { dst: '2001:db8::1', proto: 6 } }], true);
  const asked = patterns.map(([first, second]) => {
    expect(first).toEqual(eth);
    expect(second).toMatchObject({ type: 'ipv6', spec: { dst: '2001:db8::1' } });
    return second?.type === 'ipv6' ? second.spec?.proto : undefined;
  });
  expect(asked).toContain(44);
  expect(asked).not.toContain(6);
  expect(new Set(asked).size).toBe(patterns.length);
});
