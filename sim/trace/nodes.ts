/**
 * The tree that a trace grows, and ovn-trace's three ways of printing it.
 */
import type { LogicalFlow } from '../../engine/ovsdb/southbound.ts';

/**
 * What a node stands for: a pipeline entered, a logical flow met (`table`), a
 * packet made or changed by conntrack or nested actions (`transformation`), an
 * action of a flow, an output, a change of the packet with its operands reduced
 * to constants (`modify`), or something to mind (`error`).
 */
export type TraceNodeType = 'pipeline' | 'table' | 'transformation' | 'action' | 'output' | 'modify' | 'error';

export interface TraceNode {
  type: TraceNodeType;
  text: string;
  /** Detailed output indents what follows even where nothing comes after it. */
  alwaysIndent: boolean;
  /** Of a `table` node: the flow; absent where no flow matched. */
  flow: LogicalFlow | undefined;
  subs: readonly TraceNode[];
  /** Of a flow and of its actions: what detailed output mostly prints for them. */
  printed: Printed | undefined;
}

/** What detailed output prints for a flow or for an action where nothing else indents it. */
export interface Printed {
  /** As in other forms. */
  text: string;
  /** With its line's end; an action's is indented once. */
  line: string;
  /** Of a flow: its line and those of its actions, and how many these are. */
  block: string;
  actions: number;
}

/** A node that others may be added to. */
export interface TraceBranch extends TraceNode {
  subs: TraceNode[];
}

/** Adds a node that has others below it at the end of `parent`. */
export function append(parent: TraceNode[], type: TraceNodeType, text: string): TraceBranch {
  const node: TraceBranch = { type, text, alwaysIndent: false, flow: undefined, subs: [], printed: undefined };
  parent.push(node);
  return node;
}

/** Adds the node of a flow that is met. */
export function meet(parent: TraceNode[], printed: Printed, flow: LogicalFlow): TraceBranch {
  const node: TraceBranch = { type: 'table', text: printed.text, alwaysIndent: false, flow, subs: [], printed };
  parent.push(node);
  return node;
}

const none: readonly TraceNode[] = [];

/** Adds a node with nothing below it at the end of `parent`. */
export function say(parent: TraceNode[], type: 'action' | 'output' | 'modify' | 'error', text: string): void {
  parent.push({ type, text, alwaysIndent: false, flow: undefined, subs: none, printed: undefined });
}

/** The node of an action, the same in every trace. */
export function actionNode(printed: Printed): TraceNode {
  return { type: 'action', text: printed.text, alwaysIndent: false, flow: undefined, subs: none, printed };
}

const indentation = '    ';

/** An action's text as it is printed. */
export function printedAction(shown: string): Printed {
  const line = `${indentation}${shown}\n`;
  // A text that is a part of its line: the line is in one piece then, and quicker to print.
  return { text: line.slice(indentation.length, -1), line, block: '', actions: 0 };
}

/** A flow's title as it is printed, with its actions. */
export function printedFlow(title: string, actions: readonly Printed[]): Printed {
  const block = `${title}\n${actions.map(({ line }) => line).join('')}`;
  const line = block.slice(0, title.length + 1);
  return { text: line.slice(0, -1), line, block, actions: actions.length };
}

/** Where a printer is in a list of nodes.  A loop of frames, because a trace nests as deep as a packet has hops. */
interface Frame {
  nodes: readonly TraceNode[];
  next: number;
  level: number;
  /** What closes the list once it is printed. */
  close?: () => void;
}

/** Table by table, with flows and actions; tail calls are not indented: ovn-trace(8), "Detailed Output". */
export function detailedText(nodes: readonly TraceNode[]): string {
  const parts: string[] = [];
  const stack: Frame[] = [{ nodes, next: 0, level: 0 }];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const node = frame.nodes[frame.next++];
    if (!node) stack.pop();
    else if (node.type !== 'modify') {
      // ovn-trace counts a "modify" that follows, although it is not printed.
      const more = frame.next < frame.nodes.length || node.alwaysIndent || isLeaf(node);
      const next = !more && frame.level === 0 ? addBlock(parts, node) : 0;
      if (next === 0) addLine(parts, node, frame.level + (more ? 1 : 0));
      if (node.subs.length > next) stack.push({ nodes: node.subs, next, level: frame.level + (more ? 2 : 0) });
    }
  }
  return parts.join('');
}

