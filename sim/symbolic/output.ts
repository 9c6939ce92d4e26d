/** The `output` action: from the ingress pipeline into the egress one, from there to the port and beyond. */
import { groupBy } from '../../engine/group.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { drop, end, gap } from './ends.ts';
import type { SymbolicGroup } from './flows.ts';
import { copies } from './packets.ts';
import { changed } from './passage.ts';
import { startPipeline } from './pipelines.ts';
import { type Here, numberValue, type PortChoice, portByNumber, portsIn, type Run } from './run.ts';
import { limited, packetsOf, type State } from './state.ts';
import { at, read, type Store, write, writeAll } from './store.ts';
import { untracked } from './tracking.ts';
import type { NetworkDatapath, NetworkPort } from './types.ts';
import { choiceOf, constantOf, type Option, sameValues, sliceOf, type Value } from './value.ts';

/** Sends packets to the port or group in their `outport`. */
export function output(run: Run, here: Here, state: State): void {
  const choices = portsIn(run, state.store, at.outport);
  for (const { packets } of choices.filter(({ number }) => number === undefined)) {
    const some = limited(run, state, packets);
    if (!some) continue;
    gap(run, here, 'the port that the packets are sent to is not known', packetsOf(run, some));
    drop(run, here, 'no port', some);
  }
  const known = choices.filter(({ number }) => number !== undefined);
  if (here.pipeline === 'egress') leave(run, here, state, known);
  else depart(run, here, state, known);
}

/** Packets for single ports go on as one, whatever the port; those for a group are copied. */
function depart(run: Run, here: Here, state: State, choices: readonly PortChoice[]): void {
  const single: Option[] = [];
  for (const { packets, number, value } of choices) {
    const group = typeof number === 'number' ? here.datapath.groupsByNumber.get(number) : undefined;
    const port = typeof number === 'number' ? portByNumber(run, number) : undefined;
    const target = port && distributed(run, port);
    if (run.chassis && (group || (port && run.chassis.isAway(port)))) leaveChassis(run, state, packets, port);
    else if (number === 'inport') single.push({ packets, value });
    else if (target) single.push({ packets, value: numberValue(run, target.number) });
    else {
      const some = limited(run, state, packets);
      if (!some) continue;
      if (group) replicate(run, here, some, group);
      else drop(run, here, 'no port', some);
    }
  }
  toEgress(run, here, state, single);
}

/** Where one chassis is looked at, packets for other chassis end here, and so do those for groups, which are copied. */
function leaveChassis(run: Run, state: State, packets: PacketSet, port: NetworkPort | undefined): void {
  const some = limited(run, state, packets);
  if (!some) return;
  if (port) end(run, { kind: 'port', port }, some);
  else run.chassis?.floods(packetsOf(run, some));
}

/** The port that a chassisredirect port stands for. */
function distributed({ network }: Run, port: NetworkPort): NetworkPort | undefined {
  if (port.binding.type !== 'chassisredirect') return port;
  const found = network.ports.get(port.binding.options['distributed-port'] ?? '');
  return found?.datapath === port.datapath ? found : undefined;
}

function replicate(run: Run, here: Here, state: State, { ports }: SymbolicGroup): void {
  const states = copies(run, state, ports.length);
  const [first] = states;
  const isTold = first !== undefined && first.used !== state.used;
  if (isTold) {
    const options = states.flatMap((one, index) =>
      one ? [{ packets: one.guard, value: numberValue(run, (ports[index] as NetworkPort).number) }] : [],
    );
    toEgress(run, here, { ...first, guard: state.guard }, options);
    return;
  }
  states.forEach((one, index) => {
    const value = numberValue(run, (ports[index] as NetworkPort).number);
    if (one) toEgress(run, here, one, [{ packets: run.space.all, value }]);
  });
}

/** The packets, each for its port, start the egress pipeline; none goes back where it came from, unless flags say that it may. */
function toEgress(run: Run, here: Here, state: State, options: readonly Option[]): void {
  const { space, stores } = run;
  const going = limited(run, state, space.orAll(options.map(({ packets }) => packets)));
  if (!going) return;
  const { store } = going;
  const outport = choiceOf(stores.values, space, options);
  const loopback = sliceOf(stores.values, space, read(store, at.flags), 0, 1);
  const mayLoop = sameValues(space, loopback, constantOf(stores.values, 1, 1n), space.empty);
  const turning = space.diff(sameValues(space, read(store, at.inport), outport, space.all), mayLoop);
  run.chassis?.returns(space.and(packetsOf(run, going), turning));
  const back = run.chassis ? space.empty : turning;
  const omitted = limited(run, going, back);
  const rest = limited(run, going, space.not(back));
  if (omitted) drop(run, here, 'inport', omitted);
  if (!rest) return;
  const fresh = write(stores, withoutRegisters(run, store), at.outport, outport);
  startPipeline(run, here.datapath, 'egress', 0, here.hops + 1, { ...rest, store: fresh });
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

/** The end of the egress pipeline: the ports' peers take the packets over, or somebody outside. */
function leave(run: Run, here: Here, state: State, choices: readonly PortChoice[]): void {
  for (const [number, alike] of groupBy(choices, (choice) => choice.number)) {
    const packets = run.space.orAll(alike.map((choice) => choice.packets));
    const some = limited(run, state, packets);
    if (!some) continue;
    const port = typeof number === 'number' ? portByNumber(run, number) : undefined;
    if (number === 'inport') end(run, { kind: 'sender' }, some);
    else if (!port) drop(run, here, 'no port', some);
    else leaveBy(run, here, some, port);
  }
}

function leaveBy(run: Run, here: Here, state: State, port: NetworkPort): void {
  const passing = watched(run, state, port);
  if (port.peer) enter(run, here.hops + 1, passing, port.peer);
  else if (port.edge) end(run, { kind: 'port', port }, passing);
  else drop(run, here, 'no port', passing);
}

/** Packets enter a datapath by a port, as if nothing had been before but what is in their headers. */
export function enter(run: Run, hops: number, state: State, port: NetworkPort): void {
  enterBy(run, hops, watched(run, state, port), port.datapath, numberValue(run, port.number));
}

/** Packets enter a datapath by a port of it, or each by another one. */
export function enterBy(run: Run, hops: number, state: State, { uuid }: NetworkDatapath, inport: Value): void {
  const { stores } = run;
  const datapath = run.datapaths.get(uuid);
  if (!datapath) return;
  const fresh = untracked(run, state);
  const entered = writeAll(stores, withoutRegisters(run, fresh.store), [
    [at.inport, inport],
    [at.outport, constantOf(stores.values, 20, 0n)],
    [at.flags, constantOf(stores.values, 32, 0n)],
  ]);
  startPipeline(run, datapath, 'ingress', 0, hops, { ...fresh, store: entered });
}

/** Notes that packets passed a port or datapath that is watched. */
function watched({ watch, passages }: Run, state: State, port: NetworkPort): State {
  if (watch.size === 0) return state;
  const { passed } = state.passage;
  const names = [port.name, port.datapath.name].filter((name) => watch.has(name) && !passed.includes(name));
  if (names.length === 0) return state;
  return { ...state, passage: changed(passages, state.passage, { passed: [...passed, ...names].sort() }) };
}
