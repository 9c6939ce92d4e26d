import { expect, test } from 'vitest';
import { gratuitousArp } from '../../../engine/node/answer/arp.ts';
import { readNatAddresses } from '../../../engine/node/answer/nat-addresses.ts';
import { ip, mac } from '../../messages.ts';

const own = mac('80:fa:5b:06:72:b7');
const announced = (...addresses: string[]) => new Map(addresses.map((each) => [each, gratuitousArp(own, ip(each))]));

test.each([
  ['80:fa:5b:06:72:b7 158.36.44.22 158.36.44.24', { announcements: announced('158.36.44.22', '158.36.44.24') }],
  [
    '80:fa:5b:06:72:b7 158.36.44.22 fd00::1 is_chassis_resident("cr-a \\"b\\"")',
    { announcements: announced('158.36.44.22'), residentPort: 'cr-a "b"' },
  ],
  ['80:fa:5b:06:72:b7', { announcements: announced() }],
  ['80:fa:5b:06:72:b7 158.36.44.22 x 158.36.44.23', { announcements: announced('158.36.44.22') }],
  ['158.36.44.22', undefined],
  ['', undefined],
])('%s', (entry, expected) => {
  expect(readNatAddresses(entry)).toEqual(expected);
});
