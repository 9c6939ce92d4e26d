/** Comparing logical flows: ours beside ovn-northd's, as multisets. */
import type { Pipeline, Southbound } from '../../engine/ovsdb/southbound.ts';

/** A logical flow of one datapath, free of UUIDs of the southbound database. */
export interface Flow {
  /** The datapath's name. */
  datapath: string;
  pipeline: Pipeline;
  table: number;
  stage: string;
  priority: number;
  match: string;
  actions: string;
  /** `northd.c:LINE`. */
  source: string;
  /** The first 8 digits of the UUID of the northbound row that caused the flow. */
  hint?: string;
  controllerMeter?: string;
}

/** The flows of a southbound database of ours in the form in which they are compared. */
export function flowsOf(southbound: Southbound): Flow[] {
  const names = new Map(southbound.datapaths.map((datapath) => [datapath.uuid, datapath.name]));
  return southbound.flows.map((flow) => ({
    datapath: names.get(flow.datapath) ?? flow.datapath,
    pipeline: flow.pipeline,
    table: flow.table,
    stage: flow.stage,
    priority: flow.priority,
    match: flow.match,
    actions: flow.actions,
    source: flow.source,
    ...(flow.hint !== undefined && { hint: flow.hint.slice(0, 8) }),
    ...(flow.controllerMeter !== undefined && { controllerMeter: flow.controllerMeter }),
  }));
}

/** What must be equal unless the caller says otherwise. */
export const comparedFields = [
  'pipeline',
  'table',
  'stage',
  'priority',
  'match',
  'actions',
  'source',
  'hint',
  'controllerMeter',
] as const satisfies readonly (keyof Flow)[];

/**
 * ovn-northd stores a flow that several datapaths have once for all of them, so
 * that it remembers the source and the hint of only one, whichever it came to
 * first.  Gives both sides the same where theirs is one of ours.
 */
function settled(expected: readonly Flow[], actual: readonly Flow[], field: 'source' | 'hint'): [Flow[], Flow[]] {
  const keyOf = (flow: Flow) =>
    JSON.stringify([flow.pipeline, flow.stage, flow.priority, flow.match, flow.actions, flow.controllerMeter]);
  const choices = new Map<string, Set<string | undefined>>();
  for (const flow of actual) {
    const key = keyOf(flow);
    choices.set(key, (choices.get(key) ?? new Set()).add(flow[field]));
  }
  const settle = (flow: Flow): Flow => {
    const choice = choices.get(keyOf(flow));
    return choice?.has(flow[field]) && choice.size > 1 ? { ...flow, [field]: [...choice].sort().join(' or ') } : flow;
  };
  return [expected.map(settle), actual.map(settle)];
}

/**
 * What differs between the flows of ovn-northd and ours, for a person to read:
 * for each datapath how many are missing and how many too many, then the first
 * of them, each missing flow beside the most similar of those too many.
 * '' if every datapath has the same flows, each as many times.
 */
export function compareFlows(
  expected: readonly Flow[],
  actual: readonly Flow[],
  fields: readonly (keyof Flow)[] = comparedFields,
  shown = 12,
): string {
  const [bySource, oursBySource] = settled(expected, actual, 'source');
  const [theirs, ours] = settled(bySource, oursBySource, 'hint');
  const missing = surplus(theirs, ours, fields);
  const extra = surplus(ours, theirs, fields);
  const datapaths = [...new Set([...missing, ...extra].map((flow) => flow.datapath))].sort();
  const lines: string[] = [];
  let room = shown;
  for (const datapath of datapaths) {
    const lacking = missing.filter((flow) => flow.datapath === datapath);
    const unwanted = extra.filter((flow) => flow.datapath === datapath);
    lines.push(`datapath "${datapath}": ${lacking.length} flows missing, ${unwanted.length} too many`);
    for (const flow of lacking) {
      const twin = takeSimilar(flow, unwanted);
      if (room-- <= 0) continue;
      lines.push(`  missing  ${flowLine(flow, fields)}`);
      if (twin) lines.push(`  instead  ${flowLine(twin, fields)}`);
    }
    for (const flow of unwanted) if (room-- > 0) lines.push(`  too many ${flowLine(flow, fields)}`);
  }
  if (room < 0) lines.push(`and ${-room} more`);
  return lines.join('\n');
}

/** A flow much as `ovn-sbctl lflow-list` prints it. */
export function flowLine(flow: Flow, fields: readonly (keyof Flow)[] = comparedFields): string {
  const { pipeline, table, stage, priority, match, actions } = flow;
  const others = (['source', 'hint', 'controllerMeter'] as const).filter(
    (field) => fields.includes(field) && flow[field] !== undefined,
  );
  const place = `${pipeline} table=${table} (${stage}), priority=${priority}`;
  return [`${place}, match=(${match}), action=(${actions})`, ...others.map((field) => `${field}=${flow[field]}`)].join(
    ', ',
  );
}

/** The flows of `one` that `other` does not have, or not as often. */
function surplus(one: readonly Flow[], other: readonly Flow[], fields: readonly (keyof Flow)[]): Flow[] {
  const keyOf = (flow: Flow) => JSON.stringify([flow.datapath, ...fields.map((field) => flow[field])]);
  const counts = new Map<string, number>();
  for (const flow of other) counts.set(keyOf(flow), (counts.get(keyOf(flow)) ?? 0) + 1);
  return one.filter((flow) => {
    const left = counts.get(keyOf(flow)) ?? 0;
    counts.set(keyOf(flow), left - 1);
    return left <= 0;
  });
}

/** Takes the flow of the same stage out of `flows` that shares most with `flow`. */
function takeSimilar(flow: Flow, flows: Flow[]): Flow | undefined {
  const score = (candidate: Flow) =>
    (['match', 'priority', 'actions', 'source'] as const).filter((field) => candidate[field] === flow[field]).length;
  const candidates = flows.filter((candidate) => candidate.stage === flow.stage && score(candidate) > 0);
  const best = candidates.sort((a, b) => score(b) - score(a))[0];
  if (best) flows.splice(flows.indexOf(best), 1);
  return best;
}
