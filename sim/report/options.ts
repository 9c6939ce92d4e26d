/** What all forms of the report are told besides the verification. */

/** A property, for those who have never heard of it. */
export interface PropertyText {
  readonly id: string;
  /** What is promised, in a sentence without a full stop. */
  readonly promise: string;
  /** Where more is said about it: an address (URL), or the name of a file. */
  readonly help?: string;
}

export interface ReportOptions {
  /** In the order in which they are told; what a verification has besides them is told after them. */
  readonly properties: readonly PropertyText[];
  /** Version of lflow. */
  readonly version?: string;
}

/** The properties that a verification speaks of, in the order in which they are told. */
export function toldProperties(
  findings: readonly { readonly id: string }[],
  { properties }: Pick<ReportOptions, 'properties'>,
): PropertyText[] {
  const present = new Set(findings.map(({ id }) => id));
  const known = new Set(properties.map(({ id }) => id));
  const others = [...present].filter((id) => !known.has(id)).map((id) => ({ id, promise: 'a rule of the policy' }));
  return [...properties.filter(({ id }) => present.has(id)), ...others];
}
