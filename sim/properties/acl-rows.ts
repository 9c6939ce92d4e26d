/** ACLs as northbound rows have them: which packets of a switch they are asked about, and which of these match. */
import { annotate, LangError, type MatchEnvironment, parseMatch } from '../../engine/lang/index.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import { at, fieldIndex, type NetworkDatapath, type Store, testOf } from '../symbolic/index.ts';
import { createStores, write } from '../symbolic/store.ts';
import { inputOf } from '../symbolic/value.ts';
import type { View } from './view.ts';

export type Acl = NorthboundRow<'ACL'>;
export type AclTest = ReturnType<typeof testOf>;

export const denies = ({ action }: Acl): boolean => action === 'drop' || action === 'reject';

/** A switch or port group with ACLs, and the switches that they apply to. */
export interface Bearer {
  readonly name: string;
  readonly acls: readonly Acl[];
  readonly switches: readonly NetworkDatapath[];
}

const known = new WeakMap<View, readonly Bearer[]>();

/** All switches and port groups. */
export function bearersIn(view: View, northbound: Northbound): readonly Bearer[] {
  const before = known.get(view) ?? bearers(view, northbound);
  known.set(view, before);
  return before;
}

function bearers(view: View, northbound: Northbound): Bearer[] {
  const rowsOf = (uuids: readonly string[]): Acl[] => uuids.flatMap((uuid) => northbound.ACL.get(uuid) ?? []);
  const { datapaths, ports } = view.analysis.network;
  const byRow = new Map(
    view.southbound.datapaths.map(({ uuid, northboundUuid }) => [northboundUuid, datapaths.get(uuid)]),
  );
  const switches = [...northbound.Logical_Switch.values()].map(({ _uuid, name, acls }) => ({
    name,
    acls: rowsOf(acls),
    switches: [byRow.get(_uuid)].filter((one) => one !== undefined),
  }));
  const groups = [...northbound.Port_Group.values()].map((group) => ({
    name: group.name,
    acls: rowsOf(group.acls),
    switches: [
      ...new Set(
        group.ports.flatMap((uuid) => {
          const row = northbound.Logical_Switch_Port.get(uuid);
          const port = row && ports.get(row.name);
          return port ? [port.datapath] : [];
        }),
      ),
    ],
  }));
  return [...switches, ...groups];
}

/** All ACLs that packets of a switch meet, of its own and of port groups. */
export function aclsOn(view: View, northbound: Northbound, datapath: NetworkDatapath): Acl[] {
  return bearersIn(view, northbound)
    .filter(({ switches }) => switches.includes(datapath))
    .flatMap(({ acls }) => acls);
}

const looksOfViews = new WeakMap<View, Record<'from-lport' | 'to-lport', Store>>();

/** The field that stands for the port where a packet would arrive: no new packet has anything in it. */
export const arrival = fieldIndex('opener.src4');

/**
 * A packet in the table of ACLs: as it came. In `to-lport`, its `outport` may be any port, that of the field
 * `arrival`.
 */
export function lookOf(view: View, direction: string): Store {
  let looks = looksOfViews.get(view);
  if (!looks) {
    const stores = createStores(view.analysis.space);
    const anyPort = inputOf(stores.values, arrival, 20);
    looks = { 'from-lport': stores.initial, 'to-lport': write(stores, stores.initial, at.outport, anyPort) };
    looksOfViews.set(view, looks);
  }
  return looks[direction === 'to-lport' ? 'to-lport' : 'from-lport'];
}

/** A match on a switch, or why it is none. */
export function testIn({ southbound, analysis }: View, datapath: NetworkDatapath, match: string): AclTest | string {
  const { network } = analysis;
  const { addressSets, portGroups } = southbound;
  const datapathKey = southbound.datapaths.find(({ uuid }) => uuid === datapath.uuid)?.tunnelKey ?? 0;
  const environment: MatchEnvironment = { addressSets, portGroups, datapathKey };
  try {
    return testOf(annotate(parseMatch(match, environment)), {
      numberOf(name) {
        const port = network.ports.get(name);
        return name === '' ? 0 : port?.datapath === datapath ? port.number : undefined;
      },
      isResident: () => true,
    });
  } catch (error) {
    if (error instanceof LangError) return error.message;
    throw error;
  }
}
