#!/usr/bin/env node
/** The `lflow` command: everything is in `program.ts`, which tests can call without a process. */
import { settle } from './command.ts';
import { failed, run } from './program.ts';

// What nobody awaited must not end in a stack trace either.
process.on('uncaughtException', (error) => {
  process.exitCode = failed(error);
  process.exit();
});
settle(process.stdout);
settle(process.stderr);

process.exitCode = await run(process.argv.slice(2));
