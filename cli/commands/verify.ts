/** `lflow verify`: what do the logical flows let through, and is that what was promised? Proven for all packets. */
import { Command, Option } from 'commander';
import { InputError } from '../../engine/origin.ts';
import { isSame } from '../../engine/same.ts';
import { builtInProperties } from '../../sim/properties/index.ts';
import {
  type NetworkVerdict,
  networksConclusion,
  networksJson,
  networksJunit,
  networkText,
  type UnreadNetwork,
  verdictOfAll,
} from '../../sim/report/index.ts';
import type { Verification } from '../../sim/verdict.ts';
import {
  openVerifier,
  propertiesOf,
  type Runner,
  type Subject,
  type Verifier,
  type VerifyOptions,
} from '../../sim/verifier.ts';
import { againstOf, loadAgainst } from '../against.ts';
import { changesText } from '../changes.ts';
import { conclude, emit, outputOption, status, UsageError } from '../command.ts';
import { countOption } from '../counts.ts';
import { openFollowing } from '../follow.ts';
import { inOrder } from '../in-order.ts';
import { nodesOption } from '../input.ts';
import { type ListedNetwork, listedNetworks, listName } from '../networks.ts';
import { loadPolicy } from '../policy.ts';
import { openProgress } from '../progress.ts';
import type { Unverified } from '../runners/threads.ts';
import { loadNetwork } from '../topology.ts';
import { emitVerdict, statuses, type VerdictOptions, verdictFormatOption } from '../verdict.ts';
import { watchFiles } from '../watch.ts';

interface VerifyCommandOptions extends VerdictOptions {
  nodes?: number;
  policy?: string;
  against?: string[];
  workers?: number;
  redis?: string;
  watch?: boolean;
}

export default function define(): Command {
  return new Command('verify')
    .description(
      'Proves for all packets what the logical flows of a network let through, and shows a packet where a promise is broken. Without a policy these properties are proven: ' +
        `${builtInProperties.map(({ id }) => id).join(', ')}.`,
    )
    .argument(
      '<input...>',
      'YAML files, folders of them, - for standard input, an OVN database file, or a folder whose lflow.yaml lists networks (docs/verify.md)',
    )
    .option(
      '--policy <file>',
      'rules of your own, what the network is to be taken for, and exceptions (docs/policy.md)',
    )
    .addOption(
      new Option(
        '--against <NAME=INPUT>',
        'what rules "unchanged" of the policy call NAME; INPUT alone for rules that have no name for it',
      ).argParser((given: string, before: string[] = []) => [...before, given]),
    )
    .addOption(nodesOption())
    .addOption(
      countOption(
        '--workers <N>',
        'threads; all cores but one unless given, and one where there are but few parts; of a list, networks at once: all cores',
      ),
    )
    .option('--redis <URL>', 'have the parts of the network verified by those who run "lflow worker --redis URL"')
    .option('--watch', 'verify again whenever the files change, and say what has changed')
    .addOption(verdictFormatOption())
    .addOption(outputOption())
    .action(async (inputs: string[], options: VerifyCommandOptions): Promise<void> => {
      if (options.watch && (options.format !== 'text' || options.output !== undefined)) {
        throw new UsageError('--watch shows what changes as text, on standard output; leave out --format and -o');
      }
      const networks = await listedIn(inputs);
      if (networks) return verifyEach(networks, options);
      const progress = openProgress();
      const onProgress = (what: string): void => progress.show(what);
      const watched = options.watch ? await watchFiles(namedBy(inputs, options)) : undefined;
      const load = watched ? openFollowing() : loadNetwork;
      let asked = await readAll(inputs, options, load);
      const isRepeated = watched !== undefined;
      let verifier = openVerifier({ ...asked.rules, onProgress, isRepeated });
      const verifying = await openVerifying(options, onProgress);
      try {
        let before = await verifying.verify(verifier, asked.subject);
        progress.close();
        const properties = propertiesOf(asked.rules.policy).map(({ id, promise }) => ({
          ...{ id, promise, help: helpOf(id) },
        }));
        await emitVerdict(before, { inputs, properties, southbound: asked.subject.southbound }, options);
        if (!watched) return;
        process.once('SIGINT', () => process.exit());
        for (;;) {
          await watched.changed();
          const now = await anew(() => readAll(inputs, options, load));
          if (!now) continue;
          if (!isSame(now.rules, asked.rules)) verifier = openVerifier({ ...now.rules, onProgress, isRepeated });
          asked = now;
          const after = await verifying.verify(verifier, now.subject);
          progress.close();
          process.stdout.write(changesText(before, after, verifier.last, new Date().toTimeString().slice(0, 8)));
          before = after;
        }
      } finally {
        await verifying.close();
      }
    });
}

/** The networks that the folder lists that is given; several inputs are one network. */
async function listedIn(inputs: readonly string[]): Promise<readonly ListedNetwork[] | undefined> {
  for (const input of inputs) {
    const networks = await listedNetworks(input);
    if (networks && inputs.length === 1) return networks;
    if (networks) {
      throw new UsageError(
        `${input} has a ${listName}, which lists networks, and several inputs are one network; give the folder alone`,
      );
    }
  }
  return undefined;
}

