/**
 * `lflow describe`: the resources as a tree with their conditions, in the form
 * of `dpfctl describe dpuvpcs`.
 */
import { Command, Option } from 'commander';
import { formatProblem, InputError } from '../../engine/origin.ts';
import { printable } from '../../engine/spec/complain.ts';
import {
  type Condition,
  type DescribedGroup,
  type DescribedResource,
  describeResources,
} from '../../engine/spec/conditions.ts';
import { emit, formatOption, type OutputOptions, outputOption } from '../command.ts';
import { capped, type InputOptions, nodesOption, readInputs } from '../input.ts';

/** Which conditions get a line of their own: all, or those of resources that are not as they should be. */
type Shown = 'all' | 'failed';

interface Options extends InputOptions, OutputOptions {
  showConditions: Shown;
  format: 'text' | 'json';
}

export default function define(): Command {
  return new Command('describe')
    .description('print the tree of resources with their conditions, as dpfctl describe dpuvpcs does')
    .argument('<input...>', 'YAML files, folders of them, or - for standard input')
    .addOption(
      new Option('--show-conditions <WHICH>', 'the conditions that get a line of their own')
        .choices(['all', 'failed'])
        .default('failed'),
    )
    .addOption(nodesOption())
    .addOption(formatOption(['text', 'json']))
    .addOption(outputOption())
    .action(async (inputs: string[], options: Options) => {
      await emit(await describe(inputs, options), options);
    });
}

async function describe(inputs: string[], { nodes, format, showConditions }: Options): Promise<string> {
  const result = await readInputs(inputs, { nodes });
  const unreadable = result.problems.filter(({ severity, resource }) => severity === 'error' && resource === '');
  if (unreadable.length > 0) throw new InputError(capped(unreadable));
  const elsewhere = result.problems.filter(({ resource }) => !isDescribed(resource));
  if (elsewhere.length > 0) process.stderr.write(`${capped(elsewhere).map(formatProblem).join('\n')}\n`);
  const tree = describeResources(result);
  return format === 'json' ? formatJson(tree) : formatTree(tree, showConditions);
}

const isDescribed = (resource: string): boolean =>
  ['DPUVPC', 'DPUVirtualNetwork', 'DPUServiceInterface'].includes(resource.slice(0, resource.indexOf('/')));

function formatJson(tree: DescribedGroup[] | DescribedResource): string {
  const resources = Array.isArray(tree) ? tree.flatMap((group) => group.resources.map(jsonOf)) : [jsonOf(tree)];
  return `${JSON.stringify({ resources }, null, 2)}\n`;
}

function jsonOf({ kind, namespace, name, conditions, origin, groups }: DescribedResource): object {
  const { file, line, column } = origin;
  const children = groups.flatMap((group) => group.resources.map(jsonOf));
  return { kind, namespace, name, conditions, source: { file, line, column }, children };
}

type Row = [name: string, namespace: string, status: string, reason: string, since: string, message: string];

const header: Row = ['NAME', 'NAMESPACE', 'STATUS', 'REASON', 'SINCE', 'MESSAGE'];

/** The tree as text, a line each, with columns as wide as what is in them. */
export function formatTree(tree: DescribedGroup[] | DescribedResource, shown: Shown): string {
  const rows = Array.isArray(tree)
    ? tree.flatMap((group) => groupRows(group, '', '', shown))
    : resourceRows(tree, '', '', shown);
  const table = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...table.map((row) => [...row[column]].length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(widths[column] - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** `first` stands before a name, `rest` before everything below it. */
function groupRows(group: DescribedGroup, first: string, rest: string, shown: Shown): Row[] {
  const rows = branches(group.resources, rest, (resource, before, below) =>
    resourceRows(resource, before, below, shown),
  );
  return [[`${first}${group.title}`, '', '', '', '', ''], ...rows];
}

function resourceRows(resource: DescribedResource, first: string, rest: string, shown: Shown): Row[] {
  const { kind, namespace, name, conditions, groups } = resource;
  const title = `${first}${kind}/${name}`;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const isExpanded = shown === 'all' || conditions.some(({ status }) => status !== 'True');
  const pipe = groups.length > 0 ? '│ ' : '  ';
  const own: Row[] =
    isExpanded || !ready
      ? [[title, namespace, '', '', '', '']]
      : wrapped(
          [title, namespace, `Ready: ${ready.status}`, ready.reason, unknownSince],
          ready.message,
          `${rest}${pipe}`,
        );
  const listed = conditions.filter(({ type, status }) => shown === 'all' || type === 'Ready' || status !== 'True');
  const details = isExpanded ? branches(listed, `${rest}${pipe}${' '.repeat(10)}`, conditionRows) : [];
  return [
    ...own,
    ...details,
    ...branches(groups, rest, (group, before, below) => groupRows(group, before, below, shown)),
  ];
}

/** A manifest does not know since when. */
const unknownSince = '-';

function conditionRows({ type, status, reason, message }: Condition, first: string, rest: string): Row[] {
  return wrapped([`${first}${type}`, '', status, reason, unknownSince], message, rest);
}

/** The rows of things that hang on one branch of the tree. */
function branches<T>(
  items: readonly T[],
  before: string,
  rowsOf: (item: T, first: string, rest: string) => Row[],
): Row[] {
  return items.flatMap((item, index) => {
    const isLast = index === items.length - 1;
    return rowsOf(item, `${before}${isLast ? '└─' : '├─'}`, `${before}${isLast ? '  ' : '│ '}`);
  });
}

const messageWidth = 100;

/** A row whose message may go on in rows below it. */
function wrapped(cells: [string, string, string, string, string], message: string, rest: string): Row[] {
  const lines: string[] = [''];
  for (const word of message.split(' ')) {
    const line = lines[lines.length - 1];
    if (line === '' || line.length + word.length < messageWidth)
      lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
    else lines.push(word);
  }
  const [first, ...more] = lines;
  return [[...cells, first], ...more.map((line): Row => [rest, '', '', '', '', line])];
}
