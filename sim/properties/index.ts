/** Every built-in property, in the order in which reports show them: docs/properties/README.md. */
import type { Property } from './property.ts';
import { tenantIsolation } from './tenant-isolation.ts';

export const builtInProperties: readonly Property[] = [tenantIsolation];
