/**
 * No packet comes back to where it was, as it was.
 *
 * Two signs of it: packets that pass more pipelines than any way through the
 * network has, and packets that lose more of their time to live than there are
 * routers.
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { at, inportIn, type NetworkDatapath, type TrafficClass } from '../symbolic/index.ts';
import { amongRouters } from '../symbolic/neighbors.ts';
import { passedBy } from './passed-by.ts';
import { type Check, holds, type Property, unknown, violated } from './property.ts';
import { doubt, type View } from './view.ts';

export const noLoop: Property = {
  id: 'no-loop',
  severity: 'error',
  promise: 'no packet comes back to where it was, as it was',
  *checks(view) {
    const { components } = view.analysis.network;
    const endless = endlessClasses(view);
    for (const [index, datapaths] of components.entries()) {
      if (!datapaths.some(({ ports }) => ports.some(({ edge }) => edge !== undefined))) continue;
      const here = endless.filter(({ component }) => component === index);
      if (here.length > 0) yield* loops(view, datapaths, here);
      else yield quiet(view, datapaths);
    }
  },
};

/** Packets that go round. */
interface Endless {
  readonly class: TrafficClass;
  readonly packets: PacketSet;
  readonly component: number;
}

function endlessClasses(view: View): Endless[] {
  const { analysis } = view;
  const routers = amongRouters(analysis.space);
  return analysis.classes.flatMap((one): Endless[] => {
    const component = componentOf(one);
    const going = one.end.kind === 'loop' ? analysis.space.all : expired(view, one, component);
    if (going === analysis.space.empty) return [];
    const packets = allOf(analysis.space, [one.packets, routers, going]);
    return packets === analysis.space.empty ? [] : [{ class: one, packets, component }];
  });
}

function componentOf({ end }: TrafficClass): number {
  if (end.kind === 'loop') return end.datapaths[0]?.component ?? 0;
  return end.kind === 'drop' ? end.datapath.component : end.kind === 'port' ? end.port.datapath.component : 0;
}

/** The packets of a class that expired, though they entered with more hops left than there are routers. */
function expired({ analysis: { space, network } }: View, one: TrafficClass, component: number): PacketSet {
  const { end, made, store } = one;
  const error = made === 'icmp4' ? 'icmp4.type == 11' : made === 'icmp6' ? 'icmp6.type == 3' : undefined;
  if (error === undefined && !(end.kind === 'drop' && end.why === 'ttl')) return space.empty;
  const datapaths = network.components[component] ?? [];
  if (datapaths.length <= smallEnough) return space.empty;
  const routers = datapaths.filter(({ kind }) => kind === 'router').length;
  if (routers + 2 > 255) return space.empty;
  const lively = space.range(at.ttl, BigInt(routers + 2), 255n);
  return error === undefined ? lively : space.and(lively, matchSet(space, error, store, 'must'));
}

/**
 * In a component as small as this, packets are followed through more pipelines than a life of 255 hops has: four a
 * datapath, where each hop takes two at least. What goes round there ends as a loop.
 */
const smallEnough = 127;

/** As long as this, a way is followed at least; one that is longer has more routers on it than hops in a packet's life. */
const followed = 255;

function quiet(view: View, datapaths: readonly NetworkDatapath[]): Check {
  const ports = datapaths.flatMap((datapath) => datapath.ports.filter(({ edge }) => edge !== undefined));
  const routers = datapaths.filter(({ kind }) => kind === 'router');
  return {
    subject: namesOf(datapaths),
    source: sourceOf(view, datapaths),
    judge: () => {
      if (routers.length + 2 > followed) return unknown('there are more routers than a packet has hops in its life');
      const reason = doubt(view, inportIn(view.analysis.space, ports));
      return reason === undefined ? holds : unknown(reason);
    },
  };
}

function sourceOf({ tenantOf }: View, [first]: readonly NetworkDatapath[]) {
  const tenant = first && tenantOf.get(first);
  return tenant ? tenant.source : [];
}

/** The routers, or the switches where there are none. */
function namesOf(datapaths: readonly NetworkDatapath[]): string {
  const routers = datapaths.filter(({ kind }) => kind === 'router');
  return (routers.length > 0 ? routers : datapaths).map(({ name }) => name).join(', ');
}

function* loops(view: View, datapaths: readonly NetworkDatapath[], found: readonly Endless[]): Generator<Check, void> {
  const bySubject = new Map<string, Endless>();
  for (const one of found) {
    const round = roundOf(view, one);
    const subject = namesOf(round.length > 0 ? round : datapaths);
    const known = bySubject.get(subject);
    if (!known || (!known.class.exact && one.class.exact)) bySubject.set(subject, one);
  }
  for (const [subject, { class: one, packets }] of bySubject) {
    const sentence = `packets go round and round: ${subject}`;
    yield {
      subject,
      source: sourceOf(view, datapaths),
      judge: () =>
        one.exact
          ? violated({ kind: 'goes', class: one, packets, sentence })
          : unknown(`${sentence}, as far as it was modelled, which is not exact`),
    };
  }
}

/** The routers that a packet passes more than once, in its order; switches where there are none; none if the tracer does not go round. */
function roundOf(view: View, { packets }: Endless): NetworkDatapath[] {
  const { space, network } = view.analysis;
  const hosts = inportIn(space, [...view.hostOf.keys()]);
  const packet = space.pick(packets, [space.range(at.ttl, 250n, 255n), hosts]);
  const way = packet ? passedBy(network, packet) : [];
  const again = [...new Set(way)].filter((datapath) => way.indexOf(datapath) !== way.lastIndexOf(datapath));
  const routers = again.filter(({ kind }) => kind === 'router');
  return routers.length > 0 ? routers : again;
}
