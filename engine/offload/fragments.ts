/** What hardware cannot look into: packets without the header that rules ask for, because it is not in them or behind others. */
import type { Item } from './rules.ts';

/** Patterns that take what rules with items behind IP do not see: fragments, and IPv6 with headers between. */
export function fragmentsOf(items: readonly Item[], isIp6: boolean): Item[][] {
  if (!isIp6) {
    return [
      items.map((item) =>
        item.type === 'ipv4'
          ? {
              ...item,
              spec: { ...item.spec, fragment_offset: 1 },
              last: { fragment_offset: 0x3fff },
              mask: { ...item.mask, fragment_offset: 0x3fff },
            }
          : item,
      ),
    ];
  }
  // Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6: RFC 7045.
  const between = [0, 43, 44, 51, 60, 135, 139, 140];
  return between.map((proto) =>
    items.map((item) => (item.type === 'ipv6' ? { ...item, spec: { ...item.spec, proto } } : item)),
  );
}
