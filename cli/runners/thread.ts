/** What a thread does: one part of a network at a time. */
import { openKept } from '../../sim/jobs/kept.ts';
import { type Common, type Part, verifyPart } from '../../sim/verifier.ts';
import { pack, unpack } from './packed.ts';

/** A job, packed. */
export interface Job {
  readonly part: Uint8Array;
  /** The same for very many jobs, and known by its name. */
  readonly common: { readonly name: string; readonly bytes: Uint8Array };
}

const kept = openKept();
let known: { readonly name: string; readonly common: Common } | undefined;

/** The packed result. */
export default function work({ part, common: { name, bytes } }: Job): Uint8Array {
  if (known?.name !== name) known = { name, common: unpack<Common>(bytes) };
  return pack(verifyPart(unpack<Part>(part), known.common, kept));
}
