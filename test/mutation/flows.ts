/** Mutants of logical flows: each one dropped, widened, or with another port to send to. */
import type { LogicalFlow, Southbound } from '../../engine/ovsdb/southbound.ts';
import type { FlowMutant } from './mutant.ts';
import { widened } from './terms.ts';

/** All mutants of the flows, in their order. */
export function flowMutants(southbound: Southbound): FlowMutant[] {
  const names = new Map(southbound.datapaths.map(({ uuid, name }) => [uuid, name]));
  const ports = new Map<string, string[]>();
  for (const { datapath, logicalPort } of southbound.ports) {
    ports.set(datapath, [...(ports.get(datapath) ?? []), logicalPort]);
  }
  return southbound.flows.flatMap((flow) => {
    const { stage, priority, match, actions, datapath } = flow;
    const what = `${names.get(datapath)} ${stage} ${priority} ${match} -> ${actions}`;
    const mutant = (kind: string, instead?: LogicalFlow): FlowMutant => ({
      of: 'flows',
      kind: `flow ${kind}`,
      what,
      flow,
      ...(instead && { instead }),
    });
    const swapped = withAnotherPort(actions, ports.get(datapath) ?? []);
    return [
      mutant('dropped'),
      ...widened(match).map(({ how, match: wider }) => mutant(how, { ...flow, match: wider })),
      ...(swapped === undefined ? [] : [mutant('sent to another port', { ...flow, actions: swapped })]),
    ];
  });
}

/** The actions with the next one of the datapath's ports in the place of the first that they name as `outport`. */
export function withAnotherPort(actions: string, ports: readonly string[]): string | undefined {
  const [found, port = ''] = /outport = "([^"]*)"/.exec(actions) ?? [];
  if (found === undefined) return undefined;
  const other = ports[(ports.indexOf(port) + 1) % ports.length];
  return other === undefined || other === port ? undefined : actions.replace(found, `outport = "${other}"`);
}
