/**
 * Access control: ls_in_acl_hint, ls_in_acl, ls_in_acl_after_lb,
 * ls_out_acl_hint, ls_out_acl.
 */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { coppMeter, logMeter } from '../copp.ts';
import type { Emit } from '../emit.ts';
import { booleanOption } from '../options.ts';
import {
  REG_LABEL,
  REGBIT_ACL_HINT_ALLOW,
  REGBIT_ACL_HINT_ALLOW_NEW,
  REGBIT_ACL_HINT_ALLOW_REL,
  REGBIT_ACL_HINT_BLOCK,
  REGBIT_ACL_HINT_DROP,
  REGBIT_ACL_LABEL,
  REGBIT_CONNTRACK_COMMIT,
  type Stage,
  stages,
} from '../stages.ts';
import { rowsOf, type SwitchDatapath, type Topology } from '../topology.ts';
import { dhcpv4Server, dhcpv6Server } from './dhcp.ts';
import { hasDnsRecords } from './dns.ts';

type Acl = NorthboundRow<'ACL'>;

/** The ACLs of a switch, its own and those of port groups that have a port on it. */
export interface AclSummary {
  readonly acls: Acl[];
  /** One of them is allow-related: the switch follows connections. */
  readonly hasStateful: boolean;
}

export function summarizeAcls(dp: SwitchDatapath, topology: Topology): AclSummary {
  const uuids = [dp.row, ...dp.portGroups].flatMap(({ acls }) => acls);
  const acls = rowsOf(topology.nb, 'ACL', [...new Set(uuids)]);
  return { acls, hasStateful: acls.some(({ action }) => action === 'allow-related') };
}

/** Whether the switch follows connections: what all flows about them, and DHCP answers to its ports, depend on. */
export function followsConnections(dp: SwitchDatapath, topology: Topology): boolean {
  return dp.hasLbVip || summarizeAcls(dp, topology).hasStateful;
}

/** ACLs have a smaller range of priorities than flows; OVN's own decisions stand above and below it. */
export function aclPriority(acl: Acl): number {
  return acl.priority + 1000;
}

export function buildAcls(dp: SwitchDatapath, topology: Topology, summary: AclSummary, emit: Emit): void {
  const followed = summary.hasStateful || dp.hasLbVip;
  const decides = summary.acls.length > 0 || dp.hasLbVip;
  buildHints(decides, followed, emit);
  buildDefaults(summary, dp.hasLbVip, topology, emit);
  if (followed) buildConnections(topology, emit);
  for (const acl of summary.acls) buildAcl(acl, followed, dp, topology, emit);
  buildReplies(dp, topology, followed, emit);
  if (decides) {
    emit(stages.ls_in_acl, 34000, 'eth.dst == $svc_monitor_mac', 'next;', 6988);
    emit(stages.ls_out_acl, 34000, 'eth.src == $svc_monitor_mac', 'next;', 6993);
  }
}

/** What the state of the connection leaves open, said once in registers rather than in each ACL's match. */
function buildHints(decides: boolean, followed: boolean, emit: Emit): void {
  const set = (...bits: string[]) => `${bits.map((bit) => `${bit} = 1; `).join('')}next;`;
  const allowNewOrDrop = set(REGBIT_ACL_HINT_ALLOW_NEW, REGBIT_ACL_HINT_DROP);
  for (const stage of [stages.ls_in_acl_hint, stages.ls_out_acl_hint]) {
    if (decides) emit(stage, 0, '1', 'next;', 6179);
    else emit(stage, 65535, '1', 'next;', 6177);
    if (!followed) continue;
    emit(stage, 7, 'ct.new && !ct.est', allowNewOrDrop, 6190);
    emit(stage, 6, '!ct.new && ct.est && !ct.rpl && ct_mark.blocked == 1', allowNewOrDrop, 6206);
    emit(stage, 5, '!ct.trk', set(REGBIT_ACL_HINT_ALLOW, REGBIT_ACL_HINT_DROP), 6212);
    const request = '!ct.new && ct.est && !ct.rpl && ct_mark.blocked == 0';
    emit(stage, 4, request, set(REGBIT_ACL_HINT_ALLOW, REGBIT_ACL_HINT_BLOCK), 6228);
    emit(stage, 3, '!ct.est', set(REGBIT_ACL_HINT_DROP), 6236);
    emit(stage, 2, 'ct.est && ct_mark.blocked == 1', set(REGBIT_ACL_HINT_DROP), 6242);
    emit(stage, 1, 'ct.est && ct_mark.blocked == 0', set(REGBIT_ACL_HINT_BLOCK), 6253);
  }
}

