/** Rules as people read them, in the words of DPDK's testpmd: `eth / ipv4 dst is 10.0.0.1` and `count / jump group 5`. */
import type { Action, Item, Rule } from './rules.ts';

/** What a rule matches. */
export const patternText = (pattern: readonly Item[]): string => pattern.map(itemText).join(' / ') || 'anything';

/** What a rule does. */
export const actionsText = (actions: readonly Action[]): string => actions.map(actionText).join(' / ') || 'nothing';

/** A whole rule in a line; what it is known by stands in front of it elsewhere. */
export const ruleText = ({ pattern, actions }: Rule): string => `${patternText(pattern)} → ${actionsText(actions)}`;

type Values = Readonly<Record<string, unknown>>;

function itemText({ type, spec, last, mask }: Item): string {
  const [from, to, bits]: Values[] = [spec ?? {}, last ?? {}, mask ?? {}];
  const fields = Object.entries(from).map(([name, value]) => {
    const range = to[name] === undefined ? '' : ` ${name} last ${to[name]}`;
    if (bits[name] !== undefined) return `${name} spec ${value}${range} ${name} mask ${bits[name]}`;
    return range ? `${name} spec ${value}${range}` : `${name} is ${value}`;
  });
  return [type, ...fields].join(' ');
}

/** Actions with many numbers, of which those that are 0 go without saying. */
const quiet = new Set<Action['type']>(['conntrack', 'count', 'indirect', 'modify_field']);

function actionText(action: Action): string {
  if (action.type === 'vxlan_encap') return `${action.type} { ${patternText(action.definition ?? [])} }`;
  if (action.type === 'sample') return `${action.type} ratio ${action.ratio} { ${actionsText(action.actions ?? [])} }`;
  const { type, ...values } = action;
  const told = Object.entries(values as Values).filter(([, value]) => value !== 0 || !quiet.has(type));
  return [type, ...told.map(([name, value]) => `${name} ${value}`)].join(' ');
}
