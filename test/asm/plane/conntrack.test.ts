import { expect, test } from 'vitest';
import { bytes, checked, ethernet, ip4, pseudo, udp } from '../build.ts';
import { stateText, Tracker } from './tracker.ts';

const a = 0x0a000001;
const b = 0x0a000002;
const udp4 = (src: number, dst: number, from: number, to: number) =>
  ethernet(0x800, ip4({ src, dst, proto: 17 }, checked(udp(from, to, bytes('0102')), 6, pseudo(src, dst, 4, 17, 10))));

test('udp', () => {
  const t = new Tracker();
  const next = { zone: 1 };
  const commit = { zone: 1, commit: true };
  expect(stateText(t.one(udp4(a, b, 1, 2), next).state)).toBe('new|trk');
  expect(stateText(t.one(udp4(a, b, 1, 2), next, commit).state)).toBe('new|trk');
  expect(stateText(t.one(udp4(a, b, 1, 2), next).state)).toBe('new|trk');
  expect(stateText(t.one(udp4(b, a, 2, 1), next).state)).toBe('est|rpl|trk');
  expect(stateText(t.one(udp4(a, b, 1, 2), next).state)).toBe('est|trk');
});
