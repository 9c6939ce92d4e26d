/** Random frames for a scene: mutants of what was said in its conversations. */

import { headersOf, icmpOf, ip6At } from '../../oracle/answers.ts';
import type { Conversation, Step } from '../../oracle/exchange.ts';
import { ip6, isIp6 } from '../../oracle/frames.ts';
import { mutants, opensConnection, type Sent } from '../../oracle/mutations.ts';
import { farAway, type Scene } from './scene.ts';
import { linkLocal, mayTeach } from './services.ts';

const randomName = 'random frames';

export interface RandomFrames {
  seed: number;
  count: number;
  /** How many are sent at once. */
  batch: number;
}

/**
 * Sends mutants of the frames that were sent one by one in `steps`.  Those from which a chassis
 * may learn something come last, and are followed by some valid frames, which show what was learned.
 */
export function randomFrames(scene: Scene, steps: readonly Step[], { seed, count, batch }: RandomFrames): Conversation {
  const conversations = steps.filter(({ conversation }) => !conversation.startsWith(randomName));
  const pool = [...poolOf(conversations).values()];
  const source = {
    seed,
    pool,
    macs: [
      ...scene.hosts.map(({ mac }) => mac),
      ...scene.hosts.flatMap(({ gateways }) => gateways.map(({ mac }) => mac)),
    ],
    ip4s: addressesOf(scene).filter((ip) => !ip.includes(':')),
    ip6s: addressesOf(scene).filter((ip) => ip.includes(':')),
    ports: [...scene.ports, ...scene.targets.flatMap(({ port }) => port ?? [])],
    learningPorts: scene.learningPorts,
  };
  const all = mutants(source, count);
  const probes = pool
    .filter((_, at) => at % Math.ceil(pool.length / 60) === 0)
    // Not those whose connection may have been opened and ended meanwhile: see mutations.ts.
    .filter(({ frame }) => !opensConnection(frame));
  return {
    name: `${randomName} of seed ${seed}`,
    async play(stage) {
      const quiet = (list: readonly Sent[]): Sent[] => list.filter(({ frame }) => !mayTeach(frame));
      for (const each of portions(quiet(all), batch)) await stage.send(each[0].port, ...each.map(({ frame }) => frame));
      const teaching = all.filter(({ frame }) => mayTeach(frame));
      const isKnown = knownIn(scene);
      for (const each of portions(teaching, batch, (frame) => claimedBy(frame).filter((ip) => !isKnown(ip))))
        await stage.teach(each[0].port, ...each.map(({ frame }) => frame));
      for (const each of portions(quiet(probes), batch))
        await stage.send(each[0].port, ...each.map(({ frame }) => frame));
    },
  };
}

/** Valid frames that were sent alone and are not too long to be read. */
function poolOf(steps: readonly Step[]): Map<string, Sent> {
  const pool = new Map<string, Sent>();
  for (const { port, sent } of steps) {
    const [frame, ...others] = sent;
    if (!frame || others.length > 0 || frame.length > 1600) continue;
    pool.set(`${port} ${Buffer.from(frame).toString('hex')}`, { port, frame });
  }
  return pool;
}

function addressesOf({ hosts, targets }: Scene): string[] {
  const own = hosts.flatMap(({ ip4, ip6 }) => [ip4, ip6].flatMap((ip) => ip ?? []));
  const gateways = hosts.flatMap((host) =>
    host.gateways.flatMap(({ networks }) => networks.map((n) => n.split('/')[0])),
  );
  return [...new Set([...own, ...gateways, ...targets.map(({ ip }) => ip), farAway.ip4, farAway.ip6])];
}

/**
 * The frames of each port together, at most `size` of them.  Of those that share one of `keys` one is the last of its
 * portion: what a chassis learns from it is known to those behind it for certain only when it has been given time.
 */
function portions(
  frames: readonly Sent[],
  size: number,
  keys: (frame: Uint8Array) => readonly string[] = () => [],
): Sent[][] {
  const sorted = [...frames].sort((a, b) => (a.port < b.port ? -1 : a.port > b.port ? 1 : 0));
  const found: Sent[][] = [];
  let taken = new Set<string>();
  for (const each of sorted) {
    const last = found.at(-1);
    const own = keys(each.frame);
    if (last && last[0].port === each.port && last.length < size && !own.some((key) => taken.has(key))) {
      last.push(each);
    } else {
      found.push([each]);
      taken = new Set();
    }
    for (const key of own) taken.add(key);
  }
  return found;
}

/** Whether an address is one of the scene's, or one that all hosts share. */
function knownIn(scene: Scene): (ip: string) => boolean {
  const known = new Set([...addressesOf(scene), linkLocal, '0.0.0.0', '::'].map(spelled));
  return (ip) => known.has(spelled(ip));
}

const spelled = (ip: string): string => (isIp6(ip) ? ip6(ip).join() : ip);

/** Whose addresses a frame says that its sender has, or comes from: ARP's sender, a source, an advertised neighbour. */
function claimedBy(frame: Uint8Array): string[] {
  const { arp, ip } = headersOf(frame) ?? {};
  if (arp) return [arp.spa];
  if (ip?.version !== 6) return ip ? [ip.src] : [];
  return [ip.src, ...(icmpOf(frame)?.type === 136 && frame.length >= ip.l4 + 24 ? [ip6At(frame, ip.l4 + 8)] : [])];
}
