/** Where in the user's files something came from. */

/** A place in a file; line and column count from 1, as editors do. */
export interface Position {
  file: string;
  line: number;
  column: number;
}

/** What caused a row or a flow: a place, and the resource that stands there. */
export interface Origin extends Position {
  /** `KIND/NAMESPACE/NAME`, e.g. `DPUVirtualNetwork/default/testnet1`. */
  resource: string;
}

/**
 * Something to tell the user about the input.  An error refuses the input, a
 * warning or a note does not.
 */
export interface Problem extends Position {
  severity: 'error' | 'warning' | 'note';
  /** A stable, spelled-out identifier, e.g. `subnet-overlap`. */
  id: string;
  /** The path inside the document, e.g. `spec.bridgedNetwork.ipam.ipv4.subnet`; '' for the whole. */
  path: string;
  /** What is wrong: a sentence without a full stop at its end. */
  message: string;
  /** What would be right, if there is something to say. */
  hint?: string;
}

/** `file:line:column: path: what is wrong, what would be right`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, hint } = problem;
  const label = problem.severity === 'error' ? '' : `${problem.severity}: `;
  return `${file}:${line}:${column}: ${label}${path === '' ? '' : `${path}: `}${message}${hint ? `; ${hint}` : ''}`;
}

/** The input cannot be used: all that is wrong with it, at once. */
export class InputError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'InputError';
    this.problems = problems;
  }
}
