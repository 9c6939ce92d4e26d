/** Matches on stores beside their meaning, number by number. */
import { describe, expect, it } from 'vitest';
import { fieldIndex, matching, packetSpace } from '../../../sim/symbolic/index.ts';
import { isVague, prefixes, type Test } from '../../../sim/symbolic/matching.ts';
import { at, createStores, write } from '../../../sim/symbolic/store.ts';
import { choiceOf, constantOf, inputOf, unknownOf } from '../../../sim/symbolic/value.ts';

const space = packetSpace();
const stores = createStores(space);
const { values } = stores;
const dst = fieldIndex('tp.dst');

const is = (value: number, mask = 0xffff, equal = true): Test => ({
  type: 'bits',
  place: at.tpDst,
  value: BigInt(value),
  mask: BigInt(mask),
  equal,
});

describe('symbolic/matching', () => {
  it('makes values under masks of ranges: each number once, and no other', () => {
    for (let from = 0; from < 32; from++) {
      for (let to = from; to < 32; to++) {
        const parts = prefixes(BigInt(from), BigInt(to), 31n);
        for (let n = 0n; n < 32n; n++) {
          const hits = parts.filter(({ value, mask }) => (n & mask) === value).length;
          expect(hits).toBe(n >= from && n <= to ? 1 : 0);
        }
      }
    }
  });

  it('is about the field that entered where nothing was written', () => {
    const web = space.oneOf(dst, [80n, 443n]);
    const test: Test = { type: 'or', terms: [is(80), is(443)] };
    expect(matching(space, stores.initial, test, 'must')).toBe(web);
    expect(matching(space, stores.initial, { type: 'and', terms: [is(80), is(443)] }, 'may')).toBe(space.empty);
    expect(matching(space, stores.initial, is(80, 0xffff, false), 'must')).toBe(space.not(space.oneOf(dst, [80n])));
  });

  it('is about what was written, option by option', () => {
    const dns = space.oneOf(dst, [53n]);
    const value = choiceOf(values, space, [
      { packets: dns, value: constantOf(values, 16, 5353n) },
      { packets: space.not(dns), value: inputOf(values, dst, 16) },
    ]);
    const store = write(stores, stores.initial, at.tpDst, value);
    expect(matching(space, store, is(5353), 'must')).toBe(space.oneOf(dst, [53n, 5353n]));
    expect(matching(space, store, is(53), 'may')).toBe(space.empty);
    expect(isVague(store, is(53))).toBe(false);
  });

  it('may match what is unknown, and does not surely', () => {
    const store = write(stores, stores.initial, at.tpDst, unknownOf(values, 16));
    for (const equal of [true, false]) {
      expect(matching(space, store, is(80, 0xffff, equal), 'may')).toBe(space.all);
      expect(matching(space, store, is(80, 0xffff, equal), 'must')).toBe(space.empty);
    }
    expect(isVague(store, is(80))).toBe(true);
  });
});
