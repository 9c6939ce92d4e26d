/**
 * Builds what can be built without a C++ compiler:
 *
 *     asm/*.ts  ──asc──▶  build/asm/*.js   the WebAssembly modules as JavaScript modules of their bytes,
 *                                          so that a browser and Node.js load them alike
 *     *.ts      ──tsc──▶  dist/                the library and the command
 *
 * `node scripts/build.js` builds both and fails on any error.  With `--stale`,
 * or by `buildStale()`, it builds what is missing or older than its sources,
 * and leaves type errors to `npm run typecheck`: `npm ci`, `npx lflow` (which
 * makes npm prepare the package once more) and the tests take what there is.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { argv, execPath, exit, pid } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const distStamp = join(root, 'build/dist.stamp');

/**
 * The WebAssembly modules: the frame parser, whose memory is laid out by asm/layout.ts with static data behind it, the
 * packet plane, once for speed and once with every assertion checked (`assert` of AssemblyScript), and sets of packets.
 */
const asmModules = [
  { name: 'lflow', entry: 'asm/index.ts', options: ['--noAssert', '--memoryBase', '262144'] },
  { name: 'plane', entry: 'asm/plane/index.ts', options: ['--noAssert', '--memoryBase', '1024', '--enable', 'simd'] },
  { name: 'plane-checked', entry: 'asm/plane/index.ts', options: ['--memoryBase', '1024', '--enable', 'simd'] },
  { name: 'sets', entry: 'asm/sets/index.ts', options: ['--noAssert', '--memoryBase', '1024'] },
];

/** @param {string} name */
const asmFile = (name) => join(root, `build/asm/${name}.js`);

/** Compiles the AssemblyScript sources. */
async function buildAsm() {
  const { default: asc } = await import('assemblyscript/asc');
  mkdirSync(join(root, 'build/asm'), { recursive: true });
  for (const { name, entry, options } of asmModules) {
    const wasm = join(root, `build/asm/${name}.${pid}.wasm`);
    try {
      const { error, stderr } = await asc.main([
        entry,
        ...['--baseDir', root, '--outFile', join('build/asm', `${name}.${pid}.wasm`)],
        ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--runtime', 'stub'],
        ...options,
      ]);
      if (error) throw new Error(`${entry} does not compile: ${error.message}\n${stderr}`);
      const base64 = readFileSync(wasm).toString('base64');
      replace(
        asmFile(name),
        `/** The WebAssembly module that ${entry} compiles to. */\nexport const wasm = Uint8Array.from(atob('${base64}'), (c) => c.charCodeAt(0));\n`,
      );
    } finally {
      rmSync(wasm, { force: true });
    }
  }
}

/**
 * Compiles the TypeScript sources; says whether there was no error.  What has no source any more goes.
 * @param {'inherit' | 'ignore'} complaints @returns {boolean}
 */
function buildDist(complaints) {
  const fresh = join(root, `build/dist.${pid}`);
  try {
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const done = spawnSync(execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], {
      stdio: complaints,
    });
    if (done.error) throw done.error;
    mirror(fresh, join(root, 'dist'));
    chmodSync(join(root, 'dist/cli/main.js'), 0o755);
    writeFileSync(distStamp, '');
    return done.status === 0;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * Makes a folder equal to a fresh one, file by file, so that a program that runs from it meanwhile meets no half file.
 * @param {string} from @param {string} to
 */
function mirror(from, to) {
  mkdirSync(to, { recursive: true });
  const kept = new Set(readdirSync(from));
  for (const name of readdirSync(to)) if (!kept.has(name)) rmSync(join(to, name), { recursive: true });
  for (const name of kept) {
    if (statSync(join(from, name)).isDirectory()) mirror(join(from, name), join(to, name));
    else renameSync(join(from, name), join(to, name));
  }
}

/** @param {string} file @param {string} text */
function replace(file, text) {
  writeFileSync(`${file}.${pid}`, text);
  renameSync(`${file}.${pid}`, file);
}

/**
 * Whether `made` is missing or older than any of the sources; a folder's own time tells of files that went.
 * @param {string} made @param {string[]} sources @returns {boolean}
 */
function stale(made, sources) {
  const time = statSync(made, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  /** @param {string} path @returns {boolean} */
  const newer = (path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found) return false;
    return found.mtimeMs > time || (found.isDirectory() && readdirSync(path).some((name) => newer(join(path, name))));
  };
  return sources.some((source) => newer(join(root, source)));
}

/** Builds what is missing or older than its sources. */
export async function buildStale() {
  if (asmModules.some(({ name }) => stale(asmFile(name), ['asm', 'scripts/build.js']))) await buildAsm();
  if (stale(distStamp, ['index.ts', 'asm', 'engine', 'sim', 'native', 'cli', 'tsconfig.json', 'tsconfig.build.json'])) {
    buildDist('ignore');
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  if (argv[2] === '--stale') {
    await buildStale();
  } else {
    await buildAsm();
    if (!buildDist('inherit')) exit(1);
  }
}
