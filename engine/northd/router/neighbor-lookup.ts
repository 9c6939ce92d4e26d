/** lr_in_lookup_neighbor and lr_in_learn_neighbor: MAC bindings learned from ARP and ND. */
import { REGBIT_LOOKUP_NEIGHBOR_IP_RESULT, REGBIT_LOOKUP_NEIGHBOR_RESULT, stages } from '../stages.ts';
import type { RouterPort } from '../topology.ts';
import { onGatewayChassis } from './networks.ts';
import type { Router } from './router.ts';

const found = REGBIT_LOOKUP_NEIGHBOR_RESULT;
const ipKnown = REGBIT_LOOKUP_NEIGHBOR_IP_RESULT;
const lookupArp = `${found} = lookup_arp(inport, arp.spa, arp.sha); `;

export function buildNeighborLookup(router: Router): void {
  const { dp, emit, learnsFromRequests } = router;
  const stage = stages.lr_in_lookup_neighbor;
  // A router that does not learn from every request learns from a reply, or where it knows the address already.
  const always = learnsFromRequests ? '' : `${ipKnown} = 1; `;
  const ifKnown = learnsFromRequests ? '' : `${ipKnown} = lookup_nd_ip(inport, ip6.src); `;
  emit(stage, 100, 'arp.op == 2', `${lookupArp}${always}next;`, 11690);
  emit(stage, 100, 'nd_na', `${found} = lookup_nd(inport, nd.target, nd.tll); ${always}next;`, 11698);
  if (!learnsFromRequests) {
    const unsolicited = 'nd_na && ip6.src == fe80::/10 && ip6.dst == ff00::/8';
    emit(stage, 110, unsolicited, `${found} = lookup_nd(inport, ip6.src, nd.tll); ${ifKnown}next;`, 11714);
  }
  emit(stage, 100, 'nd_ns', `${found} = lookup_nd(inport, ip6.src, nd.sll); ${ifKnown}next;`, 11726);
  emit(stage, 0, '1', `${found} = 1; next;`, 11731);
  for (const port of dp.ports) lookupArpRequests(router, port);
}

function lookupArpRequests({ emit, learnsFromRequests }: Router, port: RouterPort): void {
  const stage = stages.lr_in_lookup_neighbor;
  const resident = onGatewayChassis(port);
  const ifKnown = learnsFromRequests ? '' : `${ipKnown} = lookup_arp_ip(inport, arp.spa); `;
  for (const { address, network, prefixLength } of port.networks.ipv4) {
    const sender = `inport == ${port.quoted} && arp.spa == ${network}/${prefixLength}`;
    if (!learnsFromRequests) {
      const forUs = `${sender} && arp.tpa == ${address} && arp.op == 1${resident}`;
      emit(stage, 110, forUs, `${lookupArp}${ipKnown} = 1; next;`, 11806, port.row);
    }
    emit(stage, 100, `${sender} && arp.op == 1${resident}`, `${lookupArp}${ifKnown}next;`, 11827, port.row);
  }
}

export function buildNeighborLearning({ drop, emit, learnsFromRequests, meter }: Router): void {
  const stage = stages.lr_in_learn_neighbor;
  const nothingToLearn = learnsFromRequests ? `${found} == 1` : `${found} == 1 || ${ipKnown} == 0`;
  emit(stage, 100, nothingToLearn, 'next;', 11740);
  emit(stage, 90, 'arp', 'put_arp(inport, arp.spa, arp.sha); next;', 11743, undefined, meter('arp'));
  emit(stage, 95, 'nd_ns && (ip6.src == 0 || nd.sll == 0)', 'next;', 11748);
  emit(
    stage,
    95,
    'nd_na && nd.tll == 0',
    'put_nd(inport, nd.target, eth.src); next;',
    11751,
    undefined,
    meter('nd-na'),
  );
  emit(stage, 90, 'nd_na', 'put_nd(inport, nd.target, nd.tll); next;', 11757, undefined, meter('nd-na'));
  emit(stage, 90, 'nd_ns', 'put_nd(inport, ip6.src, nd.sll); next;', 11762, undefined, meter('nd-ns'));
  emit(stage, 0, '1', drop, 11767);
}
