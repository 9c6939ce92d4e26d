/**
 * Validation of a document against the schema of its kind, as the API server
 * does it: fields that are null are dropped, defaults are set, unknown fields
 * are dropped too and only warned of.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { type Complain, didYouMean, quote } from './complain.ts';
import type { ValidDocument } from './documents.ts';
import { type KindName, kinds, type Schema } from './kinds.ts';
import { nearest } from './nearest.ts';
import { formatPath, parsePointer, type Segment } from './paths.ts';
import { isRecord } from './yaml.ts';

/**
 * Completes a document and says what is wrong with it; true if nothing is.
 * `dropNulls` must have been over it.
 */
export function validate(
  kind: KindName,
  document: Record<string, unknown>,
  complain: Complain,
): document is Record<string, unknown> & ValidDocument {
  const check = validatorOf(kind);
  check(document);
  const errors = check.errors ?? [];
  for (const error of errors) tell(error, complain);
  return errors.every(isUnknownField);
}

/** Removes every field that is null, as the API server does before it validates. */
export function dropNulls(value: unknown): void {
  if (Array.isArray(value)) value.forEach(dropNulls);
  else if (isRecord(value)) {
    for (const [key, field] of Object.entries(value)) {
      if (field === null) delete value[key];
      else dropNulls(field);
    }
  }
}

const validators = new Map<KindName, ValidateFunction>();
let ajv: Ajv | undefined;

function validatorOf(kind: KindName): ValidateFunction {
  const known = validators.get(kind);
  if (known) return known;
  ajv ??= new Ajv({ allErrors: true, strict: false, useDefaults: true, verbose: true, validateFormats: false });
  const validator = ajv.compile(documentSchema(kinds[kind].schema));
  validators.set(kind, validator);
  return validator;
}

const texts: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** The part of Kubernetes' ObjectMeta that manifests use. */
const metadata: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string' },
    namespace: { type: 'string' },
    labels: texts,
    annotations: texts,
    ...Object.fromEntries(
      [
        ...['creationTimestamp', 'deletionGracePeriodSeconds', 'deletionTimestamp', 'finalizers', 'generateName'],
        ...['generation', 'managedFields', 'ownerReferences', 'resourceVersion', 'selfLink', 'uid'],
      ].map((name) => [name, {}]),
    ),
  },
};

function documentSchema(schema: Schema): Schema {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const whole = { ...schema, required: ['metadata', ...required], properties: { ...properties, metadata } };
  return closed(whole);
}

/** The same schema, with complaints about fields that it does not know. */
function closed(schema: Schema): Schema {
  const { properties, items, additionalProperties } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || additionalProperties !== undefined;
  return {
    ...schema,
    ...(isRecord(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, isRecord(field) ? closed(field) : field]),
      ),
      ...(!isOpen && { additionalProperties: false }),
    }),
    ...(isRecord(items) && { items: closed(items) }),
    ...(isRecord(additionalProperties) && { additionalProperties: closed(additionalProperties) }),
  };
}

const isUnknownField = ({ keyword }: ErrorObject): boolean => keyword === 'additionalProperties';

/** Complains about what ajv (with `verbose`) found wrong with a document. */
export function tell(error: ErrorObject, complain: Complain): void {
  const segments = parsePointer(error.instancePath);
  const parent: Schema = isRecord(error.parentSchema) ? error.parentSchema : {};
  switch (error.keyword) {
    case 'required':
      tellMissing(segments, String(error.params.missingProperty), parent, complain);
      break;
    case 'additionalProperties':
      tellUnknown(segments, String(error.params.additionalProperty), parent, complain);
      break;
    default:
      complain({ ...wrongValue(error, parent), path: formatPath(segments) });
  }
}

function tellMissing(segments: Segment[], field: string, schema: Schema, complain: Complain): void {
  const fields: Schema = isRecord(schema.properties) ? schema.properties : {};
  const type = isRecord(fields[field]) ? typeName(String(fields[field].type)) : 'a value';
  const inside = segments.length === 0 ? 'the document' : quote(String(segments.at(-1)));
  const message = `${inside} lacks ${quote(field)}`;
  complain({ id: 'missing-field', path: formatPath(segments), message, hint: `add ${field}: ${type}` }, 'key');
}

function tellUnknown(segments: Segment[], field: string, schema: Schema, complain: Complain): void {
  const fields = isRecord(schema.properties) ? Object.keys(schema.properties) : [];
  const message = `there is no field ${quote(field)} here; the API server drops it`;
  const hint = didYouMean(nearest(field, fields)) ?? `the fields are ${fields.join(', ')}`;
  complain({ severity: 'warning', id: 'unknown-field', path: formatPath([...segments, field]), message, hint }, 'key');
}

function wrongValue(
  { keyword, data, schema }: ErrorObject,
  parent: Schema,
): { id: string; message: string; hint?: string } {
  switch (keyword) {
    case 'type':
      return {
        id: 'wrong-type',
        message: `${valueName(data)} is ${schema === 'boolean' ? 'neither true nor false' : `not ${typeName(String(schema))}`}`,
        hint:
          schema === 'string' && !isNested(data) ? `put it in quotes: "${data}"` : `write ${typeName(String(schema))}`,
      };
    case 'enum': {
      const values = Array.isArray(schema) ? schema.map(String) : [];
      const hint = didYouMean(nearest(String(data), values));
      const allowed = values.length === 1 ? values[0] : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
      return { id: 'unknown-value', message: `${valueName(data)} is not known`, hint: hint ?? `use ${allowed}` };
    }
    case 'minimum':
    case 'maximum':
      return { id: 'out-of-range', message: `${data} is out of range`, hint: `use ${range(parent)}` };
    case 'minLength':
    case 'maxLength':
      return { id: 'wrong-length', message: lengthMessage(data), hint: `use ${lengths(parent)}` };
    case 'minItems':
    case 'maxItems':
      return { id: 'wrong-length', message: 'the list has too few or too many items', hint: `use ${lengths(parent)}` };
    case 'pattern':
      return {
        id: 'wrong-form',
        message: `${valueName(data)} has not the right form`,
        hint: `it must match ${schema}`,
      };
    default:
      return { id: 'wrong-value', message: `${valueName(data)} is not allowed by its schema (${keyword})` };
  }
}

const lengthMessage = (data: unknown): string => (data === '' ? 'must not be empty' : `${valueName(data)} is too long`);

const range = ({ minimum, maximum }: Schema): string =>
  maximum === undefined ? `${minimum} or more` : `${minimum ?? 0} to ${maximum}`;

const lengths = ({ minLength, maxLength, minItems, maxItems }: Schema): string => {
  const unit = minItems === undefined && maxItems === undefined ? 'character' : 'item';
  const least = minLength ?? minItems ?? 0;
  const most = maxLength ?? maxItems;
  return most === undefined ? `at least ${least} ${unit}${least === 1 ? '' : 's'}` : `${least} to ${most} ${unit}s`;
};

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  object: 'a mapping',
  string: 'a text',
};

const typeName = (type: string): string => typeNames[type] ?? 'a value';

const isNested = (value: unknown): boolean => typeof value === 'object';

function valueName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'nothing';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? quote(value) : `${typeof value === 'number' ? 'the number ' : ''}${String(value)}`;
}
