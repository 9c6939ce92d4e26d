/**
 * What a policy says of the built-in properties: which are checked, and which of
 * their findings are excused, by whom and until when.
 */
import type { NetworkPort } from '../symbolic/index.ts';
import type { Finding } from '../verdict.ts';
import type { Inventory, Place } from './inventory.ts';
import type { Exception, Policy, Selector } from './policy.ts';
import { isMeant, unknownNames } from './select.ts';

/** Whether a built-in property is checked; all are without a policy. */
export function isEnabled(id: string, policy: Policy | undefined): boolean {
  if (!policy) return true;
  const { enable, disable } = policy.builtIn;
  return (enable === 'all' || enable.includes(id)) && !disable.includes(id);
}

/** Whether the last day of an exception is over; `today` is `YYYY-MM-DD`. */
export const isExpired = ({ until }: Exception, today: string): boolean => until !== undefined && until < today;

/**
 * The finding, excused if an exception that has not expired is about it: about the property, and about
 * something that the subject names (`default/red`, or `default/red → default/blue` of a pair), or
 * one of the ports in question.
 */
export function excused(
  finding: Finding,
  policy: Policy,
  inventory: Inventory,
  today: string,
  ports: readonly NetworkPort[] = [],
): Finding {
  if (finding.verdict !== 'violated' && finding.verdict !== 'unknown') return finding;
  const about = { subject: finding.subject, ports, policy, inventory };
  const exception = policy.builtIn.except.find(
    (each) => each.id === finding.id && !isExpired(each, today) && isAbout(each, about),
  );
  if (!exception) return finding;
  const { reason, until } = exception;
  return { ...finding, excused: { reason, ...(until !== undefined && { until }) } };
}

interface About {
  readonly subject: string;
  readonly ports: readonly NetworkPort[];
  readonly policy: Policy;
  readonly inventory: Inventory;
}

function isAbout({ on, from, to }: Exception, about: About): boolean {
  const [sender = '', ...rest] = about.subject.split('→');
  const receiver = rest.join(' ');
  return (
    (!on || names(on.value, about.subject, about.ports, about)) &&
    (!from || names(from.value, sender, [], about)) &&
    (!to || names(to.value, receiver, [], about))
  );
}

/** Whether a text, or one of the ports, names something that a selector means, or what that is part of. */
function names(
  selector: Selector,
  text: string,
  ports: readonly NetworkPort[],
  { policy, inventory }: Omit<About, 'subject'>,
): boolean {
  if (unknownNames(selector, policy, inventory).length > 0) return false;
  const words = new Set(text.split(/[\s,:→]+/).filter((word) => word !== ''));
  const asked = new Set(ports.map(({ name }) => name));
  return [...inventory.edges, ...inventory.ways].some(
    (place) => (asked.has(place.name) || isNamed(place, words)) && isMeant(selector, place, policy),
  );
}

const isNamed = ({ name, names: all }: Place, words: ReadonlySet<string>): boolean =>
  words.has(name) || Object.values(all).some((each) => each.some((one) => words.has(one)));
