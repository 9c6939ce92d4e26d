/** The terms of a match, to take one out: `a && (b || c)` has two, `a && b || c` is one. */

/** The terms that `&&` joins outside of brackets and strings. */
export function termsOf(match: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < match.length; at++) {
    const char = match[at] as string;
    if (char === '"') isText = !isText;
    if (isText) continue;
    if ('({['.includes(char)) depth += 1;
    if (')}]'.includes(char)) depth -= 1;
    if (depth > 0) continue;
    if (match.startsWith('||', at)) return [match.trim()];
    if (!match.startsWith('&&', at)) continue;
    terms.push(match.slice(start, at).trim());
    start = at + 2;
    at += 1;
  }
  return [...terms, match.slice(start).trim()];
}

/** How many bits a test of a field fixes, as far as that can be seen in a term; the first that fits. */
const bitsOf: readonly (readonly [RegExp, number])[] = [
  [/!/, 1],
  [/\b(ip6\.(src|dst)|nd\.target|xxreg\d)\b/, 128],
  [/\b(eth\.(src|dst)|arp\.[st]ha|nd\.[st]ll)\b/, 48],
  [/\b(ip4\.(src|dst)|arp\.[st]pa|reg\d+)\b/, 32],
  [/\b(inport|outport)\b/, 20],
  [/\b(tcp|udp|sctp)\.(src|dst)\b/, 17],
  [/\b(eth\.type|ip4|ip6|arp|nd\w*|icmp[46]?\S*|udp|tcp|sctp)\b/, 16],
];

/** Fewer bits for a prefix, and for a choice of several values. */
function bits(term: string): number {
  const [, width = 2] = bitsOf.find(([pattern]) => pattern.test(term)) ?? [];
  const [, prefix = ''] = /\/(\d+)\s*[)}]?$/.exec(term) ?? [];
  const several = /[{|]/.test(term) ? 2 : 0;
  return (prefix === '' ? width : Math.min(width, Number(prefix))) - several;
}

/** The match without the term that fewest packets meet; undefined if it has but one. */
export function withoutMostSelective(match: string): string | undefined {
  const terms = termsOf(match);
  if (terms.length < 2) return undefined;
  const most = Math.max(...terms.map(bits));
  const at = terms.findIndex((term) => bits(term) === most);
  return terms.filter((_, index) => index !== at).join(' && ');
}

/** The match widened: to all packets, and to all that meet the other terms.  None of one that is `1`. */
export function widened(match: string): { how: string; match: string }[] {
  if (match === '1') return [];
  const rest = withoutMostSelective(match);
  return [{ how: 'widened to 1', match: '1' }, ...(rest ? [{ how: 'widened by a term', match: rest }] : [])];
}
