/**
 * The verdict on a network, proven for all packets: the built-in properties and
 * the rules of a policy, each with what shows it where it is broken.
 *
 *     const verification = verifyNetwork({ southbound, plans });
 *     report('text', verification, { properties: propertiesOf(policy) });
 *
 * A network is verified part by part (sim/jobs), so that memory is that of the largest part. Who verifies it
 * again and again keeps a verifier, which does what has changed:
 *
 *     const verifier = openVerifier({ policy });
 *     verifier.verify(before);
 *     verifier.verify(after);
 */

import { isSame } from '../engine/same.ts';
import { type Alike, type Form, type Kin, openAlike, type Verified } from './jobs/alike/index.ts';
import { type Kept, openKept } from './jobs/kept.ts';
import { type Before, concludeNext } from './jobs/next.ts';
import { outlineOf } from './jobs/outline.ts';
import { type Common, type PartResult, verifyPart } from './jobs/part-job.ts';
import type { Part, Subject } from './jobs/parts.ts';
import {
  type Concluded,
  conclude,
  nextPlan,
  type Plan,
  planOf,
  type Together,
  togetherOf,
  type WireMemory,
} from './jobs/plan.ts';
import type { TogetherResult } from './jobs/together.ts';
import { isEnabled, type Policy } from './policy/index.ts';
import { builtInProperties } from './properties/index.ts';
import type { Property } from './properties/property.ts';
import { comparison, type OtherNetwork, policyProperties } from './rules/index.ts';
import type { Verification } from './verdict.ts';

export { type Common, givenUp, type PartResult, verifyPart } from './jobs/part-job.ts';
export type { Part, Subject } from './jobs/parts.ts';

export interface VerifyOptions {
  readonly policy?: Policy;
  /** `YYYY-MM-DD`; exceptions may end. Today unless given. */
  readonly today?: string;
  /** What rules `unchanged` of the policy compare with, by the names that they have for it; '' is for those that have none. */
  readonly against?: ReadonlyMap<string, OtherNetwork>;
  /** The properties to prove; all that the policy enables, and its rules, unless given. */
  readonly properties?: readonly Property[];
  /**
   * Whether networks are going to follow each other. Then what there is but one part of is verified as a part, too: that takes a
   * little longer, and what was found of it is known when a change is undone.
   */
  readonly isRepeated?: boolean;
  /** Told now and then what is being done. */
  readonly onProgress?: (what: string) => void;
  /** Milliseconds; a clock that only goes forward. */
  readonly now?: () => number;
}

const dayOf = (today: string | undefined): string => today ?? new Date().toISOString().slice(0, 10);

/** The properties that are proven of a network: the built-in ones that a policy does not disable, and its rules. */
export function propertiesOf(
  policy: Policy | undefined,
  { today, against }: Pick<VerifyOptions, 'today' | 'against'> = {},
): readonly Property[] {
  const builtIn = builtInProperties.filter(({ id }) => isEnabled(id, policy));
  if (!policy) return builtIn;
  const compare = against && comparison(policy, against);
  return [...builtIn, ...policyProperties(policy, { today: dayOf(today), ...(compare && { compare }) })];
}

/** Proves the properties of a network. */
export const verifyNetwork = (subject: Subject, options: VerifyOptions = {}): Verification =>
  openVerifier(options).verify(subject);

/**
 * Verifies parts elsewhere: in threads, on other machines. Gives their results in the order of the parts.  Who does it in this
 * thread after all goes on with what the verifier keeps from part to part.
 */
export interface Runner {
  (parts: readonly Part[], common: Common, here: Kept): Promise<readonly PartResult[]>;
  /** Begins with one of very many parts, while it is still looked at which of the others are like it; left out where nobody is idle. */
  readonly ahead?: (part: Part, common: Common) => Promise<PartResult>;
  /** Told as soon as it is clear that there will be something to begin with: threads take a while to start. */
  readonly prepare?: () => void;
}

/** Verifies networks that follow each other; what was found of a part is kept until the part changes. */
export interface Verifier {
  verify(subject: Subject): Verification;
  /** The same, with the parts verified by a runner. */
  verifyBy(runner: Runner, subject: Subject): Promise<Verification>;
  /** How many parts the last network had, and how many of them had to be verified. */
  readonly last: { readonly parts: number; readonly verified: number };
}

/** What is known of a part. */
interface KeptPart {
  readonly part: Part;
  readonly form?: Form;
  readonly result?: PartResult;
  readonly kin?: Kin;
  /** The one that was followed, where this one was told. */
  readonly from?: Verified;
}

/** What is known of the last network. */
interface LastNetwork {
  readonly common: Common;
  readonly alike?: Alike;
  readonly parts: ReadonlyMap<string, KeptPart>;
  /** Parts as they were before, the last ones first: who undoes a change is told at once. */
  readonly past: readonly KeptPart[];
  readonly together?: TogetherResult;
  /** What was found of it, and of its parts in their order; not known any more while the next one is verified. */
  readonly end?:
    | { readonly plan: Plan; readonly concluded: Concluded; readonly parts: readonly KeptPart[] }
    | undefined;
}

