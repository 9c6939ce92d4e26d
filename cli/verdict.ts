/** A verdict told in the form that was asked for, and the exit status that goes with it. */
import type { Option } from 'commander';
import type { Southbound } from '../engine/ovsdb/southbound.ts';
import { type PropertyText, pictureOf, type ReportFormat, report, reportFormats } from '../sim/report/index.ts';
import type { Verdict, Verification } from '../sim/verdict.ts';
import { conclude, emit, formatOption, type OutputOptions, packageVersion, type Status, status } from './command.ts';

export interface VerdictOptions extends OutputOptions {
  format: ReportFormat;
}

/** What a verdict is about. */
export interface VerdictSubject {
  /** The inputs, as they were named. */
  inputs: readonly string[];
  properties: readonly PropertyText[];
  southbound: Southbound;
}

/** `--format text|json|junit|sarif|html`. */
export const verdictFormatOption = (): Option => formatOption(reportFormats);

/** Exit statuses of verdicts. */
export const statuses: Record<Verdict, Status> = {
  holds: status.fine,
  vacuous: status.fine,
  violated: status.violated,
  unknown: status.unknown,
};

/** Prints the verdict, or writes it to the file of `-o`, and sets the exit status: 0 holds or vacuous, 1 violated, 3 unknown. */
export async function emitVerdict(
  verification: Verification,
  { inputs, properties, southbound }: VerdictSubject,
  options: VerdictOptions,
): Promise<void> {
  const isTerminal = options.output === undefined && process.stdout.isTTY && !process.env.NO_COLOR;
  const text = report(options.format, verification, {
    properties,
    version: packageVersion(),
    subject: inputs.join(' '),
    ...(isTerminal && { colour: true }),
    ...(options.format === 'html' && { picture: pictureOf(southbound) }),
  });
  await emit(text, options);
  conclude(statuses[verification.verdict]);
}
