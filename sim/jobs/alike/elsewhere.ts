/** What parts know of each other, by the constants in it: who exchanges two parts must not change it. */
import { formatEthernet, formatIpv4, formatIpv6, parseEthernet } from '../../../engine/lang/addresses.ts';
import { routerName } from '../../../engine/vpc/names.ts';
import type { VpcPlan } from '../../../engine/vpc/plan.ts';
import { parseAddress } from '../../trace/addresses.ts';
import type { Elsewhere } from '../parts.ts';
import { wordsOf } from './constants.ts';
import type { Renaming } from './renaming.ts';

/** For all parts of a network. */
export interface ElsewhereIndex {
  /** The addresses of a router's port, in one way of writing them: each as its words. */
  readonly routers: ReadonlyMap<string, readonly string[]>;
  /** Of these, those that a word is in. */
  readonly byWord: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Tenants by the words and addresses in what is known of them. */
  readonly tenants: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Reads what is the same for all parts. */
export function indexElsewhere({ routers, plans }: Elsewhere): ElsewhereIndex {
  const known = new Map<string, readonly string[]>();
  const byWord = new Map<string, (readonly string[])[]>();
  for (const text of routers) {
    const words = text.trim().split(/\s+/).map(canonical);
    known.set(words.join(' '), words);
    for (const word of words) byWord.set(bare(word), [...(byWord.get(bare(word)) ?? []), words]);
  }
  const tenants = new Map<string, Set<string>>();
  for (const plan of plans) {
    for (const word of wordsIn(plan, new Set())) {
      tenants.set(word, (tenants.get(word) ?? new Set<string>()).add(routerName(plan.vpc)));
    }
  }
  return { routers: known, byWord, tenants };
}

/** An address, with the length of its prefix if it has one, as it is written here. */
function canonical(word: string): string {
  const [text = '', length] = word.split('/');
  const mac = parseEthernet(text);
  const address = parseAddress(text);
  const made = mac !== undefined ? formatEthernet(mac) : address ? formatAddress(address.family, address.value) : text;
  return length === undefined ? made : `${made}/${length}`;
}

const formatAddress = (family: 4 | 6, value: bigint): string => (family === 4 ? formatIpv4 : formatIpv6)(value);

const bare = (word: string): string => word.split('/')[0] ?? word;

function wordsIn(value: unknown, words: Set<string>): Set<string> {
  if (typeof value === 'string') {
    for (const word of [...wordsOf([value]), ...value.split(/\s+/).map((each) => bare(canonical(each)))])
      words.add(word);
  } else if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff) {
    words.add(formatIpv4(BigInt(value)));
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (key === 'origin' || key === 'manifest') continue;
      for (const word of wordsOf([key])) words.add(word);
      wordsIn(each, words);
    }
  }
  return words;
}

/**
 * Whether a renaming leaves all that is known of others: the addresses of routers as a whole, and each tenant but those
 * of the two parts.
 */
export function exchangeElsewhere(
  { routers, byWord, tenants }: ElsewhereIndex,
  { names, macs, ip4, ip6 }: Renaming,
  own: readonly VpcPlan[],
): boolean {
  const words = new Map<string, string>();
  const add = <T>(map: ReadonlyMap<T, T>, format: (value: T) => string): void => {
    for (const [one, other] of map) if (one !== other) words.set(format(one), format(other));
  };
  add(macs, formatEthernet);
  add(ip4, formatIpv4);
  add(ip6, formatIpv6);
  for (const word of words.keys()) {
    for (const text of byWord.get(word) ?? []) {
      const renamed = text.map((each) => {
        const [address = '', length] = each.split('/');
        const made = words.get(address) ?? address;
        return length === undefined ? made : `${made}/${length}`;
      });
      if (!routers.has(renamed.join(' '))) return false;
    }
  }
  add(names, (name) => name);
  const mine = new Set(own.map(({ vpc }) => routerName(vpc)));
  return [...words.keys()].every((word) => [...(tenants.get(word) ?? [])].every((tenant) => mine.has(tenant)));
}