/** What happens to packets that no ACL decides: they pass, unless default_acl_drop says otherwise. */
function buildDefaults(summary: AclSummary, hasLbVip: boolean, topology: Topology, emit: Emit): void {
  if (summary.acls.length > 0) {
    const fallback = defaultDrop(topology) ? topology.drop.drop : 'next;';
    emit(stages.ls_in_acl, 0, '1', fallback, 6765);
    emit(stages.ls_out_acl, 0, '1', fallback, 6767);
    emit(stages.ls_in_acl_after_lb, 0, '1', fallback, 6769);
  } else {
    emit(stages.ls_in_acl, hasLbVip ? 0 : 65535, '1', 'next;', hasLbVip ? 6760 : 6755);
    emit(stages.ls_out_acl, hasLbVip ? 0 : 65535, '1', 'next;', hasLbVip ? 6761 : 6757);
    emit(stages.ls_in_acl_after_lb, 0, '1', 'next;', 6763);
  }
  const discovery = 'nd || nd_ra || nd_rs || mldv1 || mldv2';
  emit(stages.ls_in_acl, 65532, discovery, 'next;', 6892);
  emit(stages.ls_out_acl, 65532, discovery, 'next;', 6894);
  emit(stages.ls_in_acl_after_lb, 65532, discovery, 'next;', 6896);
}

function defaultDrop(topology: Topology): boolean {
  return booleanOption(topology.options, 'default_acl_drop', false);
}

function notInvalid(topology: Topology): string {
  return booleanOption(topology.options, 'use_ct_inv_match', true) ? ' && !ct.inv' : '';
}

/** What is decided by the connection alone, above all ACLs, and what is committed though no ACL decided it. */
function buildConnections(topology: Topology, emit: Emit): void {
  const { drop } = topology.drop;
  const commit = `${REGBIT_CONNTRACK_COMMIT} = 1; next;`;
  emit(stages.ls_in_acl, 1, 'ip && ct.est && ct_mark.blocked == 1', commit, 6799);
  emit(stages.ls_out_acl, 1, 'ip && ct.est && ct_mark.blocked == 1', commit, 6802);
  const fresh = defaultDrop(topology) ? drop : commit;
  emit(stages.ls_in_acl, 1, 'ip && !ct.est', fresh, 6809);
  emit(stages.ls_out_acl, 1, 'ip && !ct.est', fresh, 6811);

  const valid = notInvalid(topology);
  const refused = `${valid ? 'ct.inv || ' : ''}(ct.est && ct.rpl && ct_mark.blocked == 1)`;
  emit(stages.ls_in_acl, 65532, refused, drop, 6825);
  emit(stages.ls_out_acl, 65532, refused, drop, 6827);

  const reply = `ct.est && !ct.rel && !ct.new${valid} && ct.rpl && ct_mark.blocked == 0`;
  const clear = `${REGBIT_ACL_HINT_DROP} = 0; ${REGBIT_ACL_HINT_BLOCK} = 0;`;
  const allowReply = `${clear} ${REGBIT_ACL_HINT_ALLOW_REL} = 1; next;`;
  emit(stages.ls_in_acl, 65532, reply, allowReply, 6844);
  emit(stages.ls_out_acl, 65532, reply, 'next;', 6848);

  const related = `!ct.est && ct.rel && !ct.new${valid} && ct_mark.blocked == 0`;
  emit(stages.ls_in_acl, 65532, related, `${REGBIT_ACL_HINT_ALLOW_REL} = 1; ct_commit_nat;`, 6874);
  emit(stages.ls_out_acl, 65532, related, 'ct_commit_nat;', 6876);
  emit(stages.ls_in_acl_after_lb, 65532, `${REGBIT_ACL_HINT_ALLOW_REL} == 1`, 'next;', 6881);
}

function stageOf(acl: Acl): Stage {
  if (acl.direction !== 'from-lport') return stages.ls_out_acl;
  return booleanOption(acl.options, 'apply-after-lb', false) ? stages.ls_in_acl_after_lb : stages.ls_in_acl;
}

function buildAcl(acl: Acl, followed: boolean, dp: SwitchDatapath, topology: Topology, emit: Emit): void {
  const stage = stageOf(acl);
  const priority = aclPriority(acl);
  const log = logAction(acl, topology);
  switch (acl.action) {
    case 'allow-stateless':
      emit(stage, priority, acl.match, `${log}next;`, 6401, acl);
      break;
    case 'allow':
    case 'allow-related':
      if (followed) buildFollowedAllow(acl, stage, log, topology, emit);
      else emit(stage, priority, acl.match, `${log}next;`, 6416, acl);
      break;
    case 'drop':
      if (followed) buildFollowedDrop(acl, stage, log, topology, emit);
      else emit(stage, priority, acl.match, `${log}${topology.drop.implicitDrop}`, 6588, acl);
      break;
    case 'reject':
      buildReject(acl, stage, followed, log, dp, topology, emit);
      break;
  }
}

