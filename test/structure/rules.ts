/**
 * The dependency rule of docs/architecture.md, and what else holds for every
 * source file, as functions from the sources to complaints.
 */
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path/posix';

/** Path from the project's root to text. */
export type Sources = ReadonlyMap<string, string>;

/** Which folders and files of ours a folder may import from, besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  asm: [],
  engine: ['asm'],
  sim: ['engine'],
  native: ['engine/offload/rules.ts'],
  cli: ['asm', 'engine', 'sim', 'native'],
  web: ['engine', 'sim'],
  'index.ts': ['engine', 'sim'],
};

/** These run in a browser as well; the exceptions talk to sockets and files. */
const portable = ['asm', 'engine', 'sim'];
const notPortable = ['engine/ovsdb', 'engine/node'];

const maxLines = 700;

/** All complaints about the sources, one a line, in the order of the files. */
export function complaints(sources: Sources): string[] {
  return [
    ...[...sources].flatMap(([file, text]) => [
      ...direction(file, text),
      ...portability(file, text),
      ...form(file, text),
    ]),
    ...circles(sources),
  ];
}

/** What a file imports: our files as paths from the root, other modules by name. */
export function importsOf(file: string, text: string): string[] {
  return specifiers(withoutComments(text)).map((specifier) => resolve(file, specifier));
}

/** What is left of the imports when the program runs. */
function importsAtRunTime(file: string, text: string): string[] {
  const code = withoutComments(text).replace(/^\s*(?:import|export)\s+type\b[^'"`;]*?\bfrom\s*['"][^'"]+['"]/gm, '');
  return specifiers(code).map((specifier) => resolve(file, specifier));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function specifiers(code: string): string[] {
  const statements = [
    ...code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\s*\(\s*['"]([^'"]+)['"]\s*\)/g),
  ];
  return statements.map(([, specifier = '']) => specifier);
}

function resolve(file: string, specifier: string): string {
  if (specifier === '#asm') return 'asm/index.ts';
  if (specifier === '#asm/sets') return 'asm/sets/index.ts';
  if (specifier.startsWith('#asm/')) return 'asm/plane/index.ts';
  if (!specifier.startsWith('.')) return specifier;
  const path = normalize(join(dirname(file), specifier));
  // AssemblyScript's imports have no extension.
  return file.startsWith('asm/') ? `${path}.ts` : path;
}

/** `engine` of `engine/vpc/plan.ts`; files at the root are their own. */
function top(path: string): string {
  return path.split('/', 1)[0] ?? path;
}

function direction(file: string, text: string): string[] {
  const allowed = mayImport[top(file)];
  if (!allowed) return [];
  return importsOf(file, text)
    .filter((path) => {
      const folder = top(path);
      return (
        folder !== top(file) &&
        (folder in mayImport || path.startsWith('..')) &&
        !allowed.includes(folder) &&
        !allowed.includes(path)
      );
    })
    .map((path) => `${file}: imports ${path}, but ${top(file)} may import ${allowed.join(', ') || 'nothing of ours'}`);
}

function portability(file: string, text: string): string[] {
  if (!portable.includes(top(file)) || notPortable.some((folder) => file.startsWith(`${folder}/`))) return [];
  return importsOf(file, text)
    .filter((path) => isBuiltin(path))
    .map((path) => `${file}: imports ${path}, but it is to run in a browser too`);
}

// Spelled so that this file does not complain about itself.
const words = [
  /\bTO(?:DO)\b/,
  /\bFIX(?:ME)\b/,
  /\bX{3}\b/,
  /@ts-(?:ignore|expect-error|nocheck)/,
  /biome-(?:ignore)/,
  /\bas (?:any)\b/,
];

function form(file: string, text: string): string[] {
  const lines = text.split('\n');
  const found: string[] = [];
  // What a program wrote nobody has to read.
  if (lines.length > maxLines && !/^\/\*\*?[^*]*\bgenerated\b/i.test(text)) {
    found.push(`${file}: has ${lines.length} lines, more than ${maxLines}; it is more than one idea`);
  }
  for (const [i, line] of lines.entries()) {
    const word = words.map((pattern) => pattern.exec(line)?.[0]).find((match) => match !== undefined);
    if (word) found.push(`${file}:${i + 1}: has ${word}`);
  }
  return found;
}

/**
 * Circles of files that import each other (types of each other they may know,
 * inside a module), and of the modules (`engine/vpc`, `sim/trace`) that the
 * files make up.
 */
function circles(sources: Sources): string[] {
  const files = new Map<string, Set<string>>();
  const modules = new Map<string, Set<string>>();
  for (const [file, text] of sources) {
    const targets = importsOf(file, text).filter((path) => sources.has(path));
    files.set(file, new Set(importsAtRunTime(file, text).filter((path) => sources.has(path))));
    const others = targets.map(moduleOf).filter((name) => name !== moduleOf(file));
    modules.set(moduleOf(file), new Set([...(modules.get(moduleOf(file)) ?? []), ...others]));
  }
  return [...circlesOf(files), ...circlesOf(modules)];
}

/** The first two folders; a file that lies directly in a folder of the root is a module of its own. */
function moduleOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

/** One complaint for each arrow that closes a circle, found depth first. */
function circlesOf(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[] = [];
  const visit = (node: string): void => {
    const start = path.indexOf(node);
    if (start >= 0) {
      found.push(`a circle: ${[...path.slice(start), node].join(' -> ')}`);
      return;
    }
    if (done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return found;
}
