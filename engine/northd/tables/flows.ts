/**
 * Logical_Flow: a row for each flow, one for all datapaths of a kind that share
 * it, ovn-sb(5).
 */
import type { LogicalFlow, Southbound } from '../../ovsdb/southbound.ts';
import type { SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import { addDatapathGroup } from './datapath-groups.ts';
import { flowTags } from './flow-tags.ts';

/** A flow, and the datapaths that share it; the first one's is the row. */
interface SharedFlow {
  readonly flow: LogicalFlow;
  readonly datapaths: string[];
}

export function addFlows({ flows }: Southbound, rows: SouthboundRows): void {
  for (const { flow, datapaths } of shared(flows, rows)) {
    const [datapath] = datapaths;
    const group = datapaths.length > 1 ? addDatapathGroup('Logical_Flow', datapaths, rows)._uuid : undefined;
    const { uuid, stage, hint, source } = flow;
    rows.Logical_Flow.set(uuid, {
      _uuid: uuid,
      logical_datapath: group === undefined ? datapath : undefined,
      logical_dp_group: group,
      pipeline: flow.pipeline,
      table_id: flow.table,
      priority: flow.priority,
      match: flow.match,
      actions: flow.actions,
      tags: flowTags(flow),
      controller_meter: flow.controllerMeter,
      external_ids: {
        source,
        'stage-name': stage,
        ...(hint !== undefined && { 'stage-hint': hint.slice(0, 8) }),
      },
    });
  }
}

function shared(flows: readonly LogicalFlow[], rows: SouthboundRows): Iterable<SharedFlow> {
  const byContent = new Map<string, SharedFlow>();
  for (const flow of flows) {
    if (!rows.Datapath_Binding.has(flow.datapath)) continue;
    // A stage's name tells switches from routers, ingress from egress.
    const key = `${flow.stage}\0${flow.priority}\0${flow.match}\0${flow.actions}\0${flow.controllerMeter ?? ''}`;
    const known = byContent.get(key);
    if (known) known.datapaths.push(flow.datapath);
    else byContent.set(key, { flow, datapaths: [flow.datapath] });
  }
  return byContent.values();
}
