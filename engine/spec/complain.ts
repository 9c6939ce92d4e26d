/** Complaints of one resource. */
import type { Position, Problem } from '../origin.ts';
import type { Resource, SpecProblem } from './resources.ts';

/** A complaint without its place. */
export interface Complaint {
  severity?: Problem['severity'];
  id: string;
  path: string;
  message: string;
  hint?: string;
}

/** Makes problems of what is wrong with one document. */
export type Complain = (complaint: Complaint, at?: 'key' | 'value') => void;

/** A complaint about a field of a resource, at the field's value. */
export function problemOf(resource: Resource, complaint: Complaint): SpecProblem {
  return placed(complaint, resource.at(complaint.path), resource.origin.resource);
}

export function placed({ severity = 'error', ...rest }: Complaint, position: Position, resource: string): SpecProblem {
  const { file, line, column } = position;
  const { id, path, message, hint } = rest;
  const texts = { path: printable(path), message: printable(message), ...(hint && { hint: printable(hint) }) };
  return { file, line, column, severity, id, ...texts, resource };
}

/** A text without what would steer a terminal, for quotations of foreign input. */
export const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** `did you mean "NAME"?`, if there is a name to suggest. */
export const didYouMean = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : `did you mean "${name}"?`;

/** Something that a user wrote, in quotes and cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
