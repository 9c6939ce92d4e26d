/** Names, labels and annotations: what Kubernetes lets through (RFC 1123, and its own rules for labels). */
import { type Complain, quote } from './complain.ts';
import type { Metadata, SelectorDocument } from './documents.ts';
import { formatPath } from './paths.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const isLabel = (text: string): boolean => text.length <= 63 && label.test(text);

const isSubdomain = (text: string): boolean => text.length <= 253 && text.split('.').every((part) => label.test(part));

const nameHint = 'use lower-case letters, digits, - and ., beginning and ending with a letter or digit';
const labelHint = 'use at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit';

/** Complains about a resource's name, namespace, labels and annotations. */
export function checkMetadata({ name, namespace, labels = {}, annotations = {} }: Metadata, complain: Complain): void {
  if (!isSubdomain(name)) {
    const message = `${quote(name)} cannot be a name`;
    complain({ id: 'invalid-name', path: 'metadata.name', message, hint: nameHint });
  }
  if (namespace !== undefined && !isLabel(namespace)) {
    const message = `${quote(namespace)} cannot be a namespace`;
    complain({ id: 'invalid-name', path: 'metadata.namespace', message, hint: labelHint });
  }
  checkLabels(labels, ['metadata', 'labels'], complain);
  checkKeys(annotations, ['metadata', 'annotations'], complain);
  const size = Object.entries(annotations).reduce((total, [key, value]) => total + key.length + value.length, 0);
  if (size > maxAnnotations) {
    const message = `the annotations are too long: ${size} characters`;
    const hint = `at most ${maxAnnotations} are stored`;
    complain({ id: 'invalid-annotation', path: 'metadata.annotations', message, hint }, 'key');
  }
}

/** Bytes of all annotations of a resource. */
const maxAnnotations = 256 * 1024;

/** Complains about what a label selector asks for. */
export function checkSelector(selector: SelectorDocument, path: string[], complain: Complain): void {
  checkLabels(selector.matchLabels ?? {}, [...path, 'matchLabels'], complain);
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = [...path, 'matchExpressions', index];
    checkKey(key, formatPath([...at, 'key']), 'value', complain);
    for (const [item, value] of values.entries()) checkValue(value, formatPath([...at, 'values', item]), complain);
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues !== values.length > 0) {
      const message = needsValues ? `${operator} needs values to compare with` : `${operator} compares with no values`;
      const hint = needsValues ? 'list them in values' : 'remove values';
      complain({ id: 'invalid-selector', path: formatPath(at), message, hint });
    }
  }
}

function checkLabels(labels: Record<string, string>, path: string[], complain: Complain): void {
  checkKeys(labels, path, complain);
  for (const [key, value] of Object.entries(labels)) checkValue(value, formatPath([...path, key]), complain);
}

function checkKeys(labels: Record<string, string>, path: string[], complain: Complain): void {
  for (const key of Object.keys(labels)) checkKey(key, formatPath([...path, key]), 'key', complain);
}

const word = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function checkKey(key: string, path: string, at: 'key' | 'value', complain: Complain): void {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const isFine = parts.length <= 2 && (parts.length === 1 || isSubdomain(parts[0])) && isWord(name);
  if (isFine) return;
  const hint = 'use a name of at most 63 letters, digits, -, _ and ., with a domain and / before it if need be';
  complain({ id: 'invalid-label', path, message: `${quote(key)} cannot be the key of a label`, hint }, at);
}

const isWord = (text: string): boolean => text.length <= 63 && word.test(text);

function checkValue(value: string, path: string, complain: Complain): void {
  if (value === '' || isWord(value)) return;
  const hint = 'use at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit';
  complain({ id: 'invalid-label', path, message: `${quote(value)} cannot be the value of a label`, hint });
}
