/** A device that takes rules, wherever it is: checked answers in the place of JSON. */
import type { Action, Meter, Rule } from '../../engine/offload/rules.ts';
import { openChannel } from './local.ts';
import type { Answer, Channel, DeviceOptions, Fate, IndirectAction, InstalledRule, Outcome, Port } from './protocol.ts';
import { connectChannel } from './remote.ts';

/** Rules that are listed in one answer. */
const PAGE = 5000;

/** All functions reject with a sentence where the device as a whole cannot do what it is asked. */
export interface OffloadDevice {
  readonly ports: readonly Port[];
  /** What the device would say to each rule, without taking it. */
  validate(rules: readonly Rule[]): Promise<readonly Outcome[]>;
  /** Creates rules in their order, up to the first that is refused: an outcome for each that was tried. */
  create(rules: readonly Rule[]): Promise<readonly Outcome[]>;
  /** Destroys all that it can; an outcome for each. */
  destroy(ids: readonly number[]): Promise<readonly Outcome[]>;
  /** From now on nobody else changes the rules, until `release` or the end of this process; refused where somebody has it. */
  claim(): Promise<void>;
  release(): Promise<void>;
  /** Destroys all rules. */
  flush(): Promise<void>;
  /** All rules in the order of their making, with their counters. */
  list(): Promise<readonly InstalledRule[]>;
  /** The ids of rules that met no packet for longer than their timeout; each is told once. */
  aged(): Promise<readonly number[]>;
  createIndirect(id: number, action: Action): Promise<void>;
  destroyIndirect(id: number): Promise<void>;
  createMeter(meter: Meter): Promise<void>;
  destroyMeter(id: number): Promise<void>;
  /** What rules share. */
  shared(): Promise<{ readonly indirect: readonly IndirectAction[]; readonly meters: readonly Meter[] }>;
  /** Rules through the structures of rte_flow and back. */
  convert(rules: readonly Rule[]): Promise<readonly Outcome[]>;
  /** Of the emulated device: frames, in hexadecimal, that come in by a port, or that software sends by its representor. */
  receive(port: string, frames: readonly string[], software?: boolean): Promise<readonly Fate[]>;
  /** Of the emulated device: its clock goes on by so much more. */
  advance(seconds: number): Promise<void>;
  /** Of the emulated device: the nth creation of a rule from now on fails; 0 takes that back. */
  failAt(nth: number): Promise<void>;
  /** Lets go of the device: one of this process loses its rules, lflow-device keeps them. */
  close(): Promise<void>;
}

/** A device of this process. */
export async function openDevice(options: DeviceOptions): Promise<OffloadDevice> {
  return deviceOf(await openChannel(options));
}

/** The device of an lflow-device that listens on that socket. */
export async function connectDevice(socket: string): Promise<OffloadDevice> {
  return deviceOf(await connectChannel(socket));
}

async function deviceOf(channel: Channel): Promise<OffloadDevice> {
  const ask = async (request: Parameters<Channel['ask']>[0]): Promise<Answer> => {
    const answer = await channel.ask(request);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  const outcomes = async (op: 'convert' | 'validate' | 'create', rules: readonly Rule[]) =>
    (await ask({ op, rules })).results ?? [];
  const { ports = [] } = await ask({ op: 'ports' });
  return {
    ports,
    validate: (rules) => outcomes('validate', rules),
    create: (rules) => outcomes('create', rules),
    convert: (rules) => outcomes('convert', rules),
    destroy: async (ids) => (await ask({ op: 'destroy', ids })).results ?? [],
    claim: async () => void (await ask({ op: 'claim' })),
    release: async () => void (await ask({ op: 'release' })),
    flush: async () => void (await ask({ op: 'flush' })),
    list: async () => {
      const all: InstalledRule[] = [];
      for (let more = true; more; ) {
        const answer = await ask({ op: 'list', after: all.at(-1)?.id ?? 0, most: PAGE });
        all.push(...(answer.rules ?? []));
        more = answer.more === true;
      }
      return all;
    },
    aged: async () => (await ask({ op: 'aged' })).ids ?? [],
    createIndirect: async (id, action) => void (await ask({ op: 'create_handle', id, action })),
    destroyIndirect: async (id) => void (await ask({ op: 'destroy_handle', id })),
    createMeter: async (meter) => void (await ask({ op: 'create_meter', ...meter })),
    destroyMeter: async (mtr_id) => void (await ask({ op: 'destroy_meter', mtr_id })),
    shared: async () => {
      const { indirect = [], meters = [] } = await ask({ op: 'shared' });
      return { indirect, meters };
    },
    receive: async (port, frames, software = false) =>
      (await ask({ op: 'receive', port, software, frames })).fates ?? [],
    advance: async (seconds) => void (await ask({ op: 'advance', seconds })),
    failAt: async (nth) => void (await ask({ op: 'fail', nth })),
    close: () => channel.close(),
  };
}
