/** What an ACL denies is not delivered, and a deny denies something. */
import { annotate, LangError, type MatchEnvironment, parseMatch } from '../../engine/lang/index.ts';
import type { Northbound, NorthboundRow } from '../../engine/ovsdb/northbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import {
  at,
  type Certainty,
  fieldIndex,
  inportIn,
  type Looks,
  matching,
  type NetworkDatapath,
  type Store,
  type TrafficClass,
  testOf,
} from '../symbolic/index.ts';
import { createStores, write } from '../symbolic/store.ts';
import { inputOf } from '../symbolic/value.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { endText, judgeRefusals } from './refusal.ts';
import { fromMonitors, passingAcls } from './unguarded.ts';
import { arriving, doubt, type View } from './view.ts';

type Acl = NorthboundRow<'ACL'>;
type Test = ReturnType<typeof testOf>;

export const aclEffective: Property = {
  id: 'acl-effective',
  severity: 'error',
  promise: 'what an ACL denies is not delivered, and a deny denies something',
  *checks(view) {
    const { northbound } = view;
    if (!northbound) return;
    for (const { name, acls, switches } of bearers(view, northbound)) {
      for (const acl of acls.filter(denies)) {
        const { _uuid: key, priority, match, origin } = acl;
        yield {
          key,
          subject: `${name}, priority ${priority}: ${match}`,
          source: origin ? [origin] : [],
          ...(switches.length === 0 && { vacuous: `${name} has no port` }),
          judge: () => judge(view, northbound, acl, switches),
        } satisfies Check;
      }
    }
  },
};

const denies = ({ action }: Acl): boolean => action === 'drop' || action === 'reject';

