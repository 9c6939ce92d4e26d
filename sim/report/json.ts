/** The verdict as JSON, for programs. */
import type { Verification } from '../verdict.ts';

/** `{verdict, topology, properties, matrix?, elapsedMs}` (`Verification`), indented, with a newline at its end. */
export function jsonReport({ verdict, topology, properties, matrix, elapsedMs }: Verification): string {
  return `${JSON.stringify({ verdict, topology, properties, ...(matrix && { matrix }), elapsedMs }, undefined, 2)}\n`;
}