const indents = Array.from({ length: 32 }, (_, level) => indentation.repeat(level));
const dashes = '-'.repeat(256);

/** Prints a flow and its actions at once if nothing else is said between them; returns how many nodes these were. */
function addBlock(parts: string[], { printed, subs }: TraceNode): number {
  if (!printed || printed.actions === 0) return 0;
  let actions = 0;
  for (let i = 0; i < subs.length; i++) {
    const { type, printed: own } = subs[i] as TraceNode;
    if (type === 'modify') continue;
    // What is said of an action's result is of its type, too, but printed on its own.
    if (type !== 'action' || !own) return 0;
    if (++actions < printed.actions) continue;
    parts.push(printed.block);
    return i + 1;
  }
  return 0;
}

function addLine(parts: string[], { type, text, printed }: TraceNode, level: number): void {
  if (printed && level === (type === 'table' ? 0 : 1)) {
    parts.push(printed.line);
    return;
  }
  const indent = level < indents.length ? (indents[level] as string) : ' '.repeat(level * 4);
  if (type !== 'pipeline' && type !== 'transformation') {
    parts.push(indent, text, '\n');
    return;
  }
  const length = byteLength(text);
  const rule = length <= dashes.length ? dashes.slice(0, length) : '-'.repeat(length);
  parts.push('\n', indent, text, '\n', indent, rule, '\n');
}

function isLeaf(node: TraceNode): boolean {
  return node.type !== 'pipeline' && node.type !== 'table' && node.type !== 'transformation';
}

const encoder = new TextEncoder();
const isAscii = /^[ -~]*$/;

/** ovn-trace underlines as many columns as the text has bytes. */
function byteLength(text: string): number {
  return isAscii.test(text) ? text.length : encoder.encode(text).length;
}

/** Pipelines and actions without tables: ovn-trace(8), "Summary Output". */
export function summaryText(nodes: readonly TraceNode[]): string {
  return blocksText(nodes, new Set(['modify', 'table']));
}

/** Only what changes or delivers a packet: ovn-trace(8), "Minimal Output". */
export function minimalText(nodes: readonly TraceNode[]): string {
  return blocksText(nodes, new Set(['action', 'pipeline', 'table', 'output']));
}

/** The tree in braces without the nodes of some types, whose children take their place. */
function blocksText(nodes: readonly TraceNode[], omitted: ReadonlySet<TraceNodeType>): string {
  const parts: string[] = [];
  const stack: (Frame & { open?: () => void })[] = [{ nodes, next: 0, level: 0 }];
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const node = frame.nodes[frame.next++];
    if (!node) {
      frame.close?.();
      stack.pop();
    } else if (omitted.has(node.type)) {
      stack.push({ nodes: node.subs, next: 0, level: frame.level, ...(frame.open && { open: frame.open }) });
    } else {
      frame.open?.();
      if (node.type !== 'action' || !node.text.startsWith('next(')) stack.push(block(parts, node, frame.level));
    }
  }
  return parts.join('');
}

/** Prints a node and prepares for its children, if any turn up. */
function block(parts: string[], { type, text, subs }: TraceNode, level: number): Frame & { open: () => void } {
  const indent = ' '.repeat(level * 4);
  let opened = false;
  parts.push(indent, text);
  return {
    nodes: subs,
    next: 0,
    level: level + 1,
    open: () => {
      if (!opened) parts.push(' {\n');
      opened = true;
    },
    close: () => {
      parts.push(opened ? `${indent}}` : '', type === 'action' ? '\n' : ';\n');
    },
  };
}
