/**
 * Which properties should catch which mutants.  What is done to a table of a pipeline, or to a kind of rows, breaks the
 * promises that this table or kind is there for; or it stops packets on their way, and those are broken that something
 * arrives.  A mutant that only another property catches is caught by chance.
 */
import type { Mutant } from './mutant.ts';

/** What is promised to arrive, or to be answered. */
const arrival = [
  'external-egress',
  'gateway-answers',
  'network-reachability',
  'inter-network-access',
  'dhcp-served',
  'nat-reversed',
  'no-blackhole',
];

/** What is promised not to. */
const separation = [
  'external-ingress-blocked',
  'no-transit',
  'infrastructure-unreachable',
  'source-guarded',
  'masquerade-applied',
  'inter-network-access',
  'external-egress-off',
  'gateway-not-spoofable',
  'tenant-isolation',
];

const routing = [...arrival, 'next-hop-valid', 'same-gateway-both-ways', 'no-loop'];
const translation = ['nat-scope', 'nat-reversed', 'nat-unique', 'masquerade-applied'];

/** By kind, and of flows by stage: the first line that fits. */
const table: readonly (readonly [kind: RegExp, stage: RegExp, properties: readonly string[]])[] = [
  [/^DHCP/, /^$/, ['dhcp-served', 'mtu-fits']],
  [/^port security/, /^$/, ['source-guarded', 'gateway-not-spoofable']],
  [/^address taken/, /^$/, ['infrastructure-unreachable', 'tenant-isolation', ...separation]],
  [/^NAT rule/, /^$/, [...translation, ...arrival]],
  [/^route/, /^$/, ['next-hop-valid', ...routing]],
  [/^policy leads/, /^$/, ['next-hop-valid', ...routing]],
  [/^interface moved/, /^$/, [...arrival, ...separation, 'address-unique']],
  [/^ACL/, /^$/, ['acl-effective', 'gateway-not-spoofable', 'masquerade-applied', ...arrival]],
  [/^policy/, /^$/, [...arrival, ...separation]],
  [/./, /^ls_(in|out)_(check|apply)_port_sec/, ['source-guarded', ...arrival, 'gateway-not-spoofable']],
  [/./, /^ls_(in|out)_acl/, ['acl-effective', 'gateway-not-spoofable', 'masquerade-applied', ...arrival]],
  [/./, /^ls_in_dhcp/, ['dhcp-served', ...arrival]],
  [/./, /^ls_in_l2/, [...arrival, 'no-loop', 'source-guarded']],
  [/./, /^ls_/, arrival],
  [/./, /^lr_in_(admission|lookup_neighbor|learn_neighbor)/, [...arrival, 'source-guarded', 'gateway-not-spoofable']],
  [/./, /^lr_in_ip_input/, ['gateway-answers', ...arrival, ...separation, 'nat-unique', 'no-loop']],
  [/./, /^lr_(in|out)_(unsnat|defrag|dnat|snat|undnat|post_undnat|post_snat|egr_loop)/, [...translation, ...routing]],
  [/./, /^lr_in_policy/, [...arrival, ...separation]],
  [/./, /^lr_/, [...routing, ...separation]],
];

/** The ids of the properties that should catch a mutant, those first that it concerns most. */
export function expectedOf(mutant: Mutant): ReadonlySet<string> {
  const stage = mutant.of === 'flows' ? mutant.flow.stage : '';
  const found = table.find(([kind, where]) => kind.test(mutant.kind) && where.test(stage))?.[2] ?? [];
  // What is widened may come to stand beside another flow of its priority, or another policy; or over one that is never asked then.
  const beside = mutant.of === 'rows' ? ['ambiguous-flows', 'dead-flows'] : ['ambiguous-flows'];
  return new Set(/widened/.test(mutant.kind) ? [...found, ...beside] : found);
}
