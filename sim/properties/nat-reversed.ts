/** The answer to a translated packet is translated back, and arrives at who sent it. */
import type { NetworkDatapath } from '../symbolic/index.ts';
import { answeredRight, honestOpeners, toNobody } from './conversations.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { type TranslationRule, translatedBy, translationRules } from './translations.ts';
import { doubt, from, type View } from './view.ts';

export const natReversed: Property = {
  id: 'nat-reversed',
  severity: 'error',
  promise: 'the answer to a translated packet is translated back, and arrives',
  *checks(view) {
    const byRouter = new Map<NetworkDatapath, TranslationRule[]>();
    for (const rule of translationRules(view)) {
      byRouter.set(rule.router, [...(byRouter.get(rule.router) ?? []), rule]);
    }
    if (byRouter.size === 0) yield nothing(view);
    for (const [router, rules] of byRouter) {
      yield { subject: router.name, source: rules.flatMap(({ source }) => source), judge: () => judge(view, router) };
    }
  },
};

const nothing = ({ northbound, tenants }: View): Check => ({
  subject: tenants.map(({ name }) => name).join(', ') || 'the network',
  source: [],
  vacuous: northbound
    ? 'no router translates addresses'
    : 'a southbound database has no rows of NAT and load balancers',
  judge: () => holds,
});

function judge(view: View, router: NetworkDatapath): Judgement {
  const { space, ambiguous } = view.analysis;
  for (const { flows } of ambiguous) {
    const [first, second] = flows;
    if (first.datapath !== router.uuid || !/^lr_(in_dnat|out_snat)$/.test(first.stage)) continue;
    const sentence = `${router.name} translates one packet in two ways: ${first.actions} or ${second.actions}`;
    return violated({ kind: 'written', flows, sentence });
  }
  const openers = honestOpeners(view);
  const nobody = toNobody(view);
  const conversations = translatedBy(view, router).flatMap(({ class: one, packets }) => {
    const leaves = one.end.kind === 'port' && one.end.port.edge === 'outside';
    const others = one.end.kind === 'port' ? space.diff(packets, from(view, [one.end.port])) : space.empty;
    const asked = space.and(others, leaves ? space.diff(openers, nobody) : openers);
    return asked === space.empty ? [] : [{ one, asked, ...answeredRight(view, one, asked) }];
  });
  // Which MAC addresses neighbours have, nobody promises: some of them are no host's, and get no answer.
  const right = space.orAll(conversations.map((each) => each.right));
  for (const { one, asked, exact } of conversations) {
    const lost = space.diff(asked, right);
    if (lost === space.empty) continue;
    const sentence = `the answer to a packet that ${router.name} translated does not come back from the address that was asked`;
    if (!exact || !one.exact) return unknown(`${sentence}, as far as it was modelled, which is not exact`);
    const reason = doubt(view, lost, 'new');
    return reason === undefined
      ? violated({ kind: 'unanswered', class: one, packets: lost, sentence })
      : unknown(reason);
  }
  const reason = doubt(view, space.orAll(translatedBy(view, router).map(({ packets }) => packets)), 'new');
  return reason === undefined ? holds : unknown(reason);
}