/** A verification that has begun. */
interface Begun {
  readonly plan: Plan;
  /** What was found before, and which parts are others now: where it is known that all else is as it was. */
  readonly next?: Before & { readonly changed: readonly number[] };
  readonly started: number;
  /** The last network of which what is the same for all parts is as now. */
  readonly other?: LastNetwork;
  /** Whether nothing has changed at all since that one. */
  readonly isSame: boolean;
  readonly alike?: Alike;
  /** What is known of each part: results are put in as they come. */
  readonly parts: KeptPart[];
  /** What was known of those in their places before. */
  readonly old: readonly (KeptPart | undefined)[];
  /** What is not as it was any more: maybe it is only written down elsewhere, or comes back. */
  readonly past: readonly KeptPart[];
  /** The texts of forms, each once. */
  readonly texts: Map<string, string>;
  /** Parts that were to be verified. */
  readonly asked: Set<Part>;
}

/** Opens a verifier, which knows of no network yet. */
export function openVerifier(options: VerifyOptions = {}): Verifier {
  const { onProgress, now = () => performance.now() } = options;
  let kept: LastNetwork | undefined;
  let earlier: readonly LastNetwork[] = [];
  let last = { parts: 0, verified: 0 };
  const wires: WireMemory = {};
  const here = openKept();

  const begin = (subject: Subject): Begun => {
    const started = now();
    const before = kept?.end;
    const isToday = before?.plan.options.today === dayOf(options.today);
    const next = before && isToday ? nextPlan(before.plan, subject) : undefined;
    // What is known of the end is the next one's from here on.
    if (kept) kept = { ...kept, end: undefined };
    const plan = next?.plan ?? planned(subject, options);
    const { parts } = plan.partition;
    const other = [...(kept ? [kept] : []), ...earlier].find(({ common }) => isSame(common, plan.common));
    const old = parts.map((part, index) => (next ? before?.parts[index] : other?.parts.get(part.name)));
    const staying = parts.map((part, index) => {
      const one = old[index];
      return one && (next ? one.part === part : isSame(one.part, part)) ? one : undefined;
    });
    const isKnown = other?.parts.size === parts.length && staying.every((one) => one !== undefined);
    const elder = other?.past ?? [];
    const back = staying.map((one, index) => (one ? undefined : elder.find(({ part }) => isSame(part, parts[index]))));
    const known = parts.map((part, index) => staying[index] ?? (back[index] && { ...back[index], part }));
    const gone = old.flatMap((one, index) => (one?.result && !staying[index] ? one : []));
    const past = [...gone, ...elder.filter((one) => !back.includes(one))];
    const alike = plan.isWhole ? undefined : (other?.alike ?? openAlike(plan.common));
    const texts = new Map(known.flatMap((one) => (one?.form ? [[one.form.text, one.form.text] as const] : [])));
    const own = parts.map((part, index) => known[index] ?? { part });
    return {
      ...{ plan, started, isSame: isKnown, parts: own, old, past, texts, asked: new Set<Part>() },
      ...(alike && { alike }),
      ...(other && { other }),
      ...(next && before && { next: { ...before, changed: next.changed } }),
    };
  };

  const end = (begun: Begun, verified: number): Verification => {
    const { plan, started, other, isSame: isKnown, alike, parts, past, next } = begun;
    let together = isKnown ? other?.together : undefined;
    const ask: Together = (...question) => {
      together ??= togetherOf(plan, onProgress, here)(...question);
      return together;
    };
    const whole = (): Concluded => {
      const done = parts.filter(({ result }) => result !== undefined);
      const results = done.flatMap(({ result }) => result ?? []);
      const kin = done.map((one) => one.kin);
      return conclude(plan, results, ask, wires, kin);
    };
    const concluded = (next && concludeNext(plan, next, parts, next.changed, wires)) ?? whole();
    const before = [...(kept ? [kept] : []), ...earlier].filter((one) => one !== other && one.parts.size <= mostPast);
    earlier = before.slice(0, mostEarlier);
    kept = {
      common: plan.common,
      ...(alike && { alike }),
      parts: new Map(parts.map((one) => [one.part.name, one])),
      past: past.slice(0, mostPast),
      ...(together && { together }),
      end: { plan, concluded, parts },
    };
    last = { parts: parts.length, verified: plan.isWhole && isKnown ? 0 : plan.isWhole ? parts.length : verified };
    return { ...concluded.found, elapsedMs: Math.round(now() - started) };
  };

  return {
    verify(subject) {
      const begun = begin(subject);
      shape(begun);
      let verified = 0;
      for (let open = openOf(begun); open.length > 0; open = openOf(begun)) {
        const fresh = open.map((part, index) => {
          onProgress?.(`following all packets: ${index} of ${open.length} parts of the network`);
          return verifyPart(part, begun.plan.common, here);
        });
        enter(begun, open, fresh);
        verified += open.length;
      }
      return end(begun, verified);
    },
    async verifyBy(runner, subject) {
      if (!kept && subject.southbound.flows.length >= manyFlows) runner.prepare?.();
      const begun = begin(subject);
      const { common } = begun.plan;
      let running = ahead(begun, runner);
      shape(begun);
      if (running) compare(begun);
      let verified = 0;
      for (;;) {
        const open = openOf(begun);
        if (open.length === 0 && !running) break;
        const more = open.length > 0 ? runner(open, common, here) : [];
        const [first, fresh] = await Promise.all([running?.result, more]);
        if (running && first) enter(begun, [running.part], [first]);
        enter(begun, open, fresh);
        verified += open.length + (running ? 1 : 0);
        running = undefined;
      }
      return end(begun, verified);
    },
    get last() {
      return last;
    },
  };
}

