/**
 * Writes sim/policy/schema.ts from policy.schema.json in this folder, because
 * the simulator may not read files:
 *
 *     node deploy/schemas/generate.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { print } from '../crds/generate.mjs';

const source = new URL('./policy.schema.json', import.meta.url);
const target = new URL('../../sim/policy/schema.ts', import.meta.url);

/** The text that sim/policy/schema.ts should have. */
export function schemaSource() {
  const schema = JSON.parse(readFileSync(source, 'utf8'));
  const table = print(bare(schema), '', 'export const policySchema = ');
  return `// Written by deploy/schemas/generate.mjs from policy.schema.json beside it; change that and run it.\n
/** What validates policy files: the JSON schema without its prose. */
export const policySchema = ${table};\n`;
}

/** A schema without its prose. */
function bare(schema) {
  const { $schema, $id, title, description, ...rest } = schema;
  const { properties, definitions, items, additionalProperties, ...keywords } = rest;
  return {
    ...keywords,
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'object' ? bare(additionalProperties) : additionalProperties,
    }),
    ...(items && { items: bare(items) }),
    ...(properties && { properties: mapValues(properties, bare) }),
    ...(definitions && { definitions: mapValues(definitions, bare) }),
  };
}

const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  writeFileSync(target, schemaSource());
}
