/** `lflow offload explain`: what becomes of a node's traffic, and why, in words for somebody who never heard of rules in hardware. */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { judgeFlow, readDatapathFlows } from '../../engine/offload/datapath-flows.ts';
import { explainFlows, explainPlan, flowsText, planText } from '../../engine/offload/explain.ts';
import { flowsHtml, planHtml } from '../../engine/offload/explain-html.ts';
import type { OffloadPlan } from '../../engine/offload/plan.ts';
import { emit, formatOption, type OutputOptions, outputOption, systemReason, UsageError } from '../command.ts';
import { checkPlacement, type PlacementOptions, placementOptions, reactivelyPlanned } from './placement.ts';
import { planned } from './planned.ts';
import { loadSubject, type SubjectOptions, subjectOptions } from './subject.ts';

interface ExplainOptions extends Omit<SubjectOptions, 'node'>, OutputOptions, PlacementOptions {
  node?: string;
  flows?: string;
  format: 'text' | 'json' | 'html';
}

const explanation = `
  lflow offload explain vpc.yaml --node worker1            what the plan of this network would do
  ovs-appctl dpctl/dump-flows -m | lflow offload explain --flows -     what a running switch does

Exit status: 0 it is explained, 2 the input or the usage is wrong, 3 the network is too large to be followed.`;

export default function define(): Command {
  const command = new Command('explain')
    .description(
      'Says which traffic of a node is in hardware, which only after its first packet, which in software, and why.',
    )
    .argument('[input...]', 'YAML files, folders of them, an OVSDB file, or - for standard input')
    .option('--flows <FILE>', 'explain what "ovs-appctl dpctl/dump-flows -m" printed, in place of an input');
  for (const option of placementOptions(subjectOptions(new Command())).options)
    command.addOption(option.makeOptionMandatory(false));
  return command
    .addOption(formatOption(['text', 'json', 'html']))
    .addOption(outputOption())
    .addHelpText('after', explanation)
    .action(async (inputs: string[], options: ExplainOptions): Promise<void> => {
      const { flows, node } = options;
      if (flows !== undefined) {
        if (inputs.length > 0) throw new UsageError('give an input or --flows FILE, not both');
        return emit(await flowsExplained(flows, options.format), options);
      }
      if (inputs.length === 0) throw new UsageError('give an input and --node NODE, or --flows FILE');
      if (node === undefined) throw new UsageError('--node NODE says whose traffic is explained');
      checkPlacement(options);
      const subject = await loadSubject(inputs, { ...options, node });
      const plan = options.placement === 'reactive' ? await reactivelyPlanned(subject, options) : planned(subject);
      if (plan) await emit(planExplained(plan, options.format), options);
    });
}

function planExplained(plan: OffloadPlan, format: ExplainOptions['format']): string {
  const explained = explainPlan(plan);
  if (format === 'json') return json(explained);
  return format === 'html' ? planHtml(explained) : planText(explained);
}

async function flowsExplained(file: string, format: ExplainOptions['format']): Promise<string> {
  const { flows, problems } = readDatapathFlows(await textOf(file));
  for (const problem of problems) process.stderr.write(`${file === '-' ? 'standard input' : file}: ${problem}\n`);
  if (flows.length === 0) {
    throw new UsageError(`--flows ${file}: there is no flow in it; give what "ovs-appctl dpctl/dump-flows -m" prints`);
  }
  const explained = explainFlows(flows.map(judgeFlow));
  if (format === 'html') return flowsHtml(explained);
  return format === 'json' ? json(explained) : flowsText(explained);
}

/** Maps become objects. */
const json = (value: unknown): string =>
  `${JSON.stringify(value, (_, inner: unknown) => (inner instanceof Map ? Object.fromEntries(inner) : inner), 2)}\n`;

async function textOf(file: string): Promise<string> {
  try {
    return await (file === '-' ? standardInput() : readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--flows ${file}: ${systemReason(error)}`);
  }
}

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
