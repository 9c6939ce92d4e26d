/** The verdict as JSON, for programs. */
import type { Verification } from '../verify.ts';

/** `{verdict, topology, properties, elapsedMs}`, indented, with a newline at its end. */
export function jsonReport({ verdict, topology, properties, elapsedMs }: Verification): string {
  return `${JSON.stringify({ verdict, topology, properties, elapsedMs }, undefined, 2)}\n`;
}
