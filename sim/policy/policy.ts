/**
 * What a policy file says (docs/policy.md), as plain data: selectors, traffic and
 * rules, each with the place where it is written.
 */
import type { Expr } from '../../engine/lang/index.ts';
import type { Position } from '../../engine/origin.ts';
import type { Severity } from '../verdict.ts';

/** Where something is written: its position, and its path inside of the file. */
export interface Written {
  readonly at: Position;
  /** E.g. `rules[0].never.from`. */
  readonly path: string;
}

/** What is selected by name. */
export const nameKeys = ['tenant', 'vpc', 'network', 'interface', 'node', 'switch', 'router', 'port'] as const;
export type NameKey = (typeof nameKeys)[number];

/** Addresses that have their first bits in common. */
export interface Prefix {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** The bits that count, from the highest on. */
  readonly length: number;
  /** `10.0.0.0/8`, `2001:db8::1`. */
  readonly text: string;
}

/** Which ports and addresses are meant. */
export type Selector =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Selector[] }
  | { readonly kind: 'not'; readonly term: Selector }
  | ({ readonly kind: 'set'; readonly name: string } & Written)
  | ({ readonly kind: 'name'; readonly key: NameKey; readonly name: string } & Written)
  | ({ readonly kind: 'label'; readonly key: string; readonly value: string } & Written)
  | ({ readonly kind: 'prefix'; readonly prefix: Prefix } & Written)
  | { readonly kind: 'external' };

/** Which packets are meant; a `match` is annotated, and looks at fields of packets only. */
export type Traffic =
  | { readonly kind: 'match'; readonly expr: Expr }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Traffic[] }
  | { readonly kind: 'not'; readonly term: Traffic };

/** Something with the words that it was written in, for sentences. */
export interface Worded<T> extends Written {
  readonly value: T;
  /** E.g. `web`, `vpc red, node worker1`, `tcp/443`. */
  readonly text: string;
}

export type RuleKind = 'never' | 'only' | 'always' | 'some' | 'unchanged';

export interface Rule extends Written {
  readonly id: string;
  readonly kind: RuleKind;
  readonly severity: Severity;
  /** Anybody unless given. */
  readonly from?: Worded<Selector>;
  /** Anybody unless given. */
  readonly to?: Worded<Selector>;
  /** Anything unless given. */
  readonly traffic?: Worded<Traffic>;
  readonly through?: Worded<Selector>;
  readonly notThrough?: Worded<Selector>;
  /** What the packets look like where they arrive. */
  readonly seenAs?: Worded<Traffic>;
  readonly state: 'new' | 'any';
  readonly bothWays: boolean;
  readonly allowEmpty: boolean;
  readonly against?: string;
}

/** Findings of a built-in property that are excused. */
export interface Exception extends Written {
  readonly id: string;
  /** Everything unless given. */
  readonly on?: Worded<Selector>;
  /** Of a finding about a pair: who sends, and who receives. */
  readonly from?: Worded<Selector>;
  readonly to?: Worded<Selector>;
  readonly reason: string;
  /** The last day, `YYYY-MM-DD`. */
  readonly until?: string;
}

export interface Pair {
  readonly from: Worded<Selector>;
  readonly to: Worded<Selector>;
}

export interface Beyond {
  readonly networks: readonly Prefix[];
  readonly by: readonly Prefix[];
  readonly at: Position;
}

/** What built-in properties are told: docs/properties has a page for each. */
export interface Settings {
  /** `tenant-isolation`: the tenants, instead of what manifests say. */
  readonly tenants?: readonly Worded<Selector>[];
  /** `inter-network-access`: lists of networks of which none reaches another, or each reaches each other. */
  readonly separate: readonly (readonly Worded<Selector>[])[];
  readonly joined: readonly (readonly Worded<Selector>[])[];
  /** `external-egress`: ranges of addresses (`prefix` and combinations) instead of the whole world. */
  readonly outside?: Worded<Selector>;
  /** `external-egress` and `external-egress-off`: who has no way out. */
  readonly internal: readonly Worded<Selector>[];
  /** `external-ingress-blocked`: who may be reached from outside. */
  readonly open: readonly Worded<Selector>[];
  /** `no-transit`: who may pass to whom. */
  readonly transit: readonly Pair[];
  /** `infrastructure-unreachable`: addresses that run the network, and what of them may be reached. */
  readonly infrastructure: readonly Worded<Selector>[];
  readonly reachable: readonly { readonly cidr: Worded<Selector>; readonly traffic?: Worded<Traffic> }[];
  /** `masquerade-applied`: whose addresses are known outside. */
  readonly routed: readonly Worded<Selector>[];
  /** `nat-hairpin`: ranges of addresses that are for the outside only. */
  readonly outsideOnly?: Worded<Selector>;
  /** `source-guarded`: who may send from any address. */
  readonly trusted: readonly Worded<Selector>[];
  /** `no-blackhole`: who need not reach whom. */
  readonly lost: readonly Pair[];
  /** `next-hop-valid`: names of routers whose equal paths are meant. */
  readonly equalPaths: readonly string[];
  /** `next-hop-valid`: networks that rows do not have, with the neighbours (single addresses) that know the way there. */
  readonly beyond: readonly Beyond[];
  /** `subnet-overlap`: addresses that networks must keep clear of. */
  readonly ranges: readonly Worded<Selector>[];
  /** `mtu-fits`: bytes of the largest IP packet between chassis, and how packets are carried there. */
  readonly underlay?: { readonly mtu: number; readonly encap: 'geneve' | 'vxlan'; readonly ip: 4 | 6 };
  /** `dead-flows`: whether a port group that has no port counts as dead. */
  readonly deadPorts: 'existing' | 'any';
}

export interface Policy {
  readonly file: string;
  readonly sets: ReadonlyMap<string, Worded<Selector>>;
  readonly builtIn: {
    /** `all`, or the ids of the built-in properties that are checked. */
    readonly enable: 'all' | readonly string[];
    readonly disable: readonly string[];
    readonly except: readonly Exception[];
    readonly settings: Settings;
  };
  readonly rules: readonly Rule[];
}

/** The parts of a selector, itself among them; what named sets select is not. */
export function* parts(selector: Selector): Generator<Selector, void> {
  yield selector;
  if (selector.kind === 'and' || selector.kind === 'or') for (const term of selector.terms) yield* parts(term);
  else if (selector.kind === 'not') yield* parts(selector.term);
}
