/**
 * Rules as commands of DPDK's testpmd (Testpmd Runtime Functions, "Flow rules
 * management"): `testpmd> load FILE`.  It knows ports by their numbers, which
 * are given here in the order of their names; the first lines say which is which.
 */
import { readTunnelHeaders } from '../headers.ts';
import type { Action, Item, Rule, RuleSet } from '../rules.ts';

/** Items and actions that testpmd calls otherwise than rte_flow does. */
const names: Readonly<Record<string, string>> = { geneve_opt: 'geneve-opt' };

/** Commands that create the rules. */
export function testpmdScript({ node, device, rules }: RuleSet): string {
  const ports = portsOf(rules);
  const encaps = new Map<string, number>();
  const decaps = new Map<string, number>();
  for (const { actions } of rules) {
    for (const action of actions) {
      if (action.type === 'raw_encap' && action.data !== undefined && !encaps.has(action.data))
        encaps.set(action.data, encaps.size);
      if (action.type === 'raw_decap' && action.data !== undefined && !decaps.has(action.data))
        decaps.set(action.data, decaps.size);
    }
  }
  const context: Context = { ports, encaps, decaps };
  return [
    `# rules of ${node} for ${device}`,
    ...[...ports].map(([name, number]) => `# port ${number} is ${name}`),
    ...[...encaps].map(([data, index]) => `set raw_encap ${index} ${headerItems(data)} / end_set`),
    ...[...decaps].map(
      ([, index]) => `set raw_decap ${index} eth / ipv4 / udp / geneve / geneve-opt length is 1 / end_set`,
    ),
    ...rules.map((rule) => ruleCommand(rule, context)),
    '',
  ].join('\n');
}

interface Context {
  readonly ports: ReadonlyMap<string, number>;
  readonly encaps: ReadonlyMap<string, number>;
  readonly decaps: ReadonlyMap<string, number>;
}

function portsOf(rules: readonly Rule[]): Map<string, number> {
  const found = new Set<string>();
  for (const { pattern, actions } of rules) {
    for (const item of pattern) if (item.type === 'represented_port') found.add(String(item.spec?.ethdev_port_id));
    for (const action of actions) if (action.type === 'represented_port') found.add(String(action.ethdev_port_id));
  }
  return new Map([...found].sort().map((name, number) => [name, number]));
}

function ruleCommand({ group, priority, pattern, actions }: Rule, context: Context): string {
  const items = pattern.map((item) => `${itemText(item, context)} / `).join('');
  const steps = actions.map((action) => `${actionText(action, context)} / `).join('');
  return `flow create 0 group ${group} priority ${priority} transfer pattern ${items}end actions ${steps}end`;
}

function itemText({ type, spec = {}, last = {}, mask = {} }: Item, { ports }: Context): string {
  const fields = Object.entries(spec).map(([name, value]) => {
    const text = name === 'ethdev_port_id' ? String(ports.get(String(value)) ?? value) : valueText(name, value);
    const bits: unknown = Reflect.get(mask, name);
    const end: unknown = Reflect.get(last, name);
    if (bits === undefined && end === undefined) return `${name} is ${text}`;
    const range = end === undefined ? '' : ` ${name} last ${valueText(name, end)}`;
    return `${name} spec ${text}${range}${bits === undefined ? '' : ` ${name} mask ${valueText(name, bits)}`}`;
  });
  return [names[type] ?? type, ...fields].join(' ');
}

const valueText = (name: string, value: unknown): string =>
  name === 'data' && typeof value === 'string' ? `0x${value}` : String(value);

function actionText(action: Action, { ports, encaps, decaps }: Context): string {
  switch (action.type) {
    case 'represented_port':
      return `represented_port ethdev_port_id ${ports.get(String(action.ethdev_port_id)) ?? action.ethdev_port_id}`;
    case 'raw_encap':
      return `raw_encap index ${encaps.get(action.data ?? '') ?? 0}`;
    case 'raw_decap':
      return `raw_decap index ${decaps.get(action.data ?? '') ?? 0}`;
    default: {
      const { type, ...values } = action;
      return [type, ...Object.entries(values).map(([name, value]) => `${name} ${value}`)].join(' ');
    }
  }
}

function headerItems(data: string): string {
  const headers = readTunnelHeaders(data);
  if (!headers) return 'eth';
  const { ethDst, ethSrc, src, dst, sourcePort, vni, option } = headers;
  return [
    `eth src is ${ethSrc} dst is ${ethDst} type is 0x0800`,
    `ipv4 src is ${src} dst is ${dst} proto is 17 ttl is 64`,
    `udp src is ${sourcePort} dst is 6081`,
    `geneve vni is ${vni} protocol is 0x6558 optlen is 2`,
    `geneve-opt class is 0x0102 type is 0x80 length is 1 data is 0x${option}`,
  ].join(' / ');
}
