/**
 * What the WebAssembly module of the packet plane exports (asm/plane/index.ts), typed: numbers are u32 or i32,
 * bigints u64; an address is an offset in `memory`.  What each does, and what is kept where, is told in the file
 * under asm/plane that is named above it.
 */

/** A global that the module sets. */
export interface Cell {
  readonly value: number;
}

export interface PlaneExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  // arena.ts
  reserve(bytes: number): number;
  giveBack(address: number, bytes: number): void;
  reserved(): number;
  // batch.ts, frames.ts
  initPlane(
    ports: number,
    megaflows: number,
    connections: number,
    entries: number,
    tunnels: number,
    meters: number,
  ): number;
  inputsAt(): number;
  process(count: number, milliseconds: number): number;
  inject(address: number, length: number, flow: number, milliseconds: number): number;
  outputsAt(): number;
  outputsCount(): number;
  puntsAt(): number;
  puntsCount(): number;
  release(): void;
  // counters.ts
  setPort(port: number, flags: number): number;
  portRecord(port: number): number;
  cacheCounters(): number;
  dropCounters(): number;
  flowCounter(flow: number): number;
  // encap.ts
  tunnelRecord(tunnel: number): number;
  clearEnds(): void;
  endAddresses(): number;
  addEnd(kind: number, port: number): number;
  // extract.ts, headers.ts, hash.ts, rewrite.ts, tags.ts
  extract(packet: number, flow: number): number;
  setThresholds(count: number): void;
  thresholdsAt(): number;
  wantHash(kinds: number): void;
  setTagLimit(limit: number): void;
  setSeed(low: number, high: number): void;
  packetHash(flow: number): number;
  symmetricHash(flow: number): number;
  setWord(packet: number, flow: number, word: number, value: bigint, mask: bigint): void;
  pushTag(packet: number, flow: number, tci: number): number;
  popTag(packet: number, flow: number): void;
  // meters.ts
  setMeter(meter: number, unit: number, rate: number, burst: number): number;
  meterDrops(meter: number): bigint;
  // classify.ts, walk.ts
  loadImage(address: number, length: number): number;
  lookup(table: number, flow: number): number;
  translate(packet: number, flow: number): number;
  translatedProgram(): number;
  translatedWords(): number;
  translatedMask(): number;
  translatedTags(): bigint;
  translatedVisited(): bigint;
  translatedFlows(): number;
  translatedFlowCount(): number;
  /** Addresses of the masks of bits that were looked at, and of those that a flow put there (wildcards.ts). */
  readonly WC: Cell;
  readonly KNOWN: Cell;
  // frozen.ts
  freeze(flow: number, place: number, number: number): number;
  refreeze(id: number, flow: number): number;
  findFrozen(id: number): number;
  frozenFlow(record: number): number;
  frozenMetadata(record: number): number;
  frozenPlace(record: number): number;
  // megaflows.ts, connections.ts, ways.ts
  installMegaflow(
    flow: number,
    mask: number,
    program: number,
    words: number,
    tags: bigint,
    visited: bigint,
    flows: number,
    flowsCount: number,
  ): number;
  lookupMegaflow(flow: number): number;
  megaflowCount(): number;
  megaflowFrom(from: number): number;
  megaflowNumber(megaflow: number): number;
  ageMegaflows(budget: number, idle: number): void;
  invalidateAll(): void;
  invalidateTables(visited: bigint): number;
  invalidateTags(tags: bigint): number;
  pushAllCounters(): void;
  dropConnections(): void;
  allowWays(on: number): void;
  // groups.ts, backends.ts
  groupHash(packet: number, flow: number): number;
  symmetricGroupHash(flow: number): number;
  memberOf(hash: number, count: number, weights: number, stride: number): number;
  equalMember(hash: number, count: number): number;
  memberByScore(hash: number, count: number, weights: number, stride: number): number;
  backendsFull(): number;
  clearBackends(): void;
  // learned.ts: all but `learnedKey` are about the key that it set.
  learnedKey(
    kind: number,
    datapath: number,
    protocol: number,
    port: number,
    a: bigint,
    b: bigint,
    c: bigint,
    d: bigint,
  ): void;
  learn(value: bigint, more: bigint, third: number, seconds: number): number;
  forget(): void;
  forgetAll(kind: number, datapath: number): void;
  forgetEnded(budget: number): void;
  learnedCount(): number;
  nextLearned(after: number): number;
  takeChangedTags(): bigint;
  readonly learnedChanges: Cell;
  // conntrack.ts, touching.ts, census.ts, fragments.ts
  ctInit(most: number): number;
  ctSeed(low: number, high: number): void;
  ctProcess(packet: number, flow: number, op: number): number;
  ctTouch(connection: number, version: number, direction: number, packet: number, flow: number): number;
  ctTranslate(connection: number, direction: number, packet: number, flow: number): void;
  ctExpire(milliseconds: number, budget: number): number;
  ctFlush(zone: number): void;
  ctLimit(zone: number, most: number): void;
  ctCount(zone: number): number;
  ctNext(from: number): number;
  ctDescribe(connection: number, out: number): number;
  ctFragments(): number;
  ctReleased(id: number): number;
  // carried.ts
  ctCurrent(connection: number, version: number): number;
  ctCarry(connection: number, version: number): number;
  /** Bytes that `ctDescribe` writes. */
  readonly CT_DESCRIPTION: Cell;
  readonly ctConn: Cell;
  readonly ctVersion: Cell;
  readonly ctDirection: Cell;
  readonly ctReleasedFrom: Cell;
  readonly ctReleasedTo: Cell;
  // replay.ts
  addCapture(port: number, bytes: number): number;
  clearCaptures(): void;
  replay(batches: number, size: number, milliseconds: number): number;
}
