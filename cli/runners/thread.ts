/** What a thread does: one part of a network at a time, or a whole one. */
import { openKept } from '../../sim/jobs/kept.ts';
import {
  type Common,
  type Part,
  type Subject,
  type VerifyOptions,
  verifyNetwork,
  verifyPart,
} from '../../sim/verifier.ts';
import { pack, unpack } from './packed.ts';

/** A part to verify, packed. */
export interface PartJob {
  readonly part: Uint8Array;
  /** The same for very many jobs, and known by its name. */
  readonly common: { readonly name: string; readonly bytes: Uint8Array };
}

/** A network to verify, with its rules: a packed `Whole`. */
export interface NetworkJob {
  readonly network: Uint8Array;
}

export type Job = PartJob | NetworkJob;

/** A network and what is asked of it. */
export interface Whole {
  readonly subject: Subject;
  readonly rules: Pick<VerifyOptions, 'policy'>;
}

const kept = openKept();
let known: { readonly name: string; readonly common: Common } | undefined;

/** The packed result: a `PartResult`, or of a network its `Verification`. */
export default function work(job: Job): Uint8Array {
  if ('network' in job) {
    const { subject, rules } = unpack<Whole>(job.network);
    return pack(verifyNetwork(subject, rules));
  }
  const { name, bytes } = job.common;
  if (known?.name !== name) known = { name, common: unpack<Common>(bytes) };
  return pack(verifyPart(unpack<Part>(job.part), known.common, kept));
}
