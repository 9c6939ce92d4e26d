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
  alwaysIndent?: boolean;
  /** Of a `table` node: the flow; absent where no flow matched. */
  flow?: LogicalFlow;
  subs: TraceNode[];
}

/** Adds a node at the end of `parent`. */
export function append(parent: TraceNode[], type: TraceNodeType, text: string): TraceNode {
  const node: TraceNode = { type, text, subs: [] };
  parent.push(node);
  return node;
}

/** Table by table, with flows and actions; tail calls are not indented: ovn-trace(8), "Detailed Output". */
export function detailedText(nodes: readonly TraceNode[]): string {
  const lines: string[] = [];
  printDetails(lines, nodes, 0);
  return lines.join('');
}

function printDetails(lines: string[], nodes: readonly TraceNode[], level: number): void {
  nodes.forEach((node, i) => {
    if (node.type === 'modify') return;
    // ovn-trace counts a "modify" that follows, although it is not printed.
    const more = i < nodes.length - 1 || node.alwaysIndent || isLeaf(node);
    const indent = ' '.repeat((level + (more ? 1 : 0)) * 4);
    if (node.type === 'pipeline' || node.type === 'transformation') {
      lines.push(`\n${indent}${node.text}\n${indent}${'-'.repeat(byteLength(node.text))}\n`);
    } else {
      lines.push(`${indent}${node.text}\n`);
    }
    printDetails(lines, node.subs, more ? level + 2 : level);
  });
}

function isLeaf(node: TraceNode): boolean {
  return node.type !== 'pipeline' && node.type !== 'table' && node.type !== 'transformation';
}

const encoder = new TextEncoder();

/** ovn-trace underlines as many columns as the text has bytes. */
function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Pipelines and actions without tables: ovn-trace(8), "Summary Output". */
export function summaryText(nodes: readonly TraceNode[]): string {
  const lines: string[] = [];
  printBlocks(lines, prune(nodes, ['modify', 'table']), 0);
  return lines.join('');
}

/** Only what changes or delivers a packet: ovn-trace(8), "Minimal Output". */
export function minimalText(nodes: readonly TraceNode[]): string {
  const lines: string[] = [];
  printBlocks(lines, prune(nodes, ['action', 'pipeline', 'table', 'output']), 0);
  return lines.join('');
}

/** The tree without the nodes of these types: their children take their place. */
function prune(nodes: readonly TraceNode[], types: readonly TraceNodeType[]): TraceNode[] {
  return nodes.flatMap((node) => {
    const subs = prune(node.subs, types);
    return types.includes(node.type) ? subs : [{ ...node, subs }];
  });
}

function printBlocks(lines: string[], nodes: readonly TraceNode[], level: number): void {
  const indent = ' '.repeat(level * 4);
  for (const node of nodes) {
    if (node.type === 'action' && node.text.startsWith('next(')) continue;
    const end = node.type === 'action' ? '\n' : ';\n';
    if (node.subs.length === 0) {
      lines.push(`${indent}${node.text}${end}`);
    } else {
      lines.push(`${indent}${node.text} {\n`);
      printBlocks(lines, node.subs, level + 1);
      lines.push(`${indent}}${end}`);
    }
  }
}
