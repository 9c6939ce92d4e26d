/**
 * From the text of manifests to the resources that they describe, with every
 * complaint about them at once.
 */
import type { Position } from '../origin.ts';
import { checkRules } from './cel.ts';
import { type Complain, didYouMean, placed, quote } from './complain.ts';
import { decode, emptyResources } from './decode.ts';
import { apiVersionOf, isKind, type KindName, kinds, resourceName } from './kinds.ts';
import { checkMetadata } from './metadata.ts';
import { nearest } from './nearest.ts';
import { defaultNodes, makeUpNodes } from './nodes.ts';
import { parsePath } from './paths.ts';
import type { Manifest, ReadResult, SpecProblem } from './resources.ts';
import { checkResources } from './rules/index.ts';
import { dropNulls, validate } from './schema.ts';
import { isRecord, type Place, readYaml, type YamlDocument, type YamlText } from './yaml.ts';
import type { YamlMemory } from './yaml-memory.ts';

/** A file of manifests: YAML with any number of documents, or JSON. */
export interface ManifestFile {
  /** The name that complaints use. */
  file: string;
  text: string;
}

export interface ReadOptions {
  /** How many nodes are made up for each set of labels, if no Node is among the files; 2 unless given. */
  nodes?: number;
  /** For who reads files again as they change; it is kept up to what was read last. */
  memory?: YamlMemory;
}

/**
 * Reads manifests and checks them: their form, their schemas, and what they say
 * of each other.  Never throws; what could not be understood is missing in
 * `resources` and complained about in `problems`.
 */
export function readManifests(files: readonly ManifestFile[], options: ReadOptions = {}): ReadResult {
  const result: ReadResult = { resources: emptyResources(), manifests: [], problems: [] };
  for (const { file, text } of files) readFile(file, options.memory?.read(text) ?? readYaml(text), result);
  options.memory?.forget();
  const { resources, manifests, problems } = result;
  if (!manifests.some(({ kind }) => kind === 'Node')) {
    resources.nodes = makeUpNodes(resources, options.nodes ?? defaultNodes);
  }
  problems.push(...checkResources(resources, manifests));
  if (manifests.length === 0 && !problems.some(({ severity }) => severity === 'error')) {
    problems.push(nothingRead(files));
  }
  const order = new Map(files.map(({ file }, index) => [file, index]));
  problems.sort((a, b) => compareProblems(a, b, order));
  return result;
}

