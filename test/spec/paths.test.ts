import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from '../../engine/spec/nearest.ts';
import { formatPath, parsePath } from '../../engine/spec/paths.ts';

test('a path is what it is printed as', () => {
  const segment = fc.oneof(fc.nat(), fc.string({ minLength: 1 }), fc.constantFrom('spec', 'a.b/c', 'x"y', 'a-b', '0'));
  fc.assert(
    fc.property(fc.array(segment), (segments) => {
      expect(parsePath(formatPath(segments))).toEqual(segments);
    }),
  );
});

test.each([
  ['vcp', ['vpc', 'net'], 'vpc'],
  ['external-cdir', ['external-cidr', 'external-gateway'], 'external-cidr'],
  ['Bridge', ['Bridged'], 'Bridged'],
  ['something', ['else'], undefined],
  ['x'.repeat(101), ['x'.repeat(102)], undefined],
])('%s is meant to be one of %j', (word, candidates, expected) => expect(nearest(word, candidates)).toBe(expected));
