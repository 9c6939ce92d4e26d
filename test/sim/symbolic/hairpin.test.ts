/** Backends that call their own load balancer: which packets that is said of, and what becomes of them. */
import { describe, expect, test } from 'vitest';
import type { LoadBalancer } from '../../../engine/ovsdb/southbound.ts';
import { hairpin, hairpinReply, toVirtualAddress } from '../../../sim/symbolic/hairpin.ts';
import { at, read } from '../../../sim/symbolic/index.ts';
import { packetsOf } from '../../../sim/symbolic/state.ts';
import { type Store, write } from '../../../sim/symbolic/store.ts';
import { constantOf, unknownOf } from '../../../sim/symbolic/value.ts';
import { southboundFrom } from '../../trace/southbound.ts';
import { type Trial, trialOf } from './runs.ts';

const [vip, backend, other, snat] = [0x0a600001, 0x0a000005, 0x0a000006, 0x0a6000fe];

/** A switch with a load balancer for 10.96.0.1:80 and two backends, and one that another switch has. */
function balanced(change: Partial<LoadBalancer> = {}): Trial {
  const southbound = southboundFrom({
    s: { ports: { a: {} }, flows: ['0 0 1 => drop;'] },
    t: { ports: { b: {} }, flows: ['0 0 1 => drop;'] },
  });
  const [s = '', t = ''] = southbound.datapaths.map(({ uuid }) => uuid);
  const one: LoadBalancer = {
    uuid: 'one',
    name: 'web',
    vips: { '10.96.0.1:80': '10.0.0.5:8080,10.0.0.6:8080' },
    protocol: 'tcp',
    options: {},
    datapaths: [s],
    ...change,
  };
  const elsewhere = { ...one, uuid: 'two', vips: { '10.96.0.2:80': '10.0.0.7:8080' }, datapaths: [t] };
  return trialOf({ ...southbound, loadBalancers: [one, elsewhere] });
}

/** What was sent to an address and port, and translated to a backend's. */
function translated({ run }: Trial, to: number, asked = vip): Store {
  const { stores } = run;
  const set = (store: Store, place: number, width: number, value: number) =>
    write(stores, store, place, constantOf(stores.values, width, BigInt(value)));
  let store = set(stores.initial, at.ctState, 32, 128 + 32 + 1);
  store = set(store, at.ip4Dst, 32, to);
  store = set(store, at.ctNwDst, 32, asked);
  store = set(store, at.ctTpDst, 16, 80);
  return set(store, at.tpDst, 16, 8080);
}

const all = ({ run: { space } }: Trial, ...sets: number[]) => sets.reduce((a, b) => space.and(a, b), space.all);

describe('a packet that comes back to its sender', () => {
  const trial = balanced();
  const { run, here, is } = trial;

  test('is of the protocol, from the backend that it was translated to', () => {
    const own = all(trial, is('eth.type', 0x800), is('ip.proto', 6), is('ip4.src', backend));
    for (const certainty of ['may', 'must'] as const) {
      expect(hairpin(run, here, translated(trial, backend), certainty)).toBe(own);
    }
  });

  test('is none to a virtual address that another switch has, nor to another port', () => {
    expect(hairpin(run, here, translated(trial, 0x0a000007, 0x0a600002), 'may')).toBe(run.space.empty);
    const elsewhere = write(run.stores, translated(trial, backend), at.ctTpDst, constantOf(run.stores.values, 16, 81n));
    expect(hairpin(run, here, elsewhere, 'may')).toBe(run.space.empty);
    const untranslated = write(
      run.stores,
      translated(trial, backend),
      at.ctState,
      constantOf(run.stores.values, 32, 33n),
    );
    expect(hairpin(run, here, untranslated, 'may')).toBe(run.space.empty);
  });

  test('may be one whose source is unknown, and surely is none', () => {
    const vague = write(run.stores, translated(trial, backend), at.ip4Src, unknownOf(run.stores.values, 32));
    expect(hairpin(run, here, vague, 'may')).toBe(all(trial, is('eth.type', 0x800), is('ip.proto', 6)));
    expect(hairpin(run, here, vague, 'must')).toBe(run.space.empty);
  });

  test('of a balancer without ports is of any protocol', () => {
    const bare = balanced({ vips: { '10.96.0.1': '10.0.0.5' } });
    expect(hairpin(bare.run, bare.here, translated(bare, backend), 'must')).toBe(
      all(bare, bare.is('eth.type', 0x800), bare.is('ip4.src', backend)),
    );
  });

  test('of IPv6 is told by its own fields', () => {
    const six = balanced({ vips: { '[fd00::1]:80': '[fd00::5]:8080' } });
    const { stores } = six.run;
    const wide = (store: Store, place: number, value: bigint) =>
      write(stores, store, place, constantOf(stores.values, 128, value));
    const base = 0xfdn << 120n;
    const store = wide(wide(translated(six, backend), at.ip6Dst, base | 5n), at.ctIp6Dst, base | 1n);
    expect(hairpin(six.run, six.here, store, 'must')).toBe(
      all(six, six.is('eth.type', 0x86dd), six.is('ip.proto', 6), six.is('ip6.src', base | 5n)),
    );
  });
});

describe('its source', () => {
  test.each<[string, Partial<LoadBalancer>, number]>([
    ['the virtual address', {}, vip],
    ['the one that is configured', { options: { hairpin_snat_ip: '10.96.0.254 fd00::fe' } }, snat],
  ])('becomes %s, and that of nobody else', (_, change, source) => {
    const trial = balanced(change);
    const { run, here, is, state } = trial;
    const { space } = run;
    const states = toVirtualAddress(run, here, state(space.all, translated(trial, backend)));
    const own = all(trial, is('eth.type', 0x800), is('ip.proto', 6), is('ip4.src', backend));
    expect(states.map((one) => [packetsOf(run, one), read(one.store, at.ip4Src).constant])).toEqual([
      [own, BigInt(source)],
      [space.not(own), undefined],
    ]);
  });

  test('may become it where it is not known whose it is: both ways are followed, inexactly', () => {
    const trial = balanced();
    const { run, here, is, state } = trial;
    const vague = write(run.stores, translated(trial, backend), at.ip4Src, unknownOf(run.stores.values, 32));
    const tcp = all(trial, is('eth.type', 0x800), is('ip.proto', 6));
    const states = toVirtualAddress(run, here, state(tcp, vague));
    const looks = states.map(({ store }) => [read(store, at.ip4Src).constant, read(store, at.inexact).constant]);
    expect(looks).toContainEqual([BigInt(vip), 1n]);
    expect(looks).toContainEqual([undefined, 1n]);
    for (const one of states) expect(packetsOf(run, one)).toBe(tcp);
  });
});

describe('an answer that a backend may have sent to itself', () => {
  test('comes from its port, for the address that its request came from', () => {
    for (const [change, asker] of [
      [{}, vip],
      [{ options: { hairpin_snat_ip: '10.96.0.254' } }, snat],
    ] as const) {
      const trial = balanced(change);
      const { run, here, is } = trial;
      const { space } = run;
      const common = all(trial, is('eth.type', 0x800), is('ip.proto', 6), is('tp.src', 8080), is('ip4.dst', asker));
      const either = space.or(is('ip4.src', backend), is('ip4.src', other));
      expect(hairpinReply(run, here, run.stores.initial)).toBe(space.and(common, either));
    }
  });
});
