/**
 * `npm install` builds the native addon here.  It is not needed to compute,
 * verify and trace flows, so where it cannot be built the installation
 * succeeds all the same and says what will be missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { env, execPath, platform, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const log = join(root, 'build/native.log');
const without =
  'Flows can be computed, verified and traced without it; `lflow doctor` cannot look at this machine, and packets cannot be sent by it.';

/** @param {string} command @param {string[]} args */
function works(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** What the build needs and this machine has not. */
function missing() {
  const compiler = env.CXX ? [env.CXX] : ['c++', 'g++', 'clang++'];
  const lacks = [];
  if (!compiler.some((name) => works(name, '--version'))) lacks.push('C++ compiler');
  if (!works('make', '--version')) lacks.push('make');
  if (![env.PYTHON, 'python3', 'python'].some((name) => name && works(name, '--version'))) lacks.push('Python 3');
  return lacks;
}

/** Runs node-gyp, npm's own unless there is another; gives its complaint, if it has one. */
function build() {
  // A Node.js that was installed with its headers needs no others, and no network.
  const prefix = dirname(dirname(execPath));
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const args = ['configure', 'build', '--release', ...headers];
  const gyp = env.npm_config_node_gyp;
  const [command, first] = gyp ? [execPath, [gyp]] : ['node-gyp', []];
  const done = spawnSync(command, [...first, ...args], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}\n`);
  return done.status === 0 ? undefined : 'the compiler or node-gyp failed';
}

function reason() {
  if (platform !== 'linux') return `it is for Linux, and this is ${platform}`;
  const lacks = missing();
  return lacks.length > 0 ? `this machine has no ${lacks.join(', no ')}` : build();
}

const failure = reason();
if (failure) {
  const more = existsSync(log) ? ` (${log} has the details)` : '';
  stderr.write(`lflow: the native addon was not built: ${failure}${more}. ${without}\n`);
}
