/** A rule translates what it names: all of it, and nothing else. */
import type { PacketSet, Space } from '../../engine/sets/index.ts';
import { allOf, matchSet } from '../policy/packets.ts';
import { contains, parsePrefix } from '../policy/prefix.ts';
import { at, type Commit, inportIn, type NetworkPort, read, type Store, type TrafficClass } from '../symbolic/index.ts';
import { honestOpeners } from './conversations.ts';
import { gatewayBehind } from './open-view.ts';
import { type Check, holds, type Judgement, type Property, unknown, violated } from './property.ts';
import { endpoint, matchOfRule, type TranslationRule, translatedBy, translationRules } from './translations.ts';
import { doubt, type View } from './view.ts';

export const natScope: Property = {
  id: 'nat-scope',
  severity: 'error',
  promise: 'a rule translates what it names: all of it, and nothing else',
  *checks(view) {
    const rules = translationRules(view);
    if (rules.length === 0) yield nothing(view);
    for (const rule of rules) {
      yield {
        subject: `${rule.router.name}: ${rule.name}`,
        source: rule.source,
        judge: () => judge(view, rule, rules),
      };
    }
  },
};

const nothing = ({ northbound, tenants }: View): Check => ({
  subject: tenants.map(({ name }) => name).join(', ') || 'the network',
  source: [],
  vacuous: northbound
    ? 'no router translates addresses'
    : 'a southbound database has no rows of NAT and load balancers',
  judge: () => holds,
});

function judge(view: View, rule: TranslationRule, rules: readonly TranslationRule[]): Judgement {
  const { space } = view.analysis;
  const own = rules.filter(({ router }) => router === rule.router);
  return (
    somethingElse(view, rule, own) ??
    notResident(view, rule) ??
    notAll(view, rule) ??
    doubtful(view, space.orAll(translatedBy(view, rule.router).map(({ packets }) => packets)))
  );
}

function doubtful(view: View, packets: PacketSet): Judgement {
  const reason = doubt(view, packets, 'new');
  return reason === undefined ? holds : unknown(reason);
}

const family = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4);

/** What a rule names as a destination; ranges of ports, too, if it has one. */
function namedDestinations(rule: TranslationRule): string {
  const range = 'external_port_range' in rule.row ? rule.row.external_port_range : '';
  const [low, high = low] = range.split('-');
  const text = matchOfRule(rule);
  if (low === undefined || low === '' || rule.kind !== 'dnat') return text;
  return `${text} && (${['tcp', 'udp', 'sctp'].map((name) => `${low} <= ${name}.dst <= ${high}`).join(' || ')})`;
}

/** Packets whose destination becomes one of the rule's, or whose source its external one, though no rule names them. */
function somethingElse(view: View, rule: TranslationRule, own: readonly TranslationRule[]): Judgement | undefined {
  if (rule.kind === 'snat') return anotherSource(view, rule, own);
  const { space } = view.analysis;
  const targets = new Set(rule.inside);
  const alike = own.filter(({ kind, inside }) => kind !== 'snat' && inside.some((one) => targets.has(one)));
  for (const { class: one, packets, commits } of translatedBy(view, rule.router)) {
    for (const commit of commits) {
      if (!changed(commit, [at.ip4Dst, at.ip6Dst])) continue;
      const here = space.and(packets, leadsTo(view, commit.after, rule));
      if (here === space.empty) continue;
      const named = space.orAll(alike.map((each) => matchSet(space, namedDestinations(each), commit.before)));
      const found = unnamed(space, rule, one, space.diff(here, named), space.empty);
      if (found) return found;
    }
  }
  return undefined;
}

/**
 * What a router makes itself is looked at, too, and what belongs to connections: its own errors are nobody's inside.
 * Which gets a router's address because its destination was translated is not the rule's doing: now, or, on a router that
 * forces source NAT then (`lb_force_snat_ip`, `dnat_force_snat_ip`), with the first packet of its connection.
 */
