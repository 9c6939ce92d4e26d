/** A host reaches published addresses of its own network from inside, its own included, and is answered by them. */

import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import type { Prefix, Selector } from '../policy/policy.ts';
import { contains, formatPrefix, parsePrefix } from '../policy/prefix.ts';
import { at, inportIn, type TrafficClass } from '../symbolic/index.ts';
import { answeredRight, honestOpeners } from './conversations.ts';
import { families, neighborMacs, sentBy, toGateway } from './honest.ts';
import { networksOf } from './outside.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { settingsIn } from './told.ts';
import { endpoint, matchOfRule, type TranslationRule, translationRules } from './translations.ts';
import { doubt, type Host, type View } from './view.ts';

export const natHairpin: Property = {
  id: 'nat-hairpin',
  severity: 'warning',
  promise: 'a host reaches published addresses of its own network from inside',
  *checks(view) {
    const rules = translationRules(view).filter(({ kind }) => kind !== 'snat');
    if (rules.length === 0) yield nothing(view);
    for (const rule of rules) yield checkOf(view, rule);
  },
};

const nothing = ({ northbound, tenants }: View): Check => ({
  subject: tenants.map(({ name }) => name).join(', ') || 'the network',
  source: [],
  vacuous: northbound ? 'nothing is published' : 'a southbound database has no rows of NAT and load balancers',
  judge: () => holds,
});

function checkOf(view: View, rule: TranslationRule): Check {
  const subject = rule.kind === 'balancer' ? rule.name : rule.external;
  const targets = targetsOf(view, rule);
  const vacuous = isForOutside(view, rule)
    ? 'a policy says that it is for the outside only'
    : targets.length === 0
      ? 'nobody in a network of the router is behind it'
      : undefined;
  return {
    subject,
    source: rule.source,
    ...(vacuous !== undefined && { vacuous }),
    judge: () => judge(view, rule, targets),
  };
}

function isForOutside(view: View, { external }: TranslationRule): boolean {
  const address = parsePrefix(external);
  const ranges = settingsIn(view)?.outsideOnly;
  return (
    address !== undefined && ranges !== undefined && prefixesIn(ranges.value).some((range) => contains(range, address))
  );
}

/** The ranges that a selector is made of. */
function prefixesIn(selector: Selector): Prefix[] {
  if (selector.kind === 'prefix') return [selector.prefix];
  return selector.kind === 'or' ? selector.terms.flatMap(prefixesIn) : [];
}

/** The hosts that are published, in networks that the router joins. */
function targetsOf(view: View, { router, inside }: TranslationRule): Host[] {
  const addresses = new Set(inside.map((text) => endpoint(text).ip));
  const networks = networksOf(view).filter(({ gateways }) =>
    gateways.some((one) => one.routerPort.datapath === router),
  );
  return networks
    .flatMap(({ hosts }) => hosts)
    .filter(({ ip4, ip6 }) => {
      const own = [
        ...ip4.map((value) => formatPrefix({ family: 4, value, length: 32 })),
        ...ip6.map((value) => formatPrefix({ family: 6, value, length: 128 })),
      ];
      return own.some((text) => addresses.has(text));
    });
}

function judge(view: View, rule: TranslationRule, targets: readonly Host[]): Judgement {
  const { space } = view.analysis;
  const asked = space.diff(asking(view, rule), withItself(view, rule, targets));
  if (asked === space.empty) return holds;
  const right: PacketSet[] = [];
  const delivered: { class: TrafficClass; packets: PacketSet }[] = [];
  let exact = true;
  for (const { port } of targets) {
    for (const one of view.arrivals.get(port) ?? []) {
      if (one.connection !== 'new' || one.made !== undefined || !space.intersects(one.packets, asked)) continue;
      const some = space.and(one.packets, asked);
      const answered = answeredRight(view, one, some);
      exact &&= answered.exact && one.exact;
      right.push(space.and(some, answered.right));
      delivered.push({ class: one, packets: some });
    }
  }
  for (const { one, packets } of toThemselves(view, asked, targets)) {
    exact &&= one.exact;
    right.push(packets);
  }
  const reason = doubt(view, asked, 'new');
  if (reason !== undefined) return unknown(reason);
  const published = `${rule.name} of ${rule.router.name}`;
  const lost = space.diff(asked, space.forget(space.orAll(right), neighborMacs));
  const wrong = delivered.find(({ packets }) => space.intersects(packets, lost));
  if (wrong) {
    const packets = space.and(wrong.packets, lost);
    const sentence = `the answer of ${published} to a host inside does not come back from the address that was asked`;
    return exact ? violated({ kind: 'unanswered', class: wrong.class, packets, sentence }) : unknown(sentence);
  }
  if (lost === space.empty) return holds;
  const sentence = `a host inside does not reach ${published}`;
  return exact
    ? violated({ kind: 'missing', packets: lost, to: targets.map(({ port }) => port), sentence })
    : unknown(sentence);
}

/** What comes back to a published host that asked: chance chose itself. */
function toThemselves({ analysis: { space }, returning }: View, asked: PacketSet, targets: readonly Host[]) {
  const ports = targets.map(({ port }) => port);
  const own = space.and(asked, inportIn(space, ports));
  return returning.flatMap((one) => {
    const isFirst = one.connection === 'new' && one.made === undefined;
    const packets = isFirst ? space.and(one.packets, own) : space.empty;
    return packets === space.empty ? [] : [{ one, packets }];
  });
}

/** What would connect a port of a published host with that very port: nobody answers himself. */
function withItself({ analysis: { space } }: View, { inside }: TranslationRule, targets: readonly Host[]): PacketSet {
  const ports = inside.flatMap((text) => endpoint(text).port ?? []).map(BigInt);
  const senders = inportIn(
    space,
    targets.map(({ port }) => port),
  );
  return space.and(senders, space.oneOf(at.tpSrc, ports));
}

/** What hosts of the router's networks send to the published address, by that router. */
function asking(view: View, rule: TranslationRule): PacketSet {
  const { space } = view.analysis;
  const sets = networksOf(view).flatMap(({ hosts, gateways }) =>
    gateways
      .filter(({ routerPort }) => routerPort.datapath === rule.router)
      .map((gateway) =>
        space.and(space.orAll(families.map((family) => sentBy(space, hosts, family))), toGateway(space, gateway)),
      ),
  );
  return allOf(space, [space.orAll(sets), matchSet(space, matchOfRule(rule)), honestOpeners(view)]);
}