/** A new connection is committed, so that the other direction's ACLs see its replies as such. */
function buildFollowedAllow(acl: Acl, stage: Stage, log: string, topology: Topology, emit: Emit): void {
  const priority = aclPriority(acl);
  const label = acl.label ? `${REGBIT_ACL_LABEL} = 1; ${REG_LABEL} = ${acl.label}; ` : '';
  const commit = `${REGBIT_CONNTRACK_COMMIT} = 1; ${label}`;
  emit(stage, priority, `${REGBIT_ACL_HINT_ALLOW_NEW} == 1 && (${acl.match})`, `${commit}${log}next;`, 6445, acl);
  const established = `${REGBIT_ACL_HINT_ALLOW} == 1 && (${acl.match})`;
  emit(stage, priority, established, `${acl.label ? commit : ''}${log}next;`, 6470, acl);
  if (!acl.log || !acl.label || !booleanOption(acl.options, 'log-related', false)) return;
  // Replies and related packets pass above all ACLs: to be logged they need flows above that.
  const opposite = acl.direction === 'from-lport' ? stages.ls_out_acl : stages.ls_in_acl;
  const valid = notInvalid(topology);
  const unblocked = `ct_mark.blocked == 0 && ct_label.label == ${acl.label}`;
  const reply = `ct.est && !ct.rel && !ct.new${valid} && ct.rpl && ${unblocked}`;
  emit(opposite, 65533, reply, `${log}next;`, 6506, acl);
  const related = `!ct.est && ct.rel && !ct.new${valid} && ${unblocked}`;
  emit(opposite, 65533, related, `${log}next;`, 6517, acl);
}

/** A connection that was allowed earlier is marked as blocked, which stops its replies too. */
function buildFollowedDrop(acl: Acl, stage: Stage, log: string, topology: Topology, emit: Emit): void {
  const priority = aclPriority(acl);
  const { implicitDrop } = topology.drop;
  emit(stage, priority, `${REGBIT_ACL_HINT_DROP} == 1 && (${acl.match})`, `${log}${implicitDrop}`, 6543, acl);
  const block = `ct_commit { ct_mark.blocked = 1; }; ${log}${implicitDrop}`;
  emit(stage, priority, `${REGBIT_ACL_HINT_BLOCK} == 1 && (${acl.match})`, block, 6571, acl);
}

/** The sender is told: the answer starts in the opposite pipeline, behind its ACLs. */
function buildReject(
  acl: Acl,
  stage: Stage,
  followed: boolean,
  log: string,
  dp: SwitchDatapath,
  topology: Topology,
  emit: Emit,
): void {
  const [pipeline, table] =
    stage.pipeline === 'ingress' ? ['egress', stages.ls_out_qos_mark.table] : ['ingress', stages.ls_in_l2_lkup.table];
  const answer =
    'reg0 = 0; reject { /* eth.dst <-> eth.src; ip.dst <-> ip.src; is implicit. */ ' +
    `outport <-> inport; next(pipeline=${pipeline},table=${table}); };`;
  const meter = coppMeter(topology.nb, dp.row.copp, 'reject');
  const reject = (extraMatch: string, extraActions: string) =>
    emit(stage, aclPriority(acl), `${extraMatch}${acl.match}`, `${log}${extraActions}${answer}`, 6365, acl, meter);
  if (!followed) {
    reject('', '');
    return;
  }
  reject(`(${REGBIT_ACL_HINT_DROP} == 1) && `, '');
  reject(`(${REGBIT_ACL_HINT_BLOCK} == 1) && `, 'ct_commit { ct_mark.blocked = 1; };  ');
}

function logAction(acl: Acl, topology: Topology): string {
  if (!acl.log) return '';
  const verdicts: Record<string, string> = { drop: 'drop', reject: 'reject' };
  const fields = [
    ...(acl.name !== undefined ? [`name="${acl.name}"`] : []),
    `severity=${acl.severity ?? 'info'}`,
    `verdict=${verdicts[acl.action] ?? 'allow'}`,
    ...(acl.meter !== undefined ? [`meter="${logMeter(topology.nb, acl.meter, acl._uuid)}"`] : []),
  ];
  return `log(${fields.join(', ')}); `;
}

/** Answers that ovn-controller makes pass whatever the ACLs say. */
function buildReplies(dp: SwitchDatapath, topology: Topology, followed: boolean, emit: Emit): void {
  const actions = followed ? 'ct_commit; next;' : 'next;';
  for (const row of rowsOf(topology.nb, 'Logical_Switch_Port', dp.row.ports)) {
    if (row.type === 'external') continue;
    const outport = `outport == "${row.name}"`;
    const v4 = dhcpv4Server(row, topology);
    if (v4) {
      const match = `${outport} && eth.src == ${v4.mac} && ip4.src == ${v4.ip} && udp && udp.src == 67 && udp.dst == 68`;
      emit(stages.ls_out_acl, 34000, match, actions, 6940, v4.options);
    }
    const v6 = dhcpv6Server(row, topology);
    if (v6) {
      const match = `${outport} && eth.src == ${v6.mac} && ip6.src == ${v6.ip} && udp && udp.src == 547 && udp.dst == 546`;
      emit(stages.ls_out_acl, 34000, match, actions, 6967, v6.options);
    }
  }
  if (hasDnsRecords(dp, topology)) emit(stages.ls_out_acl, 34000, 'udp.src == 53', actions, 6980);
}
