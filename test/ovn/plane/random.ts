/** Random frames for a scene: mutants of what was said in its conversations. */
import type { Conversation, Step } from '../../oracle/exchange.ts';
import { mutants, opensConnection, type Sent } from '../../oracle/mutations.ts';
import { farAway, type Scene } from './scene.ts';
import { mayTeach } from './services.ts';

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
      for (const each of portions(teaching, batch)) await stage.teach(each[0].port, ...each.map(({ frame }) => frame));
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

/** The frames of each port together, at most `size` of them. */
function portions(frames: readonly Sent[], size: number): Sent[][] {
  const sorted = [...frames].sort((a, b) => (a.port < b.port ? -1 : a.port > b.port ? 1 : 0));
  const found: Sent[][] = [];
  for (const each of sorted) {
    const last = found.at(-1);
    if (last && last[0].port === each.port && last.length < size) last.push(each);
    else found.push([each]);
  }
  return found;
}