/** A network with so many flows has several parts, or one that is large. */
const manyFlows = 20_000;

/** With fewer parts than this, none is begun before the others were looked at. */
const fewParts = 4;

/** Has the first part verified while the others are looked at, if nothing is known that could tell it. */
function ahead({ plan, alike, parts, asked }: Begun, runner: Runner) {
  const [first] = parts;
  const isNew = parts.length >= fewParts && parts.every(({ result }) => result === undefined);
  if (!first || !isNew || !alike || plan.isWhole) return undefined;
  const result = runner.ahead?.(first.part, plan.common);
  if (!result) return undefined;
  // Whoever waits for it is told; until then it is nobody's.
  result.catch(() => {});
  asked.add(first.part);
  return { part: first.part, result };
}

/** Looks at what parts that nothing is known of look like. */
function shape({ alike, parts, old, texts }: Begun): void {
  for (const [index, one] of parts.entries()) {
    if (!one.result) parts[index] = { ...one, ...formed(alike, one.part, texts, old[index]) };
  }
}

/** Compares the first part, which is being verified, with all that look the same. */
function compare({ alike, parts: [first, ...others] }: Begun): void {
  if (!first?.form) return;
  const { part: from, form } = first;
  for (const other of others) {
    if (other.form?.text === form.text) alike?.compare({ part: from, form }, other.part, other.form);
  }
}

/** What a part looks like; of those that look the same the text is there once. */
function formed(
  alike: Alike | undefined,
  part: Part,
  texts: Map<string, string>,
  before: KeptPart | undefined,
): { form?: Form } {
  const form = alike?.formOf(part, before);
  if (!form) return {};
  const text = texts.get(form.text) ?? form.text;
  texts.set(text, text);
  return { form: { ...form, text } };
}

/**
 * The parts that are to be verified next. Those that look like one that was verified are told of it, or of another one
 * that was told: two parts whose constants are mixed up may have nothing in common with a third. Of those that look like
 * each other the first is verified, and the others wait.
 */
function openOf({ plan, alike, parts, past, asked }: Begun): Part[] {
  if (plan.isWhole) return [];
  const verified = new Map<string, (Verified & { readonly from?: Verified })[]>();
  const note = ({ part, form, result, kin, from }: KeptPart): void => {
    if (!form || !result || !kin) return;
    const known = verified.get(form.text) ?? [];
    verified.set(form.text, known);
    if (known.length < mostAsked) known.push({ part, form, result, kin, ...(from && { from }) });
  };
  for (const one of [...parts, ...past.map((each) => each.from ?? each)]) note(one);
  const waited = new Set<string>();
  const open: Part[] = [];
  for (const [index, { part, form, result }] of parts.entries()) {
    if (result) continue;
    if (asked.has(part)) {
      if (form) waited.add(form.text);
      continue;
    }
    const like = form && verified.get(form.text);
    const told =
      form &&
      firstOf(like ?? [], (one) => {
        const found = alike?.tell(one, part, form);
        return found && { ...found, from: one.from ?? one };
      });
    if (told) {
      parts[index] = { part, form, ...told };
      note(parts[index]);
    } else if (!form || like || !waited.has(form.text)) open.push(part);
    if (form) waited.add(form.text);
  }
  for (const part of open) asked.add(part);
  return open;
}

/** So many parts are remembered as they were before; and so many networks of no more parts, in which something differed for all. */
const mostPast = 8;
const mostEarlier = 4;

/** So many parts at most are asked to tell another one. */
const mostAsked = 2;

function firstOf<T, Found>(list: readonly T[], find: (one: T) => Found | undefined): Found | undefined {
  for (const one of list) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

function enter({ parts }: Begun, open: readonly Part[], fresh: readonly PartResult[]): void {
  const made = new Map(open.map((part, index) => [part, fresh[index]]));
  for (const [index, one] of parts.entries()) {
    const result = made.get(one.part);
    if (!result) continue;
    const { outside } = result;
    const summary = () => (outside === 'unknown' ? undefined : outside);
    const outline = () => (outside === undefined || outside === 'unknown' ? undefined : outlineOf(outside));
    parts[index] = { ...one, result, ...(one.form && { kin: { source: result, form: one.form, summary, outline } }) };
  }
}

function planned(subject: Subject, options: VerifyOptions): Plan {
  const { policy, properties = propertiesOf(policy, options), isRepeated = false } = options;
  return planOf(subject, { properties, ...(policy && { policy }), today: dayOf(options.today), isRepeated });
}
