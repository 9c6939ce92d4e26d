/** What the parts of a node see of it: its database and program, its clock, and ways to send frames. */
import type { Action } from '../lang/index.ts';
import type { ControllerServices, Pipeline, PortBinding, Southbound } from '../ovsdb/southbound.ts';
import type { Program, ProgramDatapath } from '../program/index.ts';
import type { Flow } from './flow.ts';

/** A logical port of a datapath that is on this chassis. */
export interface LocalPlace {
  readonly binding: PortBinding;
  /** Number of the datapath in the program. */
  readonly datapath: number;
}

/** A packet that was handed to the host. */
export interface Asked {
  readonly action: Action;
  readonly frame: Uint8Array;
  /** All words of the flow, with the metadata of when it met the action. */
  readonly flow: Flow;
  /** Where it may go on; 0 if nowhere. */
  readonly recirc: number;
  readonly datapath: ProgramDatapath;
  /** Of the flow that it met. */
  readonly pipeline: Pipeline;
}

export interface Chassis {
  readonly name: string;
  /** Milliseconds since the node began. */
  readonly now: number;
  readonly southbound: Southbound;
  readonly services: ControllerServices;
  readonly program: Program;
  /** A port of a local datapath. */
  placeOf(logicalPort: string): LocalPlace | undefined;
  /** Sends a frame as if it came in by a logical port. */
  enter(place: LocalPlace, frame: Uint8Array, options?: { localOnly?: boolean }): void;
  /** Sends a frame to a port or group of a datapath, by its tunnel key, as from `inport`; on this chassis only. */
  deliver(datapath: number, outport: number, frame: Uint8Array, inport?: number): void;
  /** Sends a packet that was handed over on from where it stopped, with the flow's metadata as it is now. */
  resume(asked: Asked, frame: Uint8Array): void;
  /** Sends a packet that was handed over to its outport. */
  output(asked: Asked, frame: Uint8Array): void;
  /** A number below `limit`, by chance; the same in every run. */
  random(limit: number): number;
}

/** Something that happens at times of its own. */
export interface Timed {
  /** When the next thing is due; Infinity if nothing is. */
  due(): number;
  /** Does what is due at the chassis' `now`. */
  run(): void;
}

/** The port of a datapath with that tunnel key. */
export function portByKey({ view }: ProgramDatapath, key: number): PortBinding | undefined {
  return view.ports.find(({ binding }) => binding.tunnelKey === key)?.binding;
}
