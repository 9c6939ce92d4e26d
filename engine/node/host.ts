/**
 * What ovn-controller does with packets that flows hand to it (controller/pinctrl.c):
 * each punt of the plane has an action, and what becomes of the packet is injected again.
 */
import { B_RECIRC, KEY_WORDS, W_CT, W_IN } from '../../asm/plane/layout.ts';
import type { Action, FieldRef, OptionValue } from '../lang/index.ts';
import type { Program, ProgramDatapath } from '../program/index.ts';
import {
  dhcpv4Answer,
  dhcpv6Answer,
  nestedAnswer,
  putFragmentMtu,
  type Resumed,
  routerAdvertisementAnswer,
} from './answer/index.ts';
import { datapathOf, type Flow, wordOf, writeField } from './flow.ts';

/** A packet that was handed over. */
export interface Asked {
  readonly action: Action;
  readonly frame: Uint8Array;
  /** All words of the flow, with the metadata of when it met the action. */
  readonly flow: Flow;
  /** Where it may go on; 0 if nowhere. */
  readonly recirc: number;
  readonly datapath: ProgramDatapath;
}

/** The way back into the plane. */
export interface Reentry {
  /** RECIRC number of the same place with the metadata of `flow`; 0 if it is no more. */
  refreeze(recirc: number, flow: Flow): number;
  inject(frame: Uint8Array, flow: Flow): void;
}

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** Lets the packet go on behind the action, with a result in a field. */
export function resume(asked: Asked, reentry: Reentry, dst: FieldRef, answer: Resumed): void {
  writeField(asked.flow, dst, answer.success ? 1n : 0n);
  reenter(asked, reentry, answer.frame);
}

/** Runs what stands in the braces of an action on the frame that the host makes for it. */
export function nest(asked: Asked & { action: ActionOf<'nested'> }, reentry: Reentry): void {
  const { action, flow } = asked;
  const frame = nestedAnswer(action.name, asked.frame);
  if (!frame) return;
  // A packet that the host makes belongs to no connection yet.
  flow.fill(0n, W_CT, KEY_WORDS);
  reenter(asked, reentry, withFragmentMtu(action, frame));
}

const fragmentMtus: readonly string[] = ['icmp4.frag_mtu', 'icmp6.frag_mtu'];

function withFragmentMtu({ actions }: ActionOf<'nested'>, frame: Uint8Array): Uint8Array {
  for (const action of actions) {
    if (action.type !== 'load' || action.imm.kind !== 'bits' || !fragmentMtus.includes(action.dst.symbol.name))
      continue;
    return putFragmentMtu(frame, Number(action.imm.value));
  }
  return frame;
}

/** Sends a frame where the packet may go on, with the flow's metadata as it is now. */
export function reenter({ flow, recirc }: Asked, reentry: Reentry, frame: Uint8Array): void {
  const id = reentry.refreeze(recirc, flow);
  if (id === 0) return;
  const again = flow.slice();
  again[W_IN] = BigInt.asUintN(B_RECIRC, wordOf(flow, W_IN)) | (BigInt(id) << BigInt(B_RECIRC));
  reentry.inject(frame, again);
}

/** The answers that come from options of the flow alone. */
const answers: Readonly<Record<string, (frame: Uint8Array, options: readonly OptionValue[]) => Resumed>> = {
  put_dhcp_opts: dhcpv4Answer,
  put_dhcpv6_opts: dhcpv6Answer,
  put_nd_ra_opts: routerAdvertisementAnswer,
};

/** Does the actions that need nothing but the packet; false for others. */
export function answerAlone(asked: Asked, reentry: Reentry): boolean {
  const { action, frame } = asked;
  switch (action.type) {
    case 'nested':
      nest({ ...asked, action }, reentry);
      return true;
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      resume(asked, reentry, action.dst, answers[action.type]?.(frame, action.options) ?? { frame, success: false });
      return true;
    default:
      return false;
  }
}

/** The datapath that a flow is on, as the program has it. */
export function datapathIn(program: Program, flow: Flow): ProgramDatapath | undefined {
  const number = datapathOf(flow);
  return program.datapaths.find((datapath) => datapath.number === number);
}
