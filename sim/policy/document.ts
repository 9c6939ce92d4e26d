/** A policy file as a valid document: parsed as YAML, and checked against its schema. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Position, Problem } from '../../engine/origin.ts';
import { type Complaint, didYouMean, printable, quote } from '../../engine/spec/complain.ts';
import { nearest } from '../../engine/spec/nearest.ts';
import { formatPath, parsePath, parsePointer, type Segment } from '../../engine/spec/paths.ts';
import { tell } from '../../engine/spec/schema.ts';
import { isRecord, type Place, readYaml, type YamlDocument } from '../../engine/spec/yaml.ts';
import { policySchema } from './schema.ts';

/** A name, several, or what they are not. */
export type NamesDocument = string | string[] | { not: string | string[] };

export type SelectorDocument = string | SelectorDocument[] | SelectorMap;

export interface SelectorMap {
  set?: NamesDocument;
  tenant?: NamesDocument;
  vpc?: NamesDocument;
  network?: NamesDocument;
  interface?: NamesDocument;
  node?: NamesDocument;
  labels?: Record<string, string>;
  switch?: NamesDocument;
  router?: NamesDocument;
  port?: NamesDocument;
  cidr?: NamesDocument;
  external?: boolean;
  not?: SelectorDocument;
}

export type TrafficDocument = string | TrafficDocument[] | { not: TrafficDocument };

export interface SeenAsDocument {
  src?: NamesDocument;
  dst?: NamesDocument;
  'src-port'?: number | string;
  'dst-port'?: number | string;
}

export interface ClaimDocument {
  from?: SelectorDocument;
  to?: SelectorDocument;
  traffic?: TrafficDocument;
  through?: SelectorDocument;
  'not-through'?: SelectorDocument;
  'seen-as'?: SeenAsDocument;
  state?: 'new' | 'any';
  'both-ways'?: boolean;
  'allow-empty'?: boolean;
  against?: string;
}

export interface RuleDocument {
  id: string;
  severity?: 'error' | 'warning' | 'info';
  never?: ClaimDocument;
  only?: ClaimDocument;
  always?: ClaimDocument;
  some?: ClaimDocument;
  unchanged?: ClaimDocument;
}

export interface ExceptionDocument {
  id: string;
  on?: SelectorDocument;
  from?: SelectorDocument;
  to?: SelectorDocument;
  reason: string;
  until?: string;
}

export interface PairDocument {
  from: SelectorDocument;
  to: SelectorDocument;
}

export interface AllowedDocument {
  cidr: NamesDocument;
  traffic?: TrafficDocument;
}

export interface BeyondDocument {
  cidr: string | string[];
  by: string | string[];
}

export interface BuiltInDocument {
  enable?: string | string[];
  disable?: string[];
  except?: ExceptionDocument[];
  'tenant-isolation'?: { tenants?: SelectorDocument[] };
  'inter-network-access'?: { separate?: SelectorDocument[][]; joined?: SelectorDocument[][] };
  'external-egress'?: { to?: NamesDocument; not?: SelectorDocument[] };
  'external-egress-off'?: { internal?: SelectorDocument[] };
  'external-ingress-blocked'?: { open?: SelectorDocument[] };
  'no-transit'?: { allow?: PairDocument[] };
  'infrastructure-unreachable'?: { infrastructure?: SelectorDocument[]; allow?: AllowedDocument[] };
  'masquerade-applied'?: { routed?: SelectorDocument[] };
  'nat-hairpin'?: { except?: NamesDocument };
  'source-guarded'?: { trusted?: SelectorDocument[] };
  'no-blackhole'?: { except?: PairDocument[] };
  'next-hop-valid'?: { 'equal-paths'?: string[]; beyond?: BeyondDocument[] };
  'subnet-overlap'?: { ranges?: SelectorDocument[] };
  'mtu-fits'?: { underlay: number; encap?: 'geneve' | 'vxlan'; 'underlay-ip'?: 4 | 6 };
  'dead-flows'?: { ports?: 'existing' | 'any' };
}

