/** What an ACL denies is not delivered, and a deny denies something. */
import type { Northbound } from '../../engine/ovsdb/northbound.ts';
import type { PacketSet } from '../../engine/sets/index.ts';
import { matchSet } from '../policy/packets.ts';
import {
  type Certainty,
  inportIn,
  type Looks,
  matching,
  type NetworkDatapath,
  type TrafficClass,
} from '../symbolic/index.ts';
import { type Acl, type AclTest, aclsOn, bearersIn, denies, lookOf, testIn } from './acl-rows.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { endText, judgeRefusals } from './refusal.ts';
import { fromDhcpServers, fromMonitors, passingAcls } from './unguarded.ts';
import { arriving, doubt, type View } from './view.ts';

export const aclEffective: Property = {
  id: 'acl-effective',
  severity: 'error',
  promise: 'what an ACL denies is not delivered, and a deny denies something',
  *checks(view) {
    const { northbound } = view;
    if (!northbound) return;
    for (const { name, acls, switches } of bearersIn(view, northbound)) {
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

function judge(view: View, northbound: Northbound, acl: Acl, switches: readonly NetworkDatapath[]): Judgement {
  let found: Judgement = holds;
  for (const datapath of switches) {
    found = judgeOn(view, acl, datapath, aclsOn(view, northbound, datapath));
    if (found.verdict !== 'holds') return found;
  }
  return found;
}

function judgeOn(view: View, acl: Acl, datapath: NetworkDatapath, all: readonly Acl[]): Judgement {
  const { space } = view.analysis;
  const test = testIn(view, datapath, acl.match);
  if (typeof test === 'string') {
    const sentence = `its match is not understood (${test}): chassis leave it out, and nothing is denied`;
    return violated({ kind: 'written', sentence, rows: [rowText(acl)] });
  }
  const looks = lookOf(view, acl.direction);
  const setOf = (one: AclTest): PacketSet => matching(space, looks, one, 'may');
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

/**
 * What comes out of a host's port of the switch, looking like what an ACL denies there and none of these allows. Whom conntrack
 * took for an answer is let through by the ACL that allowed the question: ovn-nb(5), ACL, `allow-related`.
 */
function judgeArrival(view: View, datapath: NetworkDatapath, denied: AclTest, allows: readonly Acl[]): Judgement {
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
    const answers = matchSet(space, 'ct.rpl || ct.rel', store, opposite);
    const chassis = [fromMonitors, fromDhcpServers].map((looksSo) => looksSo(view, store, opposite));
    const excused = space.orAll([...others, answers, ...chassis]);
    return space.diff(matching(space, store, denied, certainty), excused);
  };
  const packets = space.not(passingAcls(view));
  const sentence = (one: TrafficClass): string => `a packet that it denies arrives at ${endText(view, one)}`;
  return judgeRefusals(view, [{ packets, ports, bad, sentence }]);
}
