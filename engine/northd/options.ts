/** Columns of the northbound database, read as ovn-northd reads them. */

type Options = Readonly<Record<string, string>>;

/** A boolean option; anything but `true` (where the default is false) or `false` (where it is true) is the default. */
export function booleanOption(options: Options, key: string, fallback: boolean): boolean {
  const value = options[key]?.toLowerCase();
  return fallback ? value !== 'false' : value === 'true';
}

/** An integer option; absent or not a decimal number is the default. */
export function integerOption(options: Options, key: string, fallback: number): number {
  const value = options[key];
  return value !== undefined && /^\s*[-+]?\d+$/.test(value) ? Number(value) : fallback;
}

/** A set of strings in the order in which OVSDB stores it, each once. */
export function sortedSet(values: readonly string[]): string[] {
  return values.length < 2 ? [...values] : [...new Set(values)].sort();
}

/** A string constant of the match language. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
