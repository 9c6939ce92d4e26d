/** The `output` action: from the ingress pipeline into the egress one, from there to the port and beyond. */
import type { PacketSet } from '../../engine/sets/index.ts';
import { changed } from './passage.ts';
import {
  drop,
  end,
  gap,
  type Here,
  limited,
  numberValue,
  portByNumber,
  portIn,
  type Run,
  type State,
  startPipeline,
} from './run.ts';
import { at, read, type Store, write, writeAll } from './store.ts';
import { cleared } from './tracking.ts';
import type { NetworkPort } from './types.ts';
import { constantOf, sameValues, sliceOf } from './value.ts';

/** Sends packets to the port or group in their `outport`. */
export function output(run: Run, here: Here, state: State): void {
  const number = portIn(state.store, at.outport);
  if (number === undefined) {
    gap(run, here, 'the port that the packets are sent to is not known', state.packets);
    drop(run, here, 'no port', state);
    return;
  }
  const group = typeof number === 'number' ? here.datapath.groupsByNumber.get(number) : undefined;
  const port = typeof number === 'number' ? portByNumber(run, number) : undefined;
  if (number !== 'inport' && !group && !port) {
    drop(run, here, 'no port', state);
    return;
  }
  if (here.pipeline === 'egress') {
    leave(run, here, state, port);
    return;
  }
  if (group) for (const member of group.ports) toEgress(run, here, state, member);
  else toEgress(run, here, state, port);
}

/** The port that a chassisredirect port stands for. */
function distributed({ network }: Run, port: NetworkPort): NetworkPort | undefined {
  if (port.binding.type !== 'chassisredirect') return port;
  const found = network.ports.get(port.binding.options['distributed-port'] ?? '');
  return found?.datapath === port.datapath ? found : undefined;
}

/** Undefined stands for the port that the packets came in by. */
function toEgress(run: Run, here: Here, state: State, port: NetworkPort | undefined): void {
  const { space, stores } = run;
  const target = port && distributed(run, port);
  if (port && !target) {
    drop(run, here, 'no port', state);
    return;
  }
  const { store } = state;
  const outport = target ? numberValue(run, target.number) : read(store, at.outport);
  const isLoopback = sliceOf(stores.values, read(store, at.flags), 0, 1).constant === 1n;
  const back: PacketSet = isLoopback ? space.empty : sameValues(space, read(store, at.inport), outport, space.all);
  const omitted = limited(run, state, back);
  const going = limited(run, state, space.not(back));
  if (omitted) drop(run, here, 'inport', omitted);
  if (!going) return;
  const fresh = write(stores, withoutRegisters(run, going.store), at.outport, outport);
  startPipeline(run, here.datapath, 'egress', 0, here.hops + 1, { ...going, store: fresh });
}

/** Registers do not pass from one pipeline to the other. */
function withoutRegisters({ stores }: Run, store: Store): Store {
  const zero = (width: number) => constantOf(stores.values, width, 0n);
  return writeAll(stores, store, [
    [at.xxreg0, zero(128)],
    [at.xxreg1, zero(128)],
    [at.xreg4, zero(64)],
  ]);
}

/** The end of the egress pipeline: the port's peer takes the packets over, or somebody outside. */
function leave(run: Run, here: Here, state: State, port: NetworkPort | undefined): void {
  if (!port) {
    end(run, { kind: 'sender' }, watched(run, state, undefined));
    return;
  }
  const passing = watched(run, state, port);
  const { peer } = port;
  if (peer) {
    enter(run, here.hops + 1, passing, peer);
    return;
  }
  if (port.edge) end(run, { kind: 'port', port }, passing);
  else drop(run, here, 'no port', passing);
}

/** Packets enter a datapath by a port, as if nothing had been before but what is in their headers. */
export function enter(run: Run, hops: number, state: State, port: NetworkPort): void {
  const { stores } = run;
  const datapath = run.datapaths.get(port.datapath.uuid);
  if (!datapath) return;
  const entered = writeAll(stores, withoutRegisters(run, cleared(run, state.store)), [
    [at.inport, numberValue(run, port.number)],
    [at.outport, constantOf(stores.values, 20, 0n)],
    [at.flags, constantOf(stores.values, 32, 0n)],
  ]);
  startPipeline(run, datapath, 'ingress', 0, hops, { ...watched(run, state, port), store: entered });
}

/** Notes that packets passed a port or datapath that is watched. */
function watched({ watch, passages }: Run, state: State, port: NetworkPort | undefined): State {
  if (watch.size === 0 || !port) return state;
  const { passed } = state.passage;
  const names = [port.name, port.datapath.name].filter((name) => watch.has(name) && !passed.includes(name));
  if (names.length === 0) return state;
  return { ...state, passage: changed(passages, state.passage, { passed: [...passed, ...names].sort() }) };
}
