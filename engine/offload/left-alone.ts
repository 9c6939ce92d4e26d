/**
 * The group of packets that software gets as they came: a jump leads to a group that has a rule, and no rule of this one
 * takes what should not be taken.
 */
import type { DevicePorts } from './actions.ts';
import { type Capabilities, whyNotItem } from './capabilities/types.ts';
import type { Item, Rule } from './rules.ts';

/**
 * Rules that leave all packets to software: one that asks for a register that nobody sets, or drops what has the address
 * of a group as its source, as logical switches do (ovn-northd(8), ls_in_check_port_sec).  None where a device knows
 * neither.
 */
export function leftAlone(capabilities: Capabilities, { ports }: DevicePorts): Pick<Rule, 'pattern' | 'actions'>[] {
  const [port] = ports.values();
  const unset: readonly Item[] = [
    { type: 'tag', spec: { index: 0, data: 0xffffffff } },
    { type: 'meta', spec: { data: 0xffffffff } },
    { type: 'mark', spec: { id: 0xffffffff } },
  ];
  const register = unset.find(({ type }) => whyNotItem(capabilities, type) === undefined);
  if (register) return [{ pattern: [register], actions: [{ type: 'drop' }] }];
  const asksForPorts = whyNotItem(capabilities, 'represented_port', 'ethdev_port_id') === undefined;
  if (port !== undefined && asksForPorts && whyNotItem(capabilities, 'eth', 'src') === undefined) {
    const fromGroup: Item = { type: 'eth', spec: { src: '01:00:00:00:00:00' }, mask: { src: '01:00:00:00:00:00' } };
    return [{ pattern: [from(port), fromGroup], actions: [{ type: 'drop' }] }];
  }
  return [];
}

const from = (ethdev_port_id: string): Item => ({ type: 'represented_port', spec: { ethdev_port_id } });
