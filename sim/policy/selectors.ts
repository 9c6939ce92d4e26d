/** Selectors as they are written, into `Selector`: a map is AND, a list OR, a text the name of a set. */
import { quote } from '../../engine/spec/complain.ts';
import { formatPath, type Segment } from '../../engine/spec/paths.ts';
import type { NamesDocument, Reading, SelectorDocument, SelectorMap } from './document.ts';
import { type NameKey, nameKeys, type Prefix, type Selector, type Worded, type Written } from './policy.ts';
import { formatPrefix, hasHostBits, parsePrefix } from './prefix.ts';

/** Reads a selector; complains about addresses that are none. */
export function readSelector(document: SelectorDocument, path: readonly Segment[], reading: Reading): Worded<Selector> {
  const value = selectorOf(document, path, reading);
  return { value, text: textOf(document), ...written(path, reading) };
}

/** Any of several, or the one that there is. */
const anyOf = (terms: readonly Selector[]): Selector => (terms.length === 1 ? terms[0] : { kind: 'or', terms });

const written = (path: readonly Segment[], reading: Reading): Written => ({
  at: reading.at(path),
  path: formatPath(path),
});

function selectorOf(document: SelectorDocument, path: readonly Segment[], reading: Reading): Selector {
  if (typeof document === 'string') return { kind: 'set', name: document, ...written(path, reading) };
  if (Array.isArray(document)) {
    return anyOf(document.map((item, index) => selectorOf(item, [...path, index], reading)));
  }
  const terms = Object.keys(document).map((key) => termOf(document, key, [...path, key], reading));
  if (isAboutHosts(document)) terms.push({ kind: 'not', term: { kind: 'external' } });
  return terms.length === 1 ? terms[0] : { kind: 'and', terms };
}

/** What belongs to somebody is hosts; ports to the outside are meant where they are asked for. */
const isAboutHosts = ({ external, port, set, not, cidr, ...rest }: SelectorMap): boolean =>
  external === undefined && port === undefined && Object.keys(rest).length > 0;

const isNameKey = (key: string): key is NameKey => nameKeys.some((known) => known === key);

function termOf(document: SelectorMap, key: string, path: readonly Segment[], reading: Reading): Selector {
  if (isNameKey(key)) {
    return namesOf(document[key] ?? [], path, reading, (name, at) => ({ kind: 'name', key, name, ...at }));
  }
  switch (key) {
    case 'set':
      return namesOf(document.set ?? [], path, reading, (name, at) => ({ kind: 'set', name, ...at }));
    case 'cidr':
      return readPrefixes(document.cidr ?? [], path, reading);
    case 'external':
      return document.external === false ? { kind: 'not', term: { kind: 'external' } } : { kind: 'external' };
    case 'not':
      return { kind: 'not', term: selectorOf(document.not ?? [], path, reading) };
    default: {
      const labels = Object.entries(document.labels ?? {}).map(
        ([label, value]): Selector => ({ kind: 'label', key: label, value, ...written([...path, label], reading) }),
      );
      return { kind: 'and', terms: labels };
    }
  }
}

/** Ranges of addresses; complains about what is none. */
export function readPrefixes(document: NamesDocument, path: readonly Segment[], reading: Reading): Selector {
  return namesOf(document, path, reading, (text, at, place) => ({
    kind: 'prefix',
    prefix: prefixOf(text, place, reading),
    ...at,
  }));
}

function namesOf(
  document: NamesDocument,
  path: readonly Segment[],
  reading: Reading,
  make: (name: string, at: Written, path: readonly Segment[]) => Selector,
): Selector {
  if (typeof document === 'string') return make(document, written(path, reading), path);
  if (!Array.isArray(document)) {
    return { kind: 'not', term: namesOf(document.not, [...path, 'not'], reading, make) };
  }
  return anyOf(document.map((name, index) => make(name, written([...path, index], reading), [...path, index])));
}

const nowhere: Prefix = { family: 4, value: 0n, length: 32, text: '0.0.0.0' };

function prefixOf(text: string, path: readonly Segment[], reading: Reading): Prefix {
  const prefix = parsePrefix(text);
  if (!prefix) {
    const message = `${quote(text)} is neither an IP address nor a range of them`;
    reading.complain(path, { id: 'cidr-invalid', message, hint: 'write it as 10.0.0.0/8 or 2001:db8::/32' });
    return nowhere;
  }
  if (hasHostBits(prefix)) {
    const message = `${quote(text)} is an address inside of a range`;
    const hint = `write ${formatPrefix(prefix)} for the range, or ${text.split('/')[0]} for the address`;
    reading.complain(path, { id: 'cidr-host-bits', message, hint });
  }
  return prefix;
}

/** The selector in words: `web`, `vpc red, node worker1`, `port a or b`. */
function textOf(document: SelectorDocument): string {
  if (typeof document === 'string') return document;
  if (Array.isArray(document)) return document.map(textOf).join(' or ');
  return Object.entries(document)
    .map(([key, value]) => termText(key, value))
    .join(', ');
}

function termText(key: string, value: SelectorDocument | NamesDocument | Record<string, string> | boolean): string {
  if (key === 'external') return value === false ? 'not the outside' : 'the outside';
  if (typeof value === 'boolean') return '';
  if (key === 'not') return `not (${textOf(value as SelectorDocument)})`;
  if (key === 'labels') {
    return `labels ${Object.entries(value)
      .map(([label, wanted]) => `${label}=${String(wanted)}`)
      .join(' and ')}`;
  }
  return `${key === 'set' ? '' : `${key} `}${namesText(value as NamesDocument)}`;
}

function namesText(names: NamesDocument): string {
  if (typeof names === 'string') return names;
  return Array.isArray(names) ? names.join(' or ') : `not ${namesText(names.not)}`;
}
