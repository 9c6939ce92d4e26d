/** What the tests of the emulated device send: two hosts, their frames, and rules that take them. */
import type { Action, Item, Rule } from '../../engine/offload/rules.ts';
import type { Fate, OffloadDevice } from '../../native/offload/index.ts';
import { type Bytes, tcp, tcpFlags, udp } from '../oracle/frames.ts';

export const ethernet = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
export const ip = { src: '10.0.0.1', dst: '10.0.0.2' };
export const ip6 = { src: 'fd00::1', dst: 'fd00::2' };
export const web = tcp({ src: 40000, dst: 80, flags: tcpFlags.syn });
export const dns = udp(40001, 53, [1, 2, 3]);

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
export const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
export const toHex = (bytes: Bytes) => Buffer.from(bytes).toString('hex');

export const out: Action = { type: 'represented_port', ethdev_port_id: 'pf0vf1' };
export const rule = (pattern: readonly Item[], actions: readonly Action[], more: Partial<Rule> = {}): Rule => {
  return { group: 0, priority: 0, pattern, actions, ...more };
};

export async function send(device: OffloadDevice, bytes: Uint8Array, port = 'pf0vf0'): Promise<Fate> {
  const [fate] = await device.receive(port, [hex(bytes)]);
  if (!fate) throw new Error('no fate');
  return fate;
}
