/** The `lflow` command as a process: exit statuses, messages, and where the answer goes. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lflow-main-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { LFLOW_DEBUG: _, ...quiet } = process.env;

function lflow(args: string[], env: NodeJS.ProcessEnv = quiet) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

describe('help', () => {
  test('lists each command with a line, and is no mistake', () => {
    const { status, stdout, stderr } = lflow(['--help']);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    for (const name of ['verify', 'trace', 'flows', 'nb', 'sb', 'describe', 'lang', 'doctor']) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\w`, 'm'));
    }
  });

  test('loads no command and nothing of the engine', () => {
    const program = new URL('../../dist/cli/program.js', import.meta.url);
    const loader = `data:text/javascript,${encodeURIComponent(`
      import { writeSync } from 'node:fs';
      export async function load(url, context, next) { writeSync(2, url + '\\n'); return next(url, context); }
    `)}`;
    const script = `
      import { register } from 'node:module';
      register(${JSON.stringify(loader)});
      const { run } = await import(${JSON.stringify(program.href)});
      await run(['--help']);
    `;
    const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(stdout).toContain('Commands:');
    const ours = stderr.split('\n').filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'));
    expect(ours.map((url) => url.replace(/.*\/dist\//, '')).sort()).toEqual(['cli/command.js', 'cli/program.js']);
  });

  test.each(['verify', 'trace', 'flows', 'nb', 'sb', 'describe', 'lang', 'doctor'])('of %s comes both ways', (name) => {
    const asked = lflow([name, '--help']);
    expect(asked.status).toBe(0);
    expect(asked.stdout).toContain(`Usage: lflow ${name}`);
    expect(lflow(['help', name]).stdout).toBe(asked.stdout);
  });

  test('without a command is printed as a mistake', () => {
    const { status, stdout, stderr } = lflow([]);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: lflow COMMAND');
  });
});

test('--version is that of package.json', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(lflow(['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

describe('mistakes in usage', () => {
  test('an unknown command: which there are, and the nearest', () => {
    const { status, stderr } = lflow(['verfy', 'x.yaml']);
    expect(status).toBe(2);
    expect(stderr).toContain("unknown command 'verfy'");
    expect(stderr).toContain('Did you mean verify?');
    expect(stderr).toContain(
      'The commands are verify, policy, worker, trace, diff, reach, flows, nb, sb, describe, replay, bench, lang, offload, doctor.',
    );
  });

  test.each([
    [['doctor', '--nonsense'], "unknown option '--nonsense'"],
    [['doctor', 'surplus'], 'too many arguments'],
    [['doctor', '--format', 'xml'], 'Allowed choices are text, json'],
    [['--nonsense'], "unknown option '--nonsense'"],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = lflow(args);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });
});

describe('-o FILE', () => {
  test('gets the whole answer, in place of what was there, and nothing is left beside it', () => {
    const file = join(folder, 'answer.json');
    writeFileSync(file, 'before');
    expect(lflow(['doctor', '--format', 'json', '-o', file])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('findings');
    expect(readdirSync(folder)).toEqual(['answer.json']);
    rmSync(file);
  });

  test('goes through a symbolic link and leaves the link', () => {
    const place = join(folder, 'linked');
    mkdirSync(place);
    writeFileSync(join(place, 'target'), 'before');
    symlinkSync('target', join(place, 'link'));
    lflow(['doctor', '-o', join(place, 'link')]);
    expect(readFileSync(join(place, 'target'), 'utf8')).toContain('native addon');
    expect(
      readdirSync(place, { withFileTypes: true })
        .find((entry) => entry.name === 'link')
        ?.isSymbolicLink(),
    ).toBe(true);
  });

  test('that cannot be written is a mistake in usage', () => {
    const missing = join(folder, 'no-such-folder', 'file');
    expect(lflow(['doctor', '-o', missing])).toEqual({
      status: 2,
      stdout: '',
      stderr: `lflow: cannot write ${missing}: no such file or directory\n`,
    });
  });

  test.each(['-', '/dev/stdout'])('%s is standard output', (file) => {
    expect(lflow(['doctor', '-o', file]).stdout).toContain('native addon');
  });
});

describe('a reader that goes away', () => {
  test('is no error', async () => {
    const child = spawn(process.execPath, [main, 'doctor', '--format', 'json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('a full disk is one', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `exec "$0" "$1" doctor > /dev/full`, process.execPath, main], {
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('no space left on the device');
    expect(stderr).not.toContain('    at ');
  });
});

describe('errors that nobody expected', () => {
  const failing = (statement: string, env: NodeJS.ProcessEnv = quiet) => {
    const program = new URL('../../dist/cli/program.js', import.meta.url).href;
    const script = `
      const { failed } = await import(${JSON.stringify(program)});
      try { ${statement} } catch (error) { process.exitCode = failed(error); }
    `;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env,
    });
    return { status, stderr };
  };

  test('are one sentence', () => {
    expect(failing("throw new TypeError('x is not\\na function')")).toEqual({
      status: 2,
      stderr: 'lflow: internal error: TypeError: x is not; please report it, LFLOW_DEBUG=1 shows where\n',
    });
  });

  test('show where they come from when asked', () => {
    expect(failing("throw new TypeError('x')", { ...quiet, LFLOW_DEBUG: '1' }).stderr).toContain('    at ');
  });

  test('of the operating system name the file', () => {
    expect(failing("await (await import('node:fs/promises')).readFile('/no/such/file')")).toEqual({
      status: 2,
      stderr: 'lflow: /no/such/file: no such file or directory\n',
    });
  });
});