/** Verifies networks, as many at once as there are threads, and tells of each as soon as it and those before it are known. */
async function verifyEach(networks: readonly ListedNetwork[], options: VerifyCommandOptions): Promise<void> {
  const { format, output } = options;
  if (options.watch || options.against || options.policy !== undefined) {
    throw new UsageError(
      `--watch, --against and --policy are about one network, and ${listName} lists ${networks.length}; give one of them, or say there which policy is whose`,
    );
  }
  if (format === 'sarif' || format === 'html') {
    throw new UsageError(
      `--format ${format} shows one network, and ${listName} lists ${networks.length}; give one of them`,
    );
  }
  const isTold = format === 'text' && output === undefined;
  const progress = openProgress();
  const all: NetworkVerdict[] = [];
  const unread: UnreadNetwork[] = [];
  const told = (): string => `${all.length + unread.length} of ${networks.length} networks`;
  const onProgress = (what: string): void => progress.show(`${told()}: ${what}`);
  const verifying = await openVerifying(options, onProgress);
  const verdictOn = async ({ input, policy }: ListedNetwork): Promise<NetworkVerdict | UnreadNetwork> => {
    progress.show(`${told()}: ${input}`);
    let problem = '';
    const asked = await anew(
      () => readAll([input], { ...options, ...(policy !== undefined && { policy }) }),
      (why) => {
        problem = why;
      },
    );
    if (!asked) return { name: input, problem };
    const found = await verifying.whole(asked);
    if (!('problem' in found)) return { name: input, verification: found };
    const lost = `${input} could not be verified: ${found.problem}`;
    process.stderr.write(`${lost}\n`);
    return { name: input, problem: lost };
  };
  try {
    for await (const one of inOrder(networks, verifying.atOnce, verdictOn)) {
      if ('problem' in one) unread.push(one);
      else all.push(one);
      progress.close();
      if (isTold && 'verification' in one) await emit(networkText(one));
    }
  } finally {
    await verifying.close();
    progress.close();
  }
  const properties = propertiesOf(undefined).map(({ id, promise }) => ({ id, promise, help: helpOf(id) }));
  const last = networksConclusion(all, unread);
  if (format === 'json') await emit(networksJson(all, unread), options);
  else if (format === 'junit') await emit(networksJunit(all, { properties }, unread), options);
  else await emit(`${isTold ? '' : all.map(networkText).join('')}${last}`, options);
  conclude(unread.length > 0 ? status.wrong : statuses[verdictOfAll(all)]);
}

/** All files and folders that a command line names. */
const namedBy = (inputs: readonly string[], { policy, against = [] }: VerifyCommandOptions): string[] => [
  ...inputs,
  ...(policy === undefined ? [] : [policy]),
  ...against.map((given) => againstOf(given).input),
];

interface Asked {
  readonly rules: Pick<VerifyOptions, 'policy' | 'against'>;
  readonly subject: Subject;
}

async function readAll(inputs: string[], options: VerifyCommandOptions, load = loadNetwork): Promise<Asked> {
  const policy = options.policy === undefined ? undefined : await loadPolicy(options.policy);
  const against = await loadAgainst(options.against ?? [], policy, options, load);
  return { rules: { ...(policy && { policy }), against }, subject: await load(inputs, options) };
}

/** What is read; undefined where it cannot be, which is told: whoever edits a file mends it, and other networks are there still. */
async function anew<T>(read: () => Promise<T>, tell: (problem: string) => void = () => {}): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InputError || error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    tell(error.message);
    return undefined;
  }
}

/** Verifies networks. */
interface Verifying {
  verify(verifier: Verifier, subject: Subject): Promise<Verification>;
  /** Of several networks, one: so many of them at once. */
  whole(asked: Asked): Promise<Verification | Unverified>;
  readonly atOnce: number;
  close(): Promise<void>;
}

/** In this thread, in several, or elsewhere. */
async function openVerifying(options: VerifyCommandOptions, onProgress: (what: string) => void): Promise<Verifying> {
  const { openThreads } = await import('../runners/threads.ts');
  const { workers } = options;
  const threads = openThreads({ ...(workers !== undefined && { workers }), onProgress });
  const verify: Verifying['verify'] = (verifier, subject) =>
    verified(verifier, subject, threads.runner, options, onProgress);
  const isHere = options.redis === undefined;
  return {
    verify,
    whole: ({ rules, subject }) =>
      isHere ? threads.verifyWhole({ rules, subject }) : verify(openVerifier({ ...rules, onProgress }), subject),
    atOnce: isHere ? threads.networksAtOnce : 1,
    close: () => threads.close(),
  };
}

async function verified(
  verifier: Verifier,
  subject: Subject,
  inThreads: Runner,
  { workers, redis: url }: VerifyCommandOptions,
  onProgress: (what: string) => void,
): Promise<Verification> {
  if (url === undefined) return verifier.verifyBy(inThreads, subject);
  const { NoWorkers, redisRunner } = await import('../runners/redis.ts');
  try {
    return await verifier.verifyBy(redisRunner({ url, onProgress }), subject);
  } catch (error) {
    if (!(error instanceof NoWorkers) || workers === undefined) throw error;
    process.stderr.write(`${error.message}\n`);
    return verifier.verifyBy(inThreads, subject);
  }
}

const builtInIds = new Set(builtInProperties.map(({ id }) => id));

const helpOf = (id: string): string => (builtInIds.has(id) ? `docs/properties/${id}.md` : 'docs/policy.md');
