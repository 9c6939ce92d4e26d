/** Tables that do nothing with packets: they are passed without a lookup, and their flows are met. */
import { describe, expect, test } from 'vitest';
import { createTexts, readDatapaths } from '../../../sim/symbolic/flows.ts';
import { analyse, networkOf } from '../../../sim/symbolic/index.ts';
import { southboundFrom } from '../../trace/southbound.ts';

const networkWith = (...flows: string[]) =>
  networkOf(southboundFrom({ s: { ports: { a: {}, b: {} }, flows: [...flows, 'egress 0 0 1 => output;'] } }));

/** What the first table of the switch does with all packets. */
function passedIn(...flows: string[]) {
  const network = networkWith(...flows);
  const [datapath] = network.datapaths.values();
  if (!datapath) throw new Error('there is no switch');
  const read = readDatapaths(network, [datapath], createTexts(network));
  return read.get(datapath.uuid)?.tables.ingress[0]?.passed?.table;
}

describe('a table is passed', () => {
  test('where all packets meet one flow that brings them to a later table', () => {
    expect(passedIn('0 0 1 => next;')).toBe(1);
    expect(passedIn('0 5 1 => next(pipeline=ingress, table=7);')).toBe(7);
  });

  test('and not where anything else may become of them', () => {
    expect(passedIn('0 0 ip => next;')).toBeUndefined();
    expect(passedIn('0 0 1 => reg0 = 1; next;')).toBeUndefined();
    expect(passedIn('0 0 1 => drop;')).toBeUndefined();
    expect(passedIn('0 0 1 => outport = "b"; output;')).toBeUndefined();
    expect(passedIn('0 0 1 => next(pipeline=egress, table=1);')).toBeUndefined();
    expect(passedIn('0 0 1 => next; next;')).toBeUndefined();
    expect(passedIn('0 0 1 => next;', '0 10 arp => drop;')).toBeUndefined();
    expect(passedIn('0 0 nonsense => next;')).toBeUndefined();
  });
});

describe('what passes tables', () => {
  const flows = ['0 0 1 => next;', '1 0 1 => next;', '2 50 arp => drop;', '2 0 1 => next;'];
  const deliver = '3 0 1 => outport = "b"; output;';

  test('has met their flows, and ends where it ends', () => {
    const network = networkWith(...flows, deliver);
    const { met, classes, possible, space } = analyse(network);
    expect([...met]).toHaveLength(network.southbound.flows.length);
    expect(space.orAll(classes.map(({ packets }) => packets))).toBe(possible);
    expect(classes.map(({ end }) => end.kind).sort()).toEqual(['drop', 'drop', 'port']);
  });

  test('is lost behind the last of them, if no flow is there', () => {
    const { classes, possible, space } = analyse(networkWith('0 0 1 => next;', '1 0 1 => next;'));
    expect(classes.map(({ end }) => end)).toMatchObject([{ kind: 'drop', table: 2, why: 'no match' }]);
    expect(space.orAll(classes.map(({ packets }) => packets))).toBe(possible);
  });
});