export interface PolicyDocument {
  lflow: 1;
  sets?: Record<string, SelectorDocument>;
  builtin?: BuiltInDocument;
  rules?: RuleDocument[];
}

/** A file while it is read. */
export interface Reading {
  readonly file: string;
  readonly problems: Problem[];
  /** Where the field or item with that path is written; its nearest parent, if it is not. */
  at(path: readonly Segment[], side?: keyof Place): Position;
  /** Complains at the value that stands at the path, or at its key. */
  complain(path: readonly Segment[], complaint: Omit<Complaint, 'path'>, side?: keyof Place): void;
}

/**
 * Parses and validates a policy file of any origin: bounded in time and memory,
 * never throwing.  What is wrong is among the problems of the reading; the document is there if
 * its form is right.
 */
export function readDocument(file: string, text: string): { reading: Reading; document?: PolicyDocument } {
  const { documents, complaints, position } = readYaml(text);
  const problems: Problem[] = [];
  const tellAt = ({ severity = 'error', id, path, message, hint }: Complaint, offset: number): void => {
    const texts = { path: printable(path), message: printable(message), ...(hint && { hint: printable(hint) }) };
    problems.push({ file, ...position(offset), severity, id, ...texts });
  };
  for (const { offset, ...complaint } of complaints) tellAt(complaint, offset);
  const [first, second] = documents;
  const offsetOf = (path: readonly Segment[], side: keyof Place): number =>
    (first && findPlace(first, path)?.[side]) ?? first?.start ?? 0;
  const reading: Reading = {
    file,
    problems,
    at: (path, side = 'value') => ({ file, ...position(offsetOf(path, side)) }),
    complain: (path, complaint, side = 'value') =>
      tellAt({ ...complaint, path: formatPath(path) }, offsetOf(path, side)),
  };
  if (problems.length > 0) return { reading };
  if (!first) reading.complain([], { id: 'policy-empty', message: 'there is nothing in the file', hint: skeleton });
  else if (second) {
    const message = 'the file has more than one document';
    tellAt({ id: 'policy-documents', path: '', message, hint: 'put the rules of both into one' }, second.start);
  } else if (!isRecord(first.value)) {
    const message = 'the document is not a mapping, so it is no policy';
    reading.complain([], { id: 'wrong-type', message, hint: skeleton });
  } else if (hasForm(first.value, reading)) return { reading, document: first.value };
  return { reading };
}

const skeleton = 'begin it with lflow: 1, then sets: and rules:';

function findPlace({ value, places }: YamlDocument, path: readonly Segment[]): Place | undefined {
  let inside: unknown = value;
  let found: Place | undefined;
  for (const segment of path) {
    const place = typeof inside === 'object' && inside !== null ? places.get(inside)?.get(segment) : undefined;
    if (!place) break;
    found = place;
    inside = Array.isArray(inside) ? inside[Number(segment)] : isRecord(inside) ? inside[String(segment)] : undefined;
  }
  return found;
}

let validator: ValidateFunction | undefined;

/** Whether a value has the form that the schema asks for; complains where it has not. */
function hasForm(value: Record<string, unknown>, reading: Reading): value is Record<string, unknown> & PolicyDocument {
  validator ??= new Ajv({ allErrors: true, strict: false, verbose: true }).compile(policySchema);
  if (validator(value)) return true;
  const found = validator.errors ?? [];
  const told = new Set<string>();
  for (const error of found) {
    // A rule's kind is asked for by alternatives; of those that fail only the whole is told.
    if (error.schemaPath.includes('/oneOf/')) continue;
    const key = `${error.instancePath} ${error.keyword} ${JSON.stringify(error.params)}`;
    if (!told.has(key)) tellError(error, reading);
    told.add(key);
  }
  return false;
}

/** What the items of lists are called, and what belongs into fields that are missing. */
const wholes: Readonly<Record<string, string>> = { rules: 'the rule', except: 'the exception' };
const hints: Readonly<Record<string, string>> = {
  lflow: '1',
  id: 'and a name',
  reason: 'and why it is fine',
  not: 'and what it is not',
  from: 'and who sends',
  to: 'and who receives',
  cidr: 'and addresses',
  by: 'and the address of a neighbour',
  underlay: 'and the bytes of the largest IP packet there',
};

