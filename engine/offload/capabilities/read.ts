/**
 * Reads a capability file of the user's own (the option `--device FILE`): JSON
 * or YAML of the form that schema.json tells.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Problem } from '../../origin.ts';
import { nearest } from '../../spec/nearest.ts';
import { formatPath, parsePointer, type Segment } from '../../spec/paths.ts';
import { readYaml, type YamlDocument } from '../../spec/yaml.ts';
import { itemFields, MODIFIABLE } from '../rules.ts';
import schema from './schema.json' with { type: 'json' };
import type { Capabilities } from './types.ts';

/** What a file says; `capabilities` is absent where a problem is an error. */
export interface CapabilityFile {
  readonly capabilities?: Capabilities;
  readonly problems: readonly Problem[];
}

let compiled: ValidateFunction<Capabilities> | undefined;

/** Reads the text of a file.  It never throws; each problem has its line and column. */
export function readCapabilities(text: string, file: string): CapabilityFile {
  const { documents, complaints, position } = readYaml(text);
  if (complaints.length > 0) {
    const problems = complaints.map(({ offset, id, path, message, hint }): Problem => {
      return { severity: 'error', file, ...position(offset), id, path, message, hint };
    });
    return { problems };
  }
  const [document] = documents;
  if (!document || documents.length !== 1) {
    const message = document ? 'the file holds more than one document' : 'the file is empty';
    const hint = 'give one object with device, title, items, actions, limits and exclusive';
    return {
      problems: [{ severity: 'error', file, line: 1, column: 1, id: 'no-capabilities', path: '', message, hint }],
    };
  }
  const complain = (segments: Segment[], id: string, message: string, hint?: string): Problem => {
    const at = position(placeOf(document, segments));
    return { severity: 'error', file, ...at, id, path: formatPath(segments), message, hint };
  };
  compiled ??= new Ajv2020({ allErrors: true, strict: false, verbose: true }).compile<Capabilities>(schema);
  const { value } = document;
  if (!compiled(value)) {
    return { problems: (compiled.errors ?? []).filter(isTelling).map((error) => tell(error, complain)) };
  }
  const problems = fieldProblems(value, complain);
  return problems.length > 0 ? { problems } : { capabilities: value, problems };
}

type Complain = (segments: Segment[], id: string, message: string, hint?: string) => Problem;

/** `propertyNames` only repeats what its `enum` has told. */
const isTelling = ({ keyword }: ErrorObject): boolean => keyword !== 'propertyNames';

function tell(error: ErrorObject, complain: Complain): Problem {
  const path = parsePointer(error.instancePath);
  const value = JSON.stringify(error.data) ?? 'nothing';
  const text = value.length > 60 ? `${value.slice(0, 60)}...` : value;
  switch (error.keyword) {
    case 'required':
      return complain(path, 'missing-field', `${error.params.missingProperty} is missing`, 'add it');
    case 'additionalProperties': {
      const name = String(error.params.additionalProperty);
      const known = Object.keys(error.parentSchema?.properties ?? {});
      const hint = hintOf(name, known);
      return complain([...path, name], 'unknown-field', `there is no field ${name} here`, hint);
    }
    case 'enum': {
      const known: string[] = error.params.allowedValues;
      // A name of a property is told with the object that has it.
      const at = error.propertyName === undefined ? path : [...path, error.propertyName];
      return complain(at, 'unknown-value', `${text} is not known`, hintOf(String(error.data), known));
    }
    case 'type':
      return complain(path, 'wrong-type', `${text} is not of type ${[error.params.type].flat().join(' or ')}`);
    default:
      return complain(path, 'wrong-value', `${text} is not allowed: ${error.message}`);
  }
}

function hintOf(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? `known are ${known.join(', ')}` : `perhaps ${near}`;
}

/** Fields of items and of modify_field that do not exist. */
function fieldProblems(capabilities: Capabilities, complain: Complain): Problem[] {
  const check = (path: Segment[], fields: readonly string[] | undefined, known: readonly string[]) =>
    (fields ?? []).flatMap((field, index) =>
      known.includes(field)
        ? []
        : [complain([...path, 'fields', index], 'unknown-value', `there is no field ${field}`, hintOf(field, known))],
    );
  return [
    ...Object.entries(capabilities.items).flatMap(([type, ability]) =>
      check(['items', type], ability.fields, Object.keys(itemFields[type] ?? {})),
    ),
    ...Object.entries(capabilities.actions).flatMap(([type, ability]) =>
      check(['actions', type], ability.fields, type === 'modify_field' ? Object.keys(MODIFIABLE) : []),
    ),
  ];
}

/** The offset of a value, or of the nearest one around it that stands in the text. */
function placeOf(document: YamlDocument, segments: readonly Segment[]): number {
  let offset = document.start;
  let value: unknown = document.value;
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null) break;
    const place = document.places.get(value)?.get(segment);
    if (!place) break;
    offset = typeof segment === 'string' ? place.key : place.value;
    value = Reflect.get(value, segment);
  }
  return offset;
}