function anotherSource(view: View, rule: TranslationRule, own: readonly TranslationRule[]): Judgement | undefined {
  const { space } = view.analysis;
  const alike = own.filter(
    ({ kind, external }) => kind !== 'dnat' && kind !== 'balancer' && external === rule.external,
  );
  const of = family(rule.external);
  const becomes = `ip${of}.src == ${rule.external}`;
  const named = alike.flatMap(({ inside }) => inside).map((text) => `ip${of}.src == ${text}`);
  const isForced = forcesSource(view, rule);
  for (const one of view.analysis.classes) {
    if (one.end.kind === 'drop' || one.end.kind === 'loop') continue;
    const commits = one.commits.filter(({ zone }) => zone.split(' ')[0] === rule.router.uuid);
    if (commits.some((commit) => changed(commit, [at.ip4Dst, at.ip6Dst]))) continue;
    for (const { before, after } of commits.filter((commit) => changed(commit, [at.ip4Src, at.ip6Src]))) {
      const some = space.and(one.packets, matchSet(space, becomes, after));
      if (some === space.empty || (isForced && isForAnother(before))) continue;
      const surely = [becomes, ...named].map((text) => matchSet(space, text, before));
      const maybe = [becomes, ...named].map((text) => matchSet(space, text, before, 'may'));
      const found = unnamed(
        space,
        rule,
        one,
        space.diff(some, space.orAll(maybe)),
        space.diff(some, space.orAll(surely)),
      );
      if (found) return found;
    }
  }
  return undefined;
}

/** Whether the rule's router translates sources because it, or a load balancer, translated the destination: ovn-nb(5). */
const forcesSource = ({ southbound }: View, { router }: TranslationRule): boolean =>
  southbound.flows.some(
    ({ datapath, stage, match }) =>
      datapath === router.uuid && stage === 'lr_out_snat' && /flags\.force_snat_for_(lb|dnat) == 1/.test(match),
  );

/** Whether packets have another destination than the one that they entered with. */
const isForAnother = (store: Store): boolean =>
  [at.ip4Dst, at.ip6Dst].some((place) => {
    const { pieces, options } = read(store, place);
    const [first] = pieces;
    return options !== undefined || pieces.length !== 1 || first?.kind !== 'input' || first.field !== place;
  });

/** A judgement on packets that are surely translated and not named, or that may be. */
function unnamed(
  space: Space,
  { name, router }: TranslationRule,
  one: TrafficClass,
  surely: PacketSet,
  perhaps: PacketSet,
): Judgement | undefined {
  const sentence = `${name} of ${router.name} translates packets that it does not name`;
  if (surely !== space.empty && one.exact) return violated({ kind: 'goes', class: one, packets: surely, sentence });
  const isDoubtful = surely !== space.empty || perhaps !== space.empty;
  return isDoubtful ? unknown(`${sentence}, as far as it was modelled`) : undefined;
}

const changed = ({ before, after }: Commit, places: readonly number[]): boolean =>
  places.some((place) => read(before, place) !== read(after, place));

/** The packets that have one of the rule's addresses inside as their destination. */
function leadsTo({ analysis: { space } }: View, store: Store, { inside }: TranslationRule): PacketSet {
  return space.orAll(
    inside.map((text) => {
      const { ip } = endpoint(text);
      return matchSet(space, `ip${family(ip)}.dst == ${ip}`, store);
    }),
  );
}

/** The ports outside by which packets for a rule come in, each with the router's port behind it. */
function entrances(
  view: View,
  { router, external }: TranslationRule,
): { port: NetworkPort; routerPort: NetworkPort; mac: bigint }[] {
  const address = parsePrefix(external);
  return view.wires.flatMap(({ ports }) =>
    ports.flatMap((port) =>
      port.datapath.ports.flatMap(gatewayBehind).flatMap(({ routerPort, mac, addresses }) => {
        const serves = addresses.some(
          ({ address: { family: of, value }, prefixLength }) =>
            address !== undefined && contains(prefixOf(value, of, prefixLength), address),
        );
        return routerPort.datapath === router && serves ? [{ port, routerPort, mac }] : [];
      }),
    ),
  );
}

function prefixOf(value: bigint, of: 4 | 6, length: number) {
  const rest = BigInt((of === 4 ? 32 : 128) - length);
  return { family: of, value: (value >> rest) << rest, length, text: '' };
}

