/**
 * Rules as commands of DPDK's testpmd (Testpmd Runtime Functions, "Flow rules
 * management"): `testpmd> load FILE`.  It knows ports by their numbers, which
 * are given here in the order of their names; the first lines say which is which.
 */
import { readTunnelHeaders } from '../headers.ts';
import type { Action, Item, Rule, RuleSet } from '../rules.ts';

/** Items and actions that testpmd calls otherwise than rte_flow does. */
const names: Readonly<Record<string, string>> = { geneve_opt: 'geneve-opt' };

/** Commands that create the rules, and before them what they refer to: headers of tunnels, connections. */
export function testpmdScript({ node, device, indirect = [], rules }: RuleSet): string {
  const ports = portsOf(rules);
  const shared = new Map(indirect.map(({ id, action }) => [id, action]));
  const context: Context = { ports, shared, directions: new Map(), headers: new Map() };
  return [
    `# rules of ${node} for ${device}`,
    ...[...ports].map(([name, number]) => `# port ${number} is ${name}`),
    ...indirect.flatMap(({ id, action }) => [
      ...conntrackContext(action),
      `flow indirect_action 0 create action_id ${id} transfer action ${actionText(action, context)} / end`,
    ]),
    ...rules.flatMap((rule) => [...prepared(rule, context), ...turned(rule, context), ruleCommand(rule, context)]),
    '',
  ].join('\n');
}

interface Context {
  readonly ports: ReadonlyMap<string, number>;
  /** Actions that rules share, by their number. */
  readonly shared: ReadonlyMap<number, Action>;
  /** Whose packets each shared connection is for by now: those of the other direction, or not. */
  readonly directions: Map<number, boolean>;
  /** The headers that testpmd has by now for `raw_encap` and `raw_decap`: it has room for eight each, so one is used over and over. */
  readonly headers: Map<string, string>;
}

/** Commands before a rule: headers that it puts on or takes off. */
function prepared({ actions }: Rule, { headers }: Context): string[] {
  return actions.flatMap((action) => {
    if (action.type !== 'raw_encap' && action.type !== 'raw_decap') return [];
    const items = action.type === 'raw_encap' ? headerItems(action.data ?? '') : decapItems;
    if (headers.get(action.type) === items) return [];
    headers.set(action.type, items);
    return [`set ${action.type} 0 ${items} / end_set`];
  });
}

const decapItems = 'eth / ipv4 / udp / geneve / geneve-opt length is 1';

const common = [
  ...['peer', 'is_orig', 'enable', 'live', 'sack', 'cack', 'last_dir', 'liberal', 'state', 'max_ack_win', 'r_lim'],
  ...['last_win', 'last_seq', 'last_ack', 'last_end', 'last_index'],
];
const eachWay = ['scale', 'fin', 'acked', 'unack_data', 'sent_end', 'reply_end', 'max_win', 'max_ack'];

/** What testpmd knows as the connection that its action `conntrack` is about. */
function conntrackContext(action: Action): string[] {
  if (action.type !== 'conntrack') return [];
  const values: Readonly<Record<string, unknown>> = { ...action };
  const said = (names: readonly string[], prefix = ''): string =>
    names.map((name) => `${name} ${values[`${prefix}${name}`] ?? 0}`).join(' ');
  return [
    `set conntrack com ${said(common)}`,
    ...['orig', 'rply'].map((way) => `set conntrack ${way} ${said(eachWay, `${way}_`)}`),
  ];
}

/** Commands before a rule: its connection, or the direction of the one that it shares. */
function turned({ actions }: Rule, { shared, directions }: Context): string[] {
  return actions.flatMap((action) => {
    if (action.type !== 'indirect') return conntrackContext(action);
    const { id = 0 } = action;
    const connection = shared.get(id);
    const isReply = action.reply === 1;
    if (connection?.type !== 'conntrack') return [];
    const isTurned = directions.get(id) ?? connection.is_orig !== 1;
    directions.set(id, isReply);
    if (isReply === isTurned) return [];
    return [
      ...conntrackContext({ ...connection, is_orig: isReply ? 0 : 1 }),
      `flow indirect_action 0 update ${id} action conntrack_update dir / end`,
    ];
  });
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
  // It has no name for the flags and no mask: all flags are asked for, so that such a rule may take less and nothing more.
  if (type === 'conntrack') return `conntrack is ${'flags' in spec ? spec.flags : 0}`;
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

function actionText(action: Action, { ports }: Context): string {
  switch (action.type) {
    case 'represented_port':
      return `represented_port ethdev_port_id ${ports.get(String(action.ethdev_port_id)) ?? action.ethdev_port_id}`;
    case 'raw_encap':
    case 'raw_decap':
      return `${action.type} index 0`;
    case 'conntrack':
      return 'conntrack';
    case 'indirect':
      return `indirect ${action.id ?? 0}`;
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
    `ipv4 src is ${src} dst is ${dst} fragment_offset is 0x4000 proto is 17 ttl is 64`,
    `udp src is ${sourcePort} dst is 6081`,
    `geneve vni is ${vni} protocol is 0x6558 optlen is 2`,
    `geneve-opt class is 0x0102 type is 0x80 length is 1 data is 0x${option}`,
  ].join(' / ');
}
