/** A trace as ovn-trace prints it: the packet's line, then each form that was asked for. */
import { formatFlow } from './flow-format.ts';
import { detailedText, minimalText, summaryText } from './nodes.ts';
import type { Packet } from './packet.ts';
import type { TraceResult } from './run.ts';

export type Form = 'detailed' | 'summary' | 'minimal';

const printers = { detailed: detailedText, summary: summaryText, minimal: minimalText } as const;
const order: readonly Form[] = ['detailed', 'summary', 'minimal'];

/**
 * The text of a trace of `packet`, ending in a newline.  Several forms come in
 * ovn-trace's order, each under a banner.
 */
export function traceText(packet: Packet, result: TraceResult, forms: readonly Form[]): string {
  const start = `# ${formatFlow(packet)}\n`;
  const [only, ...more] = forms;
  if (only && more.length === 0) return start + printers[only](result.nodes);
  const parts = order
    .filter((form) => forms.includes(form))
    .map((form) => `${banner(form)}${printers[form](result.nodes)}`);
  return start + parts.join('');
}

function banner(form: Form): string {
  return `# ${form[0]?.toUpperCase()}${form.slice(1)} trace.\n`;
}
