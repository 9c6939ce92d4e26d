/** By what a property's checks can be decided: by a part of the network alone, or only by more of it. */
import type { Policy, Selector, Settings, Worded } from '../policy/policy.ts';
import { builtInProperties } from '../properties/index.ts';
import type { Check, Property } from '../properties/property.ts';

/**
 * `part`: by the part that the check speaks of.  `wires`: so, too, if nothing that part sends outside concerns other
 * parts.  `owners`: by the part that has an address, if nobody else answers for it.  `found`: its checks are what the
 * analysis of each part finds.  `rows`: by rows alone, without following a packet.  `together`: by the whole network.
 */
export type Kind = 'part' | 'wires' | 'owners' | 'found' | 'rows' | 'together';

/** Properties of which it is known that a part decides them.  Whatever is not named here needs the whole network. */
export const kinds: Readonly<Record<string, Kind>> = {
  'tenant-isolation': 'wires',
  'inter-network-access': 'wires',
  'external-ingress-blocked': 'part',
  'external-egress': 'part',
  'external-egress-off': 'part',
  'no-transit': 'part',
  'infrastructure-unreachable': 'part',
  'masquerade-applied': 'part',
  'nat-reversed': 'part',
  'nat-unique': 'owners',
  'nat-scope': 'part',
  'nat-hairpin': 'part',
  'gateway-answers': 'part',
  'gateway-not-spoofable': 'part',
  'dhcp-served': 'part',
  'network-reachability': 'part',
  'source-guarded': 'part',
  'no-loop': 'found',
  'no-blackhole': 'part',
  'same-gateway-both-ways': 'part',
  'next-hop-valid': 'rows',
  'acl-effective': 'part',
  'ambiguous-flows': 'found',
  'dead-flows': 'part',
  'address-unique': 'rows',
  'subnet-overlap': 'rows',
  'mtu-fits': 'rows',
};

/** The kind of a property, which what a policy tells it may change. */
export function kindOf(property: Property, policy: Policy | undefined): Kind {
  const kind = kinds[property.id];
  if (kind === undefined || !builtInProperties.includes(property)) return 'together';
  return policy && speaksOfOthers(property.id, policy) ? 'together' : kind;
}

/** Whether a policy tells a property something that has another meaning where the rest of the network is not known. */
function speaksOfOthers(id: string, policy: Policy): boolean {
  const { settings } = policy.builtIn;
  const named = (list: readonly Worded<Selector>[]): boolean =>
    list.some(({ value }) => !isOfAddresses(value, policy, new Set()));
  switch (id) {
    case 'tenant-isolation':
      return settings.tenants !== undefined;
    case 'inter-network-access':
      return settings.separate.length + settings.joined.length > 0;
    case 'external-egress':
      return named([...ranges(settings.outside), ...settings.infrastructure]);
    case 'infrastructure-unreachable':
      return named([...settings.infrastructure, ...settings.reachable.map(({ cidr }) => cidr)]);
    case 'nat-hairpin':
      return named(ranges(settings.outsideOnly));
    case 'no-blackhole':
      return settings.lost.length > 0;
    default:
      return false;
  }
}

const ranges = (selector: Settings['outside']): Worded<Selector>[] => (selector ? [selector] : []);

/** Whether a selector is about addresses alone, and so the same everywhere. */
function isOfAddresses(selector: Selector, policy: Policy, seen: Set<string>): boolean {
  switch (selector.kind) {
    case 'prefix':
      return true;
    case 'not':
      return isOfAddresses(selector.term, policy, seen);
    case 'and':
    case 'or':
      return selector.terms.every((term) => isOfAddresses(term, policy, seen));
    case 'set': {
      if (seen.has(selector.name)) return true;
      seen.add(selector.name);
      const set = policy.sets.get(selector.name);
      return set !== undefined && isOfAddresses(set.value, policy, seen);
    }
    default:
      return false;
  }
}

/** What a check of a property is known by, in a part as in the whole network. */
export function keyOf({ id }: Property, { key, subject, source }: Omit<Check, 'judge'>): string {
  // Whom a tenant is separated from is not known to its part.
  if (id === 'tenant-isolation') return subject.split(' → ')[0] ?? subject;
  const places = source.map(({ file, line, column }) => `${file}:${line}:${column}`);
  return [key ?? '', subject, ...places].join('\n');
}