function compareProblems(a: SpecProblem, b: SpecProblem, order: ReadonlyMap<string, number>): number {
  const byFile = (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0);
  return (
    byFile || a.line - b.line || a.column - b.column || compareTexts(a.id, b.id) || compareTexts(a.message, b.message)
  );
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function nothingRead(files: readonly ManifestFile[]): SpecProblem {
  const known = 'IsolationClass, DPUVPC, DPUVirtualNetwork, DPUServiceInterface, ServiceInterface or Node';
  const message = 'there is no resource that lflow knows';
  const position = { file: files[0]?.file ?? 'input', line: 1, column: 1 };
  return placed({ id: 'nothing-to-read', path: '', message, hint: `give manifests of kind ${known}` }, position, '');
}

/** One file while it is read. */
interface Reading {
  file: string;
  position: YamlText['position'];
  result: ReadResult;
  /** By kind, the notes of documents that are skipped. */
  skipped: Map<string, { note: SpecProblem; count: number }>;
}

function readFile(file: string, { documents, complaints, position }: YamlText, result: ReadResult): void {
  for (const { offset, ...complaint } of complaints) {
    result.problems.push(placed(complaint, { file, ...position(offset) }, ''));
  }
  const reading: Reading = { file, position, result, skipped: new Map() };
  for (const document of documents) readDocument(document, reading);
  for (const [kind, { note, count }] of reading.skipped) {
    const message =
      count > 1 ? `${count} resources of kind ${kind} are skipped` : `a resource of kind ${kind} is skipped`;
    result.problems.push({ ...note, message });
  }
}

function readDocument(document: YamlDocument, reading: Reading): void {
  const { value } = document;
  if (!isRecord(value)) {
    const message = 'the document is not a mapping, so it is no resource';
    tell(reading, document.start, { id: 'not-a-resource', message, hint: 'begin it with apiVersion and kind' });
    return;
  }
  const items = itemsOf(value);
  if (!items) readResource(value, document, document.start, reading);
  for (const [index, item] of items?.entries() ?? []) {
    const start = document.places.get(items ?? value)?.get(index)?.value ?? document.start;
    readDocument({ ...document, value: item, start }, reading);
  }
}

/** The resources of a list, as `kubectl get -o yaml` prints it. */
function itemsOf(value: Record<string, unknown>): unknown[] | undefined {
  const { kind, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return undefined;
  for (const item of items) {
    // The items of a typed list do not say what they are.
    if (kind !== 'List' && isRecord(item)) {
      item.kind ??= kind.slice(0, -'List'.length);
      item.apiVersion ??= value.apiVersion;
    }
  }
  return items;
}

function tell(
  { file, position, result }: Reading,
  offset: number,
  complaint: { severity?: SpecProblem['severity']; id: string; path?: string; message: string; hint?: string },
): void {
  result.problems.push(placed({ path: '', ...complaint }, { file, ...position(offset) }, ''));
}

function readResource(value: Record<string, unknown>, document: YamlDocument, start: number, reading: Reading): void {
  const kind = kindOf(value, document, start, reading);
  if (!kind) return;
  const { file, position, result } = reading;
  const name = nameOf(value, kind);
  const resource = resourceName(kind, name.namespace, name.name);
  const origin = { file, ...position(start), resource };
  const manifest: Manifest = { apiVersion: apiVersionOf(kinds[kind]), kind, ...name, origin, document: value };
  result.manifests.push(manifest);

  const place = (path: string, at: keyof Place): Position => {
    const found = findPlace(value, path, document);
    return found ? { file, ...position(found[at]) } : { file: origin.file, line: origin.line, column: origin.column };
  };
  const complain: Complain = (complaint, at = 'value') => {
    result.problems.push(placed(complaint, place(complaint.path, at), resource));
  };
  dropNulls(value);
  if (!validate(kind, value, complain)) return;
  checkMetadata(value.metadata, complain);
  checkRules(value, complain);
  decode(value, manifest, (path) => place(path, 'value'), result.resources, complain);
}

/** The place of a field, or of its nearest parent that is written down. */
function findPlace(root: Record<string, unknown>, path: string, { places }: YamlDocument): Place | undefined {
  let value: unknown = root;
  let found: Place | undefined;
  for (const segment of parsePath(path)) {
    if (typeof value !== 'object' || value === null) break;
    const fields = places.get(value);
    const key = fields?.has(segment) ? segment : String(segment);
    const place = fields?.get(key);
    if (!place) break;
    found = place;
    value = Array.isArray(value) ? value[Number(key)] : isRecord(value) ? value[key] : undefined;
  }
  return found;
}

function nameOf({ metadata }: Record<string, unknown>, kind: KindName): { namespace: string; name: string } {
  const { name, namespace } = isRecord(metadata) ? metadata : {};
  const isNamespaced = kinds[kind].scope === 'Namespaced';
  return {
    namespace: !isNamespaced ? '' : typeof namespace === 'string' && namespace !== '' ? namespace : 'default',
    name: typeof name === 'string' ? name : '',
  };
}

/** The kind of a document; none, with a complaint, if it is not one that we read. */
function kindOf(
  value: Record<string, unknown>,
  document: YamlDocument,
  start: number,
  reading: Reading,
): KindName | undefined {
  const places = document.places.get(value);
  const at = (field: string): number => places?.get(field)?.value ?? start;
  for (const field of ['apiVersion', 'kind']) {
    if (typeof value[field] === 'string' && value[field] !== '') continue;
    const message = `the document has no ${field}, so it is no resource`;
    const hint = 'begin it with apiVersion and kind, or leave the file out';
    tell(reading, at(field), { id: 'not-a-resource', path: field in value ? field : '', message, hint });
    return undefined;
  }
  const kind = String(value.kind);
  const apiVersion = String(value.apiVersion);
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  if (isKind(kind)) {
    const known = kinds[kind];
    if (apiVersionOf(known) === apiVersion) return kind;
    // Other groups have a kind Node too.
    if (group !== known.group && kind === 'Node') skip(kind, at('kind'), reading);
    else {
      const message = `${quote(apiVersion)} is not the version that ${kind} has`;
      const hint = `write ${apiVersionOf(known)}`;
      tell(reading, at('apiVersion'), { id: 'unknown-version', path: 'apiVersion', message, hint });
    }
    return undefined;
  }
  // Two letters at most: the same groups have kinds that we do not read.
  const meant = nearest(kind, Object.keys(kinds), 2);
  if (meant && isKind(meant) && kinds[meant].group === group) {
    const message = `there is no kind ${quote(kind)}`;
    tell(reading, at('kind'), { id: 'unknown-kind', path: 'kind', message, hint: didYouMean(meant) });
  } else skip(kind, at('kind'), reading);
  return undefined;
}

function skip(kind: string, offset: number, { file, position, skipped }: Reading): void {
  const known = skipped.get(kind);
  if (known) known.count++;
  else {
    const complaint = { severity: 'note', id: 'kind-skipped', path: 'kind', message: '' } as const;
    skipped.set(kind, { note: placed(complaint, { file, ...position(offset) }, ''), count: 1 });
  }
}
