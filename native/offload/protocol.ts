/** What a device is asked and what it answers: JSON objects, the same for a device in this process and for lflow-device. */
import type { Action, Meter, Rule } from '../../engine/offload/rules.ts';

/** What takes the rules. */
export type DeviceOptions =
  /** A device in software, with these ports; `capabilities` is what a capability file says, absent: it can do all. */
  | { readonly kind: 'emulated'; readonly ports: readonly string[]; readonly capabilities?: object }
  /**
   * The ports that DPDK finds with the options `eal`, e.g. `--allow=0000:03:00.0,representor=[0-3],dv_flow_en=2`.  `port`
   * is the one by which rules are made, the first if it is absent.
   */
  | { readonly kind: 'dpdk'; readonly eal: readonly string[]; readonly port?: string }
  /** DOCA Flow on these ports, in that mode (`switch,hws`). */
  | { readonly kind: 'doca'; readonly eal: readonly string[]; readonly mode?: string };

/** A port of a device. */
export interface Port {
  /** DPDK's number. */
  readonly number: number;
  /** The name of a representor, e.g. `pf0vf2`, or of the ethdev. */
  readonly name: string;
  /** The address of its device on the bus, e.g. `0000:03:00.0`; '' for a representor. */
  readonly device: string;
}

/** A rule that a device has. */
export interface InstalledRule {
  readonly id: number;
  /** As its structures say it: all numbers of actions are there, fields of items only where something is matched. */
  readonly rule: Rule;
  /** Of rules that count. */
  readonly packets?: number;
  readonly bytes?: number;
  /** Of rules that age: seconds since the last packet, and whether that is longer than their timeout. */
  readonly idle?: number;
  readonly aged?: boolean;
  /** Why its counters cannot be read. */
  readonly error?: string;
}

/** What became of a frame in the emulated device. */
export interface Fate {
  /** Where it went, and as what; empty where it was dropped. */
  readonly outputs: readonly {
    /** To software, by way of the port's representor; otherwise out of the port. */
    readonly software: boolean;
    readonly port: string;
    /** In hexadecimal. */
    readonly frame: string;
  }[];
  /** The last group that it came to. */
  readonly group: number;
  /** No rule of that group took it; so it went to software. */
  readonly missed: boolean;
}

export interface IndirectAction {
  readonly id: number;
  readonly action: Action;
}

/** The outcome for one rule: what is not refused has no `error`. */
export interface Outcome {
  readonly error?: string;
  /** Of a rule that was created. */
  readonly id?: number;
  /** Of a rule that was converted: what its structures say. */
  readonly rule?: Rule;
}

export type Request =
  | { readonly op: 'ports' | 'describe' | 'flush' | 'aged' | 'shared' | 'claim' | 'release' }
  | { readonly op: 'convert' | 'validate' | 'create'; readonly rules: readonly Rule[] }
  | { readonly op: 'destroy'; readonly ids: readonly number[] }
  | { readonly op: 'list'; readonly after: number; readonly most: number }
  | { readonly op: 'create_handle'; readonly id: number; readonly action: Action }
  | { readonly op: 'destroy_handle'; readonly id: number }
  | ({ readonly op: 'create_meter' } & Meter)
  | { readonly op: 'destroy_meter'; readonly mtr_id: number }
  | { readonly op: 'receive'; readonly port: string; readonly software: boolean; readonly frames: readonly string[] }
  | { readonly op: 'advance'; readonly seconds: number }
  | { readonly op: 'fail'; readonly nth: number };

/** All that answers hold, each answer some of it. */
export interface Answer {
  readonly error?: string;
  readonly ports?: readonly Port[];
  readonly results?: readonly Outcome[];
  readonly rules?: readonly InstalledRule[];
  readonly more?: boolean;
  readonly ids?: readonly number[];
  readonly indirect?: readonly IndirectAction[];
  readonly meters?: readonly Meter[];
  readonly fates?: readonly Fate[];
}

/** A way to a device. */
export interface Channel {
  /** The answer to a request, in the order of the requests.  Rejects where the way is closed. */
  ask(request: Request): Promise<Answer>;
  close(): Promise<void>;
}
