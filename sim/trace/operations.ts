/** Actions with what can be worked out before a packet meets them. */
import { type Action, formatAction } from '../../engine/lang/index.ts';
import { type Copying, copyingOf, type Loading, loadingOf } from './assignments.ts';
import { actionNode, printedAction, type TraceNode } from './nodes.ts';

/** An action ready to run. */
export interface Operation {
  action: Action;
  /** What a trace says of it. */
  node: TraceNode;
  /** Of a `load`. */
  loading: Loading | undefined;
  /** Of a `move`. */
  copying: Copying | undefined;
  /** Of actions in braces. */
  inner: readonly Operation[];
}

/** What names mean on the datapath that the actions run on. */
export interface ActionContext {
  /** The tunnel key of a port or multicast group; undefined if the datapath has none of that name. */
  portKey(name: string): number | undefined;
  /** An action's text as it is shown. */
  shown(text: string): string;
}

export function operationsOf(actions: readonly Action[], context: ActionContext): Operation[] {
  return actions.map((action) => ({
    action,
    node: actionNode(printedAction(context.shown(formatAction(action)))),
    loading: action.type === 'load' ? loadingOf(action, context.portKey) : undefined,
    copying: action.type === 'move' ? copyingOf(action) : undefined,
    inner: 'actions' in action ? operationsOf(action.actions, context) : [],
  }));
}
