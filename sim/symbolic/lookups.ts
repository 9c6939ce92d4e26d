/**
 * What packets are told by tables that learn: neighbours, MAC addresses of ports.
 * Static entries are what they are; anything may have been learned, so of the
 * rest each answer is followed.
 */
import { parseEthernet } from '../../engine/lang/addresses.ts';
import type { FieldRef } from '../../engine/lang/ir.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { parseAddress } from '../trace/addresses.ts';
import { gap } from './ends.ts';
import { fieldIndex, lookups } from './fields.ts';
import { mayKnow, mayKnowRouter } from './neighbors.ts';
import { chance, choose } from './packets.ts';
import { type Here, inexactly, numberValue, type Run } from './run.ts';
import { answeredBy, limited, packetsOf, type State } from './state.ts';
import { at, read, readRef, write, writeRef } from './store.ts';
import { unknownOnce } from './unknown.ts';
import { constantOf, inputOf, sameValues, type Value } from './value.ts';

/**
 * `get_arp` and `get_nd`: the neighbour's MAC address comes into eth.dst, zero if it is not known: whom nobody can have told of
 * is not.
 */
export function getNeighbor(
  run: Run,
  here: Here,
  state: State,
  { port, ip }: { port: FieldRef; ip: FieldRef },
): State[] {
  const { space, stores } = run;
  const found: State[] = [];
  let rest: State | undefined = state;
  for (const binding of fixedNeighbors(run, here)) {
    const address = readRef(stores, state.store, ip);
    const at_ = readRef(stores, state.store, port);
    if (!rest || !address || !at_ || address.width !== binding.ip.width) continue;
    const asked = space.and(
      sameValues(space, at_, numberValue(run, binding.port), space.empty),
      sameValues(space, address, binding.ip, space.empty),
    );
    const some = limited(run, rest, asked);
    if (some) found.push({ ...some, store: write(stores, some.store, at.ethDst, binding.mac) });
    rest = limited(run, rest, space.not(asked));
  }
  if (!rest) return found;
  const address = readRef(stores, rest.store, ip);
  const question = `${readRef(stores, rest.store, port)?.id} ${address?.id}`;
  const { n, asked: neighbors } = answeredBy(rest.used.neighbors, question);
  const isTold = n < lookups;
  const field = fieldIndex(`neighbor.${n % lookups}.mac`);
  const mac = isTold ? inputOf(stores.values, field, 48) : unknownOnce(run, `neighbor ${question}`, 48);
  const pairs = mayKnow(run, rest, port, address, mac);
  const learnable = isTold ? space.forget(pairs, [field]) : pairs;
  const nobody = limited(run, rest, space.not(learnable));
  const somebody = limited(run, rest, learnable);
  const unknown = constantOf(stores.values, 48, 0n);
  if (nobody) found.push({ ...nobody, store: write(stores, nobody.store, at.ethDst, unknown) });
  if (!somebody) return found;
  if (!isTold) return [...found, { ...somebody, store: write(stores, inexactly(run, somebody.store), at.ethDst, mac) }];
  const next = { ...somebody, used: { ...somebody.used, neighbors } };
  const yes = (name: string): PacketSet =>
    space.cube([{ field: fieldIndex(`neighbor.${n}.${name}`), value: 1n, mask: 1n }]);
  const believed = space.or(space.not(yes('honest')), mayKnowRouter(run, rest, port, address, mac));
  const isKnown = space.and(pairs, space.and(yes('known'), believed));
  const told = limited(run, next, isKnown);
  const untold = limited(run, next, space.not(isKnown));
  if (told) found.push({ ...told, store: write(stores, told.store, at.ethDst, mac) });
  if (untold) found.push({ ...untold, store: write(stores, untold.store, at.ethDst, unknown) });
  return found;
}

interface FixedNeighbor {
  readonly port: number;
  readonly ip: Value;
  readonly mac: Value;
}

/** Rows of Static_MAC_Binding that nothing learned stands before. */
function fixedNeighbors({ network, stores }: Run, { datapath }: Here): FixedNeighbor[] {
  return network.southbound.staticMacBindings.flatMap(({ logicalPort, ip, mac, overridesLearned }) => {
    const port = network.ports.get(logicalPort);
    const address = parseAddress(ip);
    const value = parseEthernet(mac);
    if (!overridesLearned || port?.datapath !== datapath.datapath || !address || value === undefined) return [];
    const width = address.family === 4 ? 32 : 128;
    return [
      {
        port: port.number,
        ip: constantOf(stores.values, width, address.value),
        mac: constantOf(stores.values, 48, value),
      },
    ];
  });
}

/** A result of one bit that depends on what was learned, or on anything else that packets do not say. */
export function learned(run: Run, state: State, dst: FieldRef, question: string): State {
  const { state: next, value } = chance(run, state, question);
  return { ...next, store: writeRef(run.stores, next.store, dst, value) };
}

/** `get_fdb`: the port that the MAC address was learned on, none if it was not: any that may learn. */
export function getPortOfMac(run: Run, here: Here, state: State, dst: FieldRef): State[] {
  const learning = here.datapath.datapath.ports.filter(
    ({ binding: { type, mac } }) => type === 'localnet' || mac.some((entry) => entry.startsWith('unknown')),
  );
  const numbers = [0, ...learning.map(({ number }) => number)];
  const question = `${here.flow?.uuid} ${read(state.store, at.ethDst).id}`;
  return choose(run, state, numbers.length, question).flatMap((some, index) =>
    some ? [{ ...some, store: writeRef(run.stores, some.store, dst, numberValue(run, numbers[index] as number)) }] : [],
  );
}

/** The action was not modelled: what is said of these packets is no proof; nor is what they may open known, if they are `opening`. */
export function notModelled(run: Run, here: Here, state: State, what: string, opening = true): void {
  gap(run, here, `the action ${what} is not modelled`, packetsOf(run, state), opening);
}
