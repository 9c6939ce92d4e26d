/** A plan for people and for other programs. */
import { flowDump } from './forms/dump-flows.ts';
import { tcScript } from './forms/tc.ts';
import { testpmdScript } from './forms/testpmd.ts';
import type { OffloadPlan, Place, Traffic } from './plan.ts';

export const planFormats = ['text', 'json', 'testpmd', 'tc', 'dump-flows'] as const;
export type PlanFormat = (typeof planFormats)[number];

/** The plan in one of its forms; ends with a line break. */
export function planText(plan: OffloadPlan, format: PlanFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(planObject(plan), undefined, 2)}\n`;
    case 'testpmd':
      return testpmdScript(plan.ruleSet);
    case 'tc':
      return tcScript(plan.ruleSet);
    case 'dump-flows':
      return flowDump(plan.ruleSet);
    default:
      return planWords(plan);
  }
}

/** The rule set with what is known of it beside. */
function planObject({ ruleSet, placement, groups, traffic }: OffloadPlan): object {
  const { node, device, rules, ...shared } = ruleSet;
  return { node, device, placement, ...shared, groups, rules, traffic };
}

const places: readonly (readonly [Place, string])[] = [
  ['hardware', 'in hardware from the first packet on'],
  [
    'hardware-after-first',
    'in hardware once a packet of the connection has been through software, with reactive rules',
  ],
  ['software', 'in software'],
];

function planWords(plan: OffloadPlan): string {
  const { node, device, groups, traffic, ruleSet } = plan;
  const lines = [`${ruleSet.rules.length} rules for ${node} on ${device}`, ''];
  const shown = groups.length > mostGroups ? groups.slice(0, mostGroups) : groups;
  for (const { group, purpose, rules, limit } of shown) {
    const bound = limit === null ? 'no limit is known' : `${limit} at most`;
    lines.push(`  group ${group}: ${rules} ${rules === 1 ? 'rule' : 'rules'} (${bound}): ${purpose}`);
  }
  const hidden = groups.slice(shown.length);
  if (hidden.length > 0) {
    const rules = hidden.reduce((sum, each) => sum + each.rules, 0);
    lines.push(`  and ${hidden.length} groups more with ${rules} rules`);
  }
  for (const [place, words] of places) {
    const some = traffic.filter((one) => one.place === place);
    if (some.length > 0) lines.push('', `${words}:`, ...some.flatMap(trafficLines));
  }
  return `${lines.join('\n')}\n`;
}

/** So many groups are listed. */
const mostGroups = 24;
/** So many names are listed. */
const mostNames = 4;

function trafficLines({ from, also = [], to, words, reasons, sample, rules }: Traffic): string[] {
  const where = to.length === 0 ? '' : ` to ${names(to)}`;
  const by = rules.length === 0 ? '' : ` (${rules.length} ${rules.length === 1 ? 'rule' : 'rules'})`;
  return [
    `  from ${names([from, ...also])}${where}: ${words}${by}`,
    ...reasons.map(
      ({ code, detail, stage }) => `    ${code}: ${detail}${stage && !detail.includes(stage) ? ` (${stage})` : ''}`,
    ),
    ...(sample === undefined ? [] : [`    for example ${sample}`]),
  ];
}

function names(list: readonly string[]): string {
  const more = list.length - mostNames;
  return `${list.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
