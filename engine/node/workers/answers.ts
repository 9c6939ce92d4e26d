/**
 * Which worker answers belong to, in shared memory: workers write what they sent, main reads.
 *
 *     answers.put(low, high, worker)          an answer with this fingerprint belongs to the worker
 *     answers.get(low, high)                  the worker; undefined if nobody said so
 *
 * Sets of eight entries of three words (both halves of the fingerprint, worker + 1), and one word that says whose turn
 * it is to be replaced.  Writers exclude each other by a lock; readers do not wait: an entry that is being replaced has
 * no worker meanwhile, and what is read was there before the frame that is asked about had left.
 */
const WAYS = 8;
const ENTRY = 3;
const SET = WAYS * ENTRY + 1;
const SETS = 1 << 14;
/** Words before the sets: the lock, how many entries there are, what fingerprints start from. */
const LOCK = 0;
const COUNT = 1;
const SEED = 2;
const FIRST = 16;

/** Memory for `Answers`.  Nobody who sends frames knows which fingerprints are equal. */
export function answersMemory(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4 * (FIRST + SETS * SET));
  new Uint32Array(memory).set(
    [0, 0].map(() => Math.floor(Math.random() * 2 ** 32)),
    SEED,
  );
  return memory;
}

export class Answers {
  private readonly words: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
  }

  /** What both halves of fingerprints start from, the same for all who share the memory. */
  get seeds(): readonly [number, number] {
    return [this.words[SEED] ?? 0, this.words[SEED + 1] ?? 0];
  }

  /** How many there are; then old ones are forgotten, one for each new one of their set. */
  get size(): number {
    return Atomics.load(this.words, COUNT);
  }

  /** The worker that an answer with this fingerprint, two numbers of 32 bits, belongs to. */
  get(low: number, high: number): number | undefined {
    if (Atomics.load(this.words, COUNT) === 0) return undefined;
    const at = this.find(low, high);
    if (at === undefined) return undefined;
    const worker = Atomics.load(this.words, at + 2);
    return worker === 0 ? undefined : worker - 1;
  }

  put(low: number, high: number, worker: number): void {
    while (Atomics.compareExchange(this.words, LOCK, 0, 1) !== 0) Atomics.wait(this.words, LOCK, 1, 1);
    try {
      const at = this.find(low, high) ?? this.place(low);
      Atomics.store(this.words, at + 2, 0);
      Atomics.store(this.words, at, low | 0);
      Atomics.store(this.words, at + 1, high | 0);
      Atomics.store(this.words, at + 2, worker + 1);
    } finally {
      Atomics.store(this.words, LOCK, 0);
      Atomics.notify(this.words, LOCK, 1);
    }
  }

  private find(low: number, high: number): number | undefined {
    const first = setOf(low);
    for (let at = first; at < first + WAYS * ENTRY; at += ENTRY) {
      const isSame = this.words[at] === (low | 0) && this.words[at + 1] === (high | 0);
      if (isSame && this.words[at + 2] !== 0) return at;
    }
    return undefined;
  }

  /** A free entry of the set, or the one whose turn it is. */
  private place(low: number): number {
    const first = setOf(low);
    for (let at = first; at < first + WAYS * ENTRY; at += ENTRY) {
      if (this.words[at + 2] !== 0) continue;
      Atomics.add(this.words, COUNT, 1);
      return at;
    }
    const turn = Atomics.add(this.words, first + WAYS * ENTRY, 1) & (WAYS - 1);
    return first + turn * ENTRY;
  }
}

const setOf = (low: number): number => FIRST + ((low >>> 0) % SETS) * SET;