/** A flow of the rule that runs on the chassis of another gateway port than that by which packets for it come in. */
function notResident(view: View, rule: TranslationRule): Judgement | undefined {
  if (rule.kind === 'snat') return undefined;
  const flows = view.southbound.flows.filter(
    ({ datapath, stage, match, actions }) =>
      datapath === rule.router.uuid &&
      stage === 'lr_in_dnat' &&
      match.includes(rule.external) &&
      /ct_(lb|dnat)/.test(actions),
  );
  for (const { routerPort } of entrances(view, rule)) {
    const resident = flows.filter(({ match }) => {
      const asked = /is_chassis_resident\("([^"]*)"\)/.exec(match)?.[1];
      return asked === undefined || asked === `cr-${routerPort.name}` || !asked.startsWith('cr-');
    });
    if (flows.length === 0 || resident.length > 0) continue;
    const sentence = `${rule.name} is not translated where packets for it come in, at ${routerPort.name}: its flows run elsewhere`;
    return violated({ kind: 'written', flows, sentence });
  }
  return undefined;
}

/** New packets from outside that a rule names, reach its router, and go on untranslated. */
function notAll(view: View, rule: TranslationRule): Judgement | undefined {
  const { space } = view.analysis;
  const places = rule.kind === 'snat' ? [at.ip4Src, at.ip6Src] : [at.ip4Dst, at.ip6Dst];
  const translated = space.orAll(
    translatedBy(view, rule.router).flatMap(({ packets, commits }) =>
      commits.some((one) => changed(one, places)) ? [packets] : [],
    ),
  );
  const named = rule.kind === 'snat' ? leaving(view, rule) : entering(view, rule);
  const left = allOf(space, [named, concerned(view, rule), honestOpeners(view), space.not(translated)]);
  if (left === space.empty) return undefined;
  const doors = rule.kind === 'snat' ? new Set(entrances(view, rule).map(({ port }) => port)) : undefined;
  for (const one of view.analysis.classes) {
    // Who drops a packet has covered the rule.
    if (one.connection !== 'new' || one.made !== undefined || one.end.kind !== 'port') continue;
    if (doors && !doors.has(one.end.port)) continue;
    if (!space.intersects(one.packets, left)) continue;
    const sentence = `a packet that ${rule.name} of ${rule.router.name} names is not translated`;
    if (!one.exact) return unknown(`${sentence}, as far as it was modelled`);
    return violated({ kind: 'goes', class: one, packets: space.and(one.packets, left), sentence });
  }
  return undefined;
}

/** The packets whose other end a rule is for: in `allowed_ext_ips`, and not in `exempted_ext_ips`; none where these have what is no address. */
function concerned({ analysis: { space }, northbound }: View, { row, kind }: TranslationRule): PacketSet {
  if (!('allowed_ext_ips' in row)) return space.all;
  const side = kind === 'snat' ? 'dst' : 'src';
  const within = (uuid: string | undefined): PacketSet | undefined => {
    const set = uuid === undefined ? undefined : northbound?.Address_Set.get(uuid);
    return set && space.orAll(set.addresses.map((text) => matchSet(space, `ip${family(text)}.${side} == ${text}`)));
  };
  const named = [row.allowed_ext_ips, row.exempted_ext_ips].map((uuid) => northbound?.Address_Set.get(uuid ?? ''));
  if (named.some((set) => set?.addresses.some((text) => !parsePrefix(text)))) return space.empty;
  return space.diff(within(row.allowed_ext_ips) ?? space.all, within(row.exempted_ext_ips) ?? space.empty);
}

function entering(view: View, rule: TranslationRule): PacketSet {
  const { space } = view.analysis;
  const doors = entrances(view, rule).map(({ port, mac }) =>
    space.and(inportIn(space, [port]), space.cube([{ field: at.ethDst, value: mac, mask: (1n << 48n) - 1n }])),
  );
  return space.and(space.orAll(doors), matchSet(space, namedDestinations(rule)));
}

function leaving(view: View, { inside }: TranslationRule): PacketSet {
  const { space } = view.analysis;
  const sources = inside.map((text) => matchSet(space, `ip${family(text)}.src == ${text}`));
  return space.and(inportIn(space, [...view.hostOf.keys()]), space.orAll(sources));
}