const kinds = ['never', 'only', 'always', 'some', 'unchanged'];

function tellError(error: ErrorObject, reading: Reading): void {
  const path = segmentsOf(error.instancePath);
  switch (error.keyword) {
    case 'oneOf':
      tellKinds(error, path, reading);
      break;
    case 'additionalProperties':
      tellUnknown(error, path, reading);
      break;
    case 'required': {
      const field = String(error.params.missingProperty);
      const inside = path.length === 0 ? 'the policy' : (wholes[String(path.at(-2))] ?? quote(String(path.at(-1))));
      const message = `${inside} lacks ${quote(field)}`;
      reading.complain(path, { id: 'missing-field', message, hint: `add ${field}: ${hints[field] ?? '...'}` }, 'key');
      break;
    }
    case 'type':
      reading.complain(path, typeComplaint(error));
      break;
    case 'maxProperties': {
      const message = `there are more than ${error.schema}`;
      reading.complain(path, { id: 'wrong-length', message, hint: 'split the policy into several files' }, 'key');
      break;
    }
    case 'minProperties':
      reading.complain(path, { id: 'wrong-length', message: 'there is nothing in it', hint: 'say what is meant' });
      break;
    default:
      tell(error, (complaint, side) => reading.complain(parsePath(complaint.path), complaint, side));
  }
}

/** A pointer's segments; keys that look like numbers are indices, for no mapping of ours has such but a set's name or a label. */
const segmentsOf = (pointer: string): Segment[] => {
  const segments = parsePointer(pointer);
  return segments.map((segment, index) => {
    const parent = segments[index - 1];
    return parent === 'labels' || (index === 1 && parent === 'sets') ? String(segment) : segment;
  });
};

function tellKinds({ data }: ErrorObject, path: Segment[], reading: Reading): void {
  const there = isRecord(data) ? kinds.filter((kind) => kind in data) : [];
  const names = there.length > 2 ? 'several claims' : `both ${there.join(' and ')}`;
  const message = there.length === 0 ? 'the rule claims nothing' : `the rule has ${names}`;
  const hint =
    there.length === 0 ? `add one of ${kinds.join(', ')}` : 'make them rules of their own: each rule is one claim';
  reading.complain(path, { id: 'rule-kind', message, hint }, 'key');
}

function tellUnknown({ params, parentSchema }: ErrorObject, path: Segment[], reading: Reading): void {
  const field = String(params.additionalProperty);
  const properties: unknown = parentSchema?.properties;
  const fields = isRecord(properties) ? Object.keys(properties) : [];
  const hint = didYouMean(nearest(field, fields)) ?? `the fields are ${fields.join(', ')}`;
  reading.complain(
    [...path, field],
    { id: 'unknown-field', message: `there is no field ${quote(field)} here`, hint },
    'key',
  );
}

const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  object: 'a mapping',
  string: 'a text',
};

function typeComplaint({ data, params }: ErrorObject): Omit<Complaint, 'path'> {
  const wanted: unknown = params.type;
  const types = (Array.isArray(wanted) ? wanted : [wanted]).map((type) => typeNames[String(type)] ?? 'a value');
  const isPlain = typeof data === 'number' || typeof data === 'boolean';
  const found = isPlain ? String(data) : data === null ? 'nothing' : Array.isArray(data) ? 'a list' : nameOf(data);
  const list = types.length === 1 ? types[0] : `${types.slice(0, -1).join(', ')} or ${types.at(-1)}`;
  const words = typeof data === 'boolean' ? ', for YAML takes y, n, yes, no, on and off for true or false' : '';
  const hint = isPlain && types.includes('a text') ? `put it in quotes${words || `: "${data}"`}` : `write ${list}`;
  return { id: 'wrong-type', message: `${found} is not what belongs here`, hint };
}

const nameOf = (data: unknown): string => (typeof data === 'string' ? quote(data) : 'a mapping');
