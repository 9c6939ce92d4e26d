/**
 * Writes engine/spec/schemas.ts from the CustomResourceDefinitions in this
 * folder, because the engine may not read files:
 *
 *     node deploy/crds/generate.mjs
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const folder = new URL('./', import.meta.url);
const target = new URL('../../engine/spec/schemas.ts', import.meta.url);

/** The definitions in this folder, in the order of their files' names. */
export function definitions() {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  return files.sort().map((file) => parse(readFileSync(new URL(file, folder), 'utf8')));
}

/** The text that engine/spec/schemas.ts should have. */
export function schemasSource() {
  const entries = definitions().map((definition) => {
    const { group, names, scope, versions } = definition.spec;
    const [{ name: version, schema }] = versions;
    return [names.kind, { group, version, scope, schema: validation(schema.openAPIV3Schema) }];
  });
  const table = print(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))), '', 'export const schemas = ');
  return `// Written by deploy/crds/generate.mjs from the definitions beside it; change those and run it.\n
/** What validates each kind: the OpenAPI schema of its CustomResourceDefinition without its prose and its status. */
export const schemas = ${table} as const;\n`;
}

/** What a schema says about values; the state of an object is its controllers' business. */
function validation(schema) {
  const { status, ...properties } = schema.properties;
  const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return bare({ ...schema, properties: status ? { ...properties, status: free } : properties });
}

function bare(schema) {
  const { description, properties, items, additionalProperties, ...rest } = schema;
  const { 'x-kubernetes-validations': rules, ...keywords } = rest;
  return {
    ...keywords,
    ...(properties && { properties: mapValues(properties, bare) }),
    ...(items && { items: bare(items) }),
    ...(additionalProperties && { additionalProperties: bare(additionalProperties) }),
  };
}

const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

/** A value as the formatter would write it: on one line where it fits. */
export function print(value, indent, before) {
  const line = printLine(value);
  if (`${indent}${before}${line},`.length <= 120) return line;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${print(item, inner, '')},\n`);
    return `[\n${items.join('')}${indent}]`;
  }
  const fields = Object.entries(value).map(([key, field]) => {
    const name = `${printKey(key)}: `;
    return `${inner}${name}${print(field, inner, name)},\n`;
  });
  return `{\n${fields.join('')}${indent}}`;
}

function printLine(value) {
  if (typeof value === 'string') return printText(value);
  if (Array.isArray(value)) return `[${value.map(printLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value).map(([key, field]) => `${printKey(key)}: ${printLine(field)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

const printKey = (key) => (/^[A-Za-z_$]\w*$/.test(key) ? key : printText(key));

const printText = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  writeFileSync(target, schemasSource());
}
