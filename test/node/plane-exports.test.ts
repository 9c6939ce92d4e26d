/** The types of the module's exports are those that it has. */
import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { expect, test } from 'vitest';
import { wasm } from '#asm/plane';
import { wasm as checkedWasm } from '#asm/plane-checked';

/** What the interface says: the number of parameters of each function, and the names of everything else. */
function typed(): Map<string, number | 'value'> {
  const text = readFileSync(new URL('../../engine/node/plane-exports.ts', import.meta.url), 'utf8');
  const body = text.slice(text.indexOf('interface PlaneExports {'));
  const functions = [...body.matchAll(/^ {2}(\w+)\(([^)]*)\): (?:number|bigint|void);/gms)].map(
    ([, name, parameters]) => [name, parameters.split(':').length - 1] as const,
  );
  const values = [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name]) => [name, 'value'] as const);
  return new Map<string, number | 'value'>([...functions, ...values]);
}

function exported(bytes: Uint8Array<ArrayBuffer>): Map<string, number | 'value'> {
  // Those that the loader made of them take any number of parameters.
  const exports: object = instantiateSync(bytes).instance.exports;
  return new Map(
    Object.entries(exports).map(([name, value]) => [name, typeof value === 'function' ? value.length : 'value']),
  );
}

const sorted = (names: Map<string, number | 'value'>): [string, number | 'value'][] =>
  [...names].sort(([a], [b]) => (a < b ? -1 : 1));

test.each([
  ['the module', wasm],
  ['the checked module', checkedWasm],
])('%s exports what is typed, with as many parameters', (_, bytes) => {
  expect(typed().size).toBeGreaterThan(80);
  expect(sorted(exported(bytes))).toEqual(sorted(typed()));
});