/** A switch or port group with ACLs, and the switches that they apply to. */
interface Bearer {
  readonly name: string;
  readonly acls: readonly Acl[];
  readonly switches: readonly NetworkDatapath[];
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

function judge(view: View, northbound: Northbound, acl: Acl, switches: readonly NetworkDatapath[]): Judgement {
  let found: Judgement = holds;
  for (const datapath of switches) {
    found = judgeOn(view, acl, datapath, aclsOn(view, northbound, datapath));
    if (found.verdict !== 'holds') return found;
  }
  return found;
}

/** All ACLs that packets of a switch meet, of its own and of port groups. */
function aclsOn(view: View, northbound: Northbound, datapath: NetworkDatapath): Acl[] {
  return bearers(view, northbound)
    .filter(({ switches }) => switches.includes(datapath))
    .flatMap(({ acls }) => acls);
}

function judgeOn(view: View, acl: Acl, datapath: NetworkDatapath, all: readonly Acl[]): Judgement {
  const { space } = view.analysis;
  const test = testIn(view, datapath, acl.match);
  if (typeof test === 'string') {
    const sentence = `its match is not understood (${test}): chassis leave it out, and nothing is denied`;
    return violated({ kind: 'written', sentence, rows: [rowText(acl)] });
  }
  const looks = lookOf(view, acl.direction);
  const setOf = (one: Test): PacketSet => matching(space, looks, one, 'may');
  const denied = setOf(test);
  if (denied === space.empty) {
    const sentence = `no packet of ${datapath.name} can match it in direction ${acl.direction}`;
    return violated({ kind: 'written', sentence, rows: [rowText(acl)] });
  }
  const above = all.filter(({ direction, priority }) => direction === acl.direction && priority > acl.priority);
  let left = denied;
  let allowed = false;
  for (const other of above) {
    const higher = testIn(view, datapath, other.match);
    if (typeof higher === 'string') continue;
    const taken = setOf(higher);
    allowed ||= !denies(other) && space.intersects(left, taken);
    left = space.diff(left, taken);
  }
  if (left === space.empty && allowed) {
    const rows = [acl, ...above.filter((other) => !denies(other))].map(rowText);
    return violated({ kind: 'written', sentence: 'ACLs of higher priority allow all that it denies', rows });
  }
  return acl.direction === 'from-lport'
    ? judgeDelivery(view, acl, datapath, left, all)
    : judgeArrival(
        view,
        datapath,
        test,
        [...above, ...beside(acl, all)].filter((other) => !denies(other)),
      );
}

const rowText = ({ priority, match }: Acl): string => `ACL ${priority} ${match}`;

/** What hosts of the switch send and the ACL denies is not to arrive; what one of its own priority allows is left to chance. */
function judgeDelivery(
  view: View,
  acl: Acl,
  datapath: NetworkDatapath,
  denied: PacketSet,
  all: readonly Acl[],
): Judgement {
  const { space, network } = view.analysis;
  const beside = all.filter(
    (other) => other.direction === acl.direction && other.priority === acl.priority && !denies(other),
  );
  const excused = beside.map((other) => {
    const test = testIn(view, datapath, other.match);
    return typeof test === 'string' ? space.empty : matching(space, lookOf(view, acl.direction), test, 'may');
  });
  const hosts = datapath.ports.filter(({ edge }) => edge === 'vif');
  const guarded = space.diff(denied, passingAcls(view));
  const packets = space.and(space.diff(guarded, space.orAll(excused)), inportIn(space, hosts));
  const edges = [...network.ports.values()].filter(({ edge }) => edge !== undefined);
  const found = arriving(view, packets, edges, ({ connection, made }) => connection === 'new' && made === undefined);
  if (found) {
    const where = found.class.end.kind === 'port' ? found.class.end.port.name : 'its sender';
    return violated({ kind: 'goes', ...found, sentence: `a packet that it denies arrives at ${where}` });
  }
  const reason = doubt(view, packets, 'new');
  return reason === undefined ? holds : unknown(reason);
}

const beside = ({ direction, priority }: Acl, all: readonly Acl[]): Acl[] =>
  all.filter((other) => other.direction === direction && other.priority === priority);

/** What comes out of a host's port of the switch, looking like what an ACL denies there and none of these allows. */
function judgeArrival(view: View, datapath: NetworkDatapath, denied: Test, allows: readonly Acl[]): Judgement {
  const { space } = view.analysis;
  const ports = datapath.ports.filter(({ edge }) => edge === 'vif');
  const allowed = allows.flatMap(({ match }) => {
    const test = testIn(view, datapath, match);
    return typeof test === 'string' ? [] : [test];
  });
  const bad = ({ connection, made, store }: Looks, certainty: Certainty): PacketSet => {
    if (connection !== 'new' || made !== undefined) return space.empty;
    const opposite = certainty === 'may' ? 'must' : 'may';
    const others = allowed.map((test) => matching(space, store, test, opposite));
    const excused = space.orAll([...others, fromMonitors(view, store, opposite)]);
    return space.diff(matching(space, store, denied, certainty), excused);
  };
  const packets = space.not(passingAcls(view));
  const sentence = (one: TrafficClass): string => `a packet that it denies arrives at ${endText(view, one)}`;
  return judgeRefusals(view, [{ packets, ports, bad, sentence }]);
}

const looksOfViews = new WeakMap<View, Record<'from-lport' | 'to-lport', Store>>();

/**
 * A packet in the table of ACLs: as it came. In `to-lport`, its `outport` may be any port: a field stands for it that
 * no packet has before it is a reply.
 */
function lookOf(view: View, direction: string): Store {
  let looks = looksOfViews.get(view);
  if (!looks) {
    const stores = createStores(view.analysis.space);
    const anyPort = inputOf(stores.values, fieldIndex('opener.src4'), 20);
    looks = { 'from-lport': stores.initial, 'to-lport': write(stores, stores.initial, at.outport, anyPort) };
    looksOfViews.set(view, looks);
  }
  return looks[direction === 'to-lport' ? 'to-lport' : 'from-lport'];
}

/** A match on a switch, or why it is none. */
function testIn({ southbound, analysis }: View, datapath: NetworkDatapath, match: string): Test | string {
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
