/** The capability files are as their schema says; files of the user's own are refused by line and column. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  type Capabilities,
  capabilitiesOf,
  devices,
  readCapabilities,
  whyNotAction,
  whyNotItem,
} from '../../engine/offload/capabilities/index.ts';
import { ACTIONS, ITEMS } from '../../engine/offload/rules.ts';
import { formatProblem } from '../../engine/origin.ts';

const folder = fileURLToPath(new URL('../../engine/offload/capabilities/', import.meta.url));
const textOf = (name: string) => readFileSync(`${folder}${name}`, 'utf8');
const schema = JSON.parse(textOf('schema.json'));

function known(device: string): Capabilities {
  const capabilities = capabilitiesOf(device);
  if (!capabilities) throw new Error(device);
  return capabilities;
}

test('every file is known by its name, and is as the schema says', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'schema.json');
  expect(names.map((name) => name.replace('.json', '')).sort()).toEqual([...devices].sort());
  for (const name of names) {
    const { capabilities, problems } = readCapabilities(textOf(name), name);
    expect(problems.map(formatProblem)).toEqual([]);
    expect(capabilities?.device).toBe(name.replace('.json', ''));
  }
});

test('the schema knows the items and actions that rules know', () => {
  expect(schema.properties.items.propertyNames.enum).toEqual(Object.keys(ITEMS));
  expect(schema.properties.actions.propertyNames.enum).toEqual(Object.keys(ACTIONS));
});

test.each(devices)('%s says something of every item and action', (device) => {
  const { items, actions } = known(device);
  expect(Object.keys(ITEMS).filter((type) => !(type in items))).toEqual([]);
  expect(Object.keys(ACTIONS).filter((type) => !(type in actions))).toEqual([]);
});

test('what OVN needs and no device has is told with its reason', () => {
  for (const device of devices) {
    const capabilities = known(device);
    for (const type of ['arp_eth_ipv4', 'icmp6_nd_ns', 'sctp'] as const) {
      expect(whyNotItem(capabilities, type)).toMatch(/^\w+: .+ \(.+\)$/);
    }
    expect(whyNotItem(capabilities, 'ipv4', 'dst')).toBeUndefined();
    expect(whyNotAction(capabilities, 'modify_field', 'ipv4_dst')).toBeUndefined();
  }
  expect(whyNotAction(known('connectx-6-dx-hws'), 'dec_ttl')).toContain('modify_field');
  expect(whyNotAction(known('connectx-6-dx-sws'), 'dec_ttl')).toBeUndefined();
  expect(whyNotItem(known('kernel-tc'), 'tag')).toContain('registers');
  expect(whyNotItem(known('kernel-tc'), 'geneve', 'protocol')).toContain('geneve has no protocol there');
  expect(known('connectx-6-dx-hws').limits.matchDwords?.value).toBe(5);
  expect(known('bluefield-3-doca-hws').limits.matchDwords?.value).toBe(11);
});

describe('a file of the user', () => {
  const mine = {
    device: 'mine',
    title: 'My device',
    items: { eth: { source: 'its manual' } },
    actions: { drop: { source: 'its manual' } },
    limits: { rules: { value: 3, source: 'its manual' } },
    exclusive: [],
  };
  const complaints = (file: unknown) =>
    readCapabilities(JSON.stringify(file, null, 2), 'mine.json').problems.map(formatProblem);

  test('is taken, what it does not list is not known', () => {
    const { capabilities } = readCapabilities(JSON.stringify(mine), 'mine.json');
    expect(capabilities).toEqual(mine);
    if (capabilities) expect(whyNotItem(capabilities, 'ipv4')).toBe('nothing is known of the item ipv4');
  });

  test.each([
    [{ ...mine, items: { ehh: { source: 'x' } } }, 'mine.json:5:5: items.ehh: "ehh" is not known; perhaps eth'],
    [
      { ...mine, items: { eth: { source: 'x', fields: ['dts'] } } },
      'mine.json:8:9: items.eth.fields[0]: there is no field dts; perhaps dst',
    ],
    [{ ...mine, items: { eth: {} } }, 'mine.json:5:5: items.eth: source is missing; add it'],
    [{ ...mine, limit: {} }, 'mine.json:21:3: limit: there is no field limit here; perhaps limits'],
    [
      { ...mine, limits: { rules: { value: '3', source: 'x' } } },
      'mine.json:16:7: limits.rules.value: "3" is not of type integer or null',
    ],
    [{ ...mine, limits: { rules: { value: -3, source: 'x' } } }, expect.stringMatching(/^mine.json:16:7: .*>= 0$/)],
    [[], 'mine.json:1:1: [] is not of type object'],
  ])('%#: is refused where it is wrong', (file, complaint) => {
    expect(complaints(file)).toEqual([complaint]);
  });

  test.each([
    ['', 'mine.json:1:1: the file is empty'],
    ['{"device": "mine"', 'mine.json:1:1'],
    ['a: &a [*a]', 'mine.json:1:'],
    ['\u0000', 'mine.json:1:1: the file is not text'],
  ])('%j is refused without a crash', (text, start) => {
    const [first] = readCapabilities(text, 'mine.json').problems.map(formatProblem);
    expect(first?.startsWith(start)).toBe(true);
  });
});
