/**
 * Sets of packets as conjunctions with an order: what rules of one group can say.
 *
 * A set is rarely a conjunction: all packets for a MAC address, but not those of
 * DHCP.  The smallest conjunction around it is taken (its hull), and what is too
 * much in that is taken out by exceptions that stand before it: conjunctions as
 * wide as they can be without touching a packet that is to be handled.  Where
 * too many of them would be needed the set is parted in two.
 */
import type { Literal, PacketSet, Space } from '../sets/index.ts';

/** Packets that a rule, or a few, are to take; those of several cells do not overlap. */
export interface Cell<T> {
  readonly set: PacketSet;
  readonly target: T;
  /** Of cells that ask for as much, those of a lower layer stand before the others. */
  readonly layer: number;
  /** Its packets all have an IP header that can be read, and rules for it take no others. */
  readonly needsHeader?: true;
  /** It stands for many that are alike but for the value of one field, all of which is asked for. */
  readonly many?: Many;
}

/** The values that a field has in cells that are alike. */
export interface Many {
  readonly field: number;
  /** No two are the same. */
  readonly values: readonly bigint[];
}

/** A conjunction and what it is for; those of priority 0 are looked at first. */
export interface Ranked<T> {
  readonly literals: readonly Literal[];
  readonly priority: number;
  /** Undefined of an exception. */
  readonly target: T | undefined;
  /** It takes only packets whose IP header can be read. */
  readonly needsHeader?: true;
  /** It stands for as many conjunctions as there are values; `literals` has the first one. */
  readonly many?: Many;
}

export interface Cover<T> {
  readonly ranked: readonly Ranked<T>[];
  /** The cells that rules were sought for: those that were given, or parts of them. */
  readonly cells: readonly Cell<T>[];
  /** Those of them that rules cannot say, or too many would be needed for: no rule takes any of their packets. */
  readonly failed: readonly Cell<T>[];
}

export interface CoverInput<T> {
  readonly space: Space;
  /** The packets that may come at all. */
  readonly care: PacketSet;
  readonly cells: readonly Cell<T>[];
  readonly grammar: Grammar;
  /** Frames whose IP header cannot be read, with 0 in its fields: no rule that looks into the header takes them. */
  readonly unreadable?: PacketSet;
  /** IPv4 and IPv6, each whole. */
  readonly types?: readonly PacketSet[];
}

/** What a conjunction can say of packets. */
export interface Grammar {
  /** The fields that a rule can look at in packets like this one; first those that are best left out. */
  fieldsOf(packet: readonly bigint[]): readonly number[];
  /** The demands without those that cannot be said beside the others. */
  sayable(literals: readonly Literal[]): readonly Literal[];
  /** Whether single bits of the field may be left out, where all these are asked for. */
  isDivisible(field: number, literals: readonly Literal[]): boolean;
  /** How much is asked for: what asks for more stands before what asks for less. */
  weight(literals: readonly Literal[]): number;
  /** Whether it is asked of frames whatever stands behind their Ethernet header. */
  isOutside(literal: Literal): boolean;
  /** Whether one rule may ask for so much. */
  fits(literals: readonly Literal[]): boolean;
}

/** More exceptions than this for what a hull has too much, and its cell is parted. */
const mostExceptions = 8;
/** A cell fails that needs more of them and is not worth parting. */
const fewEnough = 40;
/** Parting is worth it where the halves have so little of what the whole has too much. */
const worthIt = 0.8;
/** A cell becomes no more rules than this. */
const mostParts = 48;

interface Block<T> {
  readonly cell: Cell<T>;
  readonly set: PacketSet;
  readonly literals: readonly Literal[];
  readonly cube: PacketSet;
  /** How much it asks for. */
  readonly bits: number;
}

interface Exception<T> {
  readonly literals: readonly Literal[];
  readonly cube: PacketSet;
  readonly owner: Block<T> | undefined;
}

/** Puts cells into an order of conjunctions: what none takes is in no cell. */
export function coverCells<T>(asked: CoverInput<T>): Cover<T> {
  const input = { ...asked, cells: asked.cells.flatMap((cell) => readableApart(asked, cell)) };
  const { space } = input;
  const failed: Cell<T>[] = [];
  const ranked: Ranked<T>[] = [];
  const layers = layersOf(input);
  let priority = 0;
  let taken: Taken = { readable: space.empty, unreadable: space.empty };
  const laters = behindEach(space, layers);
  for (const [index, own] of layers.entries()) {
    const made = new Layer(input, own, laters[index] ?? space.empty, taken);
    made.settle();
    failed.push(...made.failed);
    for (const { literals } of made.exceptions) ranked.push({ literals, priority, target: undefined });
    if (made.exceptions.length > 0) priority += 1;
    for (const level of levelsOf(space, made.blocks)) {
      for (const { literals, cell } of level)
        ranked.push({ ...marksOf(cell), literals, priority, target: cell.target });
      priority += 1;
    }
    taken = {
      readable: space.orAll([taken.readable, ...made.blocks.map(({ cube }) => cube)]),
      unreadable: space.orAll([taken.unreadable, ...made.blocks.map((block) => made.unreadBy(block))]),
    };
  }
  return { ranked, cells: input.cells, failed };
}

/**
 * Of a cell whose conjunction would take frames that it is not for, because their IP header cannot be read, the packets
 * of each such type apart: rules for those ask for the header, and what is left needs no look into it.
 */
function readableApart<T>(input: CoverInput<T>, cell: Cell<T>): Cell<T>[] {
  const { space, care, grammar, unreadable = space.empty, types = [] } = input;
  const wide = cubeOf(space, cell, grammar.sayable(space.hull(first(space, cell, cell.set))));
  const wrong = space.diff(space.and(space.and(care, unreadable), wide), cell.set);
  const parts: Cell<T>[] = [];
  let rest = cell.set;
  for (const type of types) {
    const own = space.and(cell.set, type);
    if (own === space.empty || !space.intersects(wrong, type)) continue;
    parts.push({ ...cell, set: own, needsHeader: true });
    rest = space.diff(rest, type);
  }
  if (parts.length === 0) return [cell];
  return rest === space.empty ? parts : [...parts, { ...cell, set: rest }];
}

/** What stands before a layer takes. */
interface Taken {
  readonly readable: PacketSet;
  readonly unreadable: PacketSet;
}

const marksOf = <T>({ needsHeader, many }: Cell<T>): Pick<Ranked<T>, 'needsHeader' | 'many'> => ({
  ...(needsHeader && { needsHeader }),
  ...(many && { many }),
});

/** What a conjunction is made of: of cells that stand for many, the packets of the first one. */
function first<T>(space: Space, { many }: Cell<T>, set: PacketSet): PacketSet {
  const [value] = many?.values ?? [];
  return many && value !== undefined ? space.and(set, space.cube([wholeOf(space, many.field, value)])) : set;
}

const wholeOf = ({ fields }: Space, field: number, value: bigint): Literal => ({
  field,
  value,
  mask: (1n << BigInt(fields[field]?.width ?? 0)) - 1n,
});

/** The packets of conjunctions: all those that `literals` stand for. */
function cubeOf<T>(space: Space, { many }: Cell<T>, literals: readonly Literal[]): PacketSet {
  if (!many) return space.cube(literals);
  const others = space.cube(literals.filter(({ field }) => field !== many.field));
  return space.and(others, space.oneOf(many.field, many.values));
}

/** The cells that ask for most first: so exceptions of those that ask for less may be wide. */
function layersOf<T>({ space, cells, grammar }: CoverInput<T>): Cell<T>[][] {
  const byWeight = new Map<number, Cell<T>[]>();
  for (const cell of cells) {
    const key = grammar.weight(grammar.sayable(space.hull(first(space, cell, cell.set)))) * 16 - cell.layer;
    const known = byWeight.get(key);
    if (known) known.push(cell);
    else byWeight.set(key, [cell]);
  }
  return [...byWeight].sort(([a], [b]) => b - a).map(([, own]) => own);
}

/** Of each layer what those behind it handle. */
function behindEach<T>(space: Space, layers: readonly (readonly Cell<T>[])[]): PacketSet[] {
  let behind = space.empty;
  return layers
    .map((own): PacketSet => {
      return space.orAll(own.map(({ set }) => set));
    })
    .reverse()
    .map((own) => {
      const before = behind;
      behind = space.or(behind, own);
      return before;
    })
    .reverse();
}

/** Exceptions that together have all of `excess` and nothing that is handled; undefined if there would be more than `most`. */
export function exceptionsFor<T>(
  input: CoverInput<T>,
  excess: PacketSet,
  handled: PacketSet,
  most: number,
): (readonly Literal[])[] | undefined {
  const { space, grammar } = input;
  const found: (readonly Literal[])[] = [];
  let rest = excess;
  for (let packet = space.pick(rest); packet; packet = space.pick(rest)) {
    const literals = grammar.sayable(exceptionFor(input, packet, handled));
    const cube = space.cube(literals);
    const isGood = space.contains(cube, packet) && !space.intersects(cube, handled) && grammar.fits(literals);
    if (!isGood || found.length === most) return undefined;
    found.push(literals);
    rest = space.diff(rest, cube);
  }
  return found;
}

/** The cells of one layer on their way to conjunctions. */
class Layer<T> {
  blocks: Block<T>[];
  exceptions: Exception<T>[] = [];
  readonly failed: Cell<T>[] = [];
  private readonly input: CoverInput<T>;
  private readonly later: PacketSet;
  private readonly taken: Taken;
  /** How often each cell was parted. */
  private readonly parts = new Map<Cell<T>, number>();

  constructor(input: CoverInput<T>, cells: readonly Cell<T>[], later: PacketSet, taken: Taken) {
    this.input = input;
    this.later = later;
    this.taken = taken;
    this.blocks = cells.flatMap((cell) => this.blockOf(cell, cell.set) ?? []);
  }

  /** Parts cells until each conjunction does no harm. */
  settle(): void {
    while (!this.isDisjointFromLater() || !this.isOrdered() || !this.isExcepted());
  }

  private blockOf(cell: Cell<T>, set: PacketSet): Block<T> | undefined {
    const { space, grammar } = this.input;
    if (set === space.empty) return undefined;
    const literals = grammar.sayable(space.hull(first(space, cell, set)));
    const isTold = !cell.many || literals.some(({ field }) => field === cell.many?.field);
    if (!isTold || !grammar.fits(literals)) {
      this.failed.push(cell);
      return undefined;
    }
    return { cell, set, literals, cube: cubeOf(space, cell, literals), bits: bitsOf(literals) };
  }

  private isDisjointFromLater(): boolean {
    const { space } = this.input;
    const bad = this.blocks.filter(({ cube }) => space.intersects(cube, this.later));
    this.partAll(bad);
    return bad.length === 0;
  }

  /** The most demanding first: no conjunction takes what a later one is for. */
  private isOrdered(): boolean {
    const { space } = this.input;
    this.blocks.sort((a, b) => b.bits - a.bits);
    const bad: Block<T>[] = [];
    let behind = space.empty;
    for (const block of [...this.blocks].reverse()) {
      if (space.intersects(block.cube, behind) && this.takesOthers(block)) bad.push(block);
      behind = space.or(behind, block.set);
    }
    this.partAll(bad);
    return bad.length === 0;
  }

  private takesOthers(block: Block<T>): boolean {
    const { space } = this.input;
    const at = this.blocks.indexOf(block);
    return this.blocks.some(
      (other, index) => index > at && other.cell !== block.cell && space.intersects(block.cube, other.set),
    );
  }

  /** Exceptions for what the conjunctions have too much. */
  private isExcepted(): boolean {
    const { space, care } = this.input;
    const own = space.orAll(this.blocks.map(({ set }) => set));
    const handled = space.or(own, this.later);
    if (!this.isUnreadableExcepted(own, handled)) return false;
    const excepted = space.orAll([this.taken.readable, own, ...this.exceptions.map(({ cube }) => cube)]);
    let excess = space.diff(space.and(care, space.orAll(this.blocks.map(({ cube }) => cube))), excepted);
    const counts = new Map<Block<T>, number>();
    for (const { owner } of this.exceptions) if (owner) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    for (let packet = space.pick(excess); packet; packet = space.pick(excess)) {
      const owner = this.ownerOf(packet);
      const literals = this.input.grammar.sayable(exceptionFor(this.input, packet, handled));
      const cube = space.cube(literals);
      const count = (counts.get(owner) ?? 0) + 1;
      counts.set(owner, count);
      const isGood =
        space.contains(cube, packet) && !space.intersects(cube, handled) && this.input.grammar.fits(literals);
      if (!isGood || (count > mostExceptions && this.canPart(owner) && this.isWorthParting(owner))) {
        this.part(owner);
        return false;
      }
      if (count > fewEnough) {
        this.fail(owner.cell);
        return false;
      }
      this.exceptions.push({ literals, cube, owner });
      excess = space.diff(excess, cube);
    }
    return true;
  }

  /** The frames of a block whose IP header cannot be read: those that it takes without a look into the header. */
  unreadBy({ cell, literals, cube }: Pick<Block<T>, 'cell' | 'literals' | 'cube'>): PacketSet {
    const { space, unreadable = space.empty, grammar } = this.input;
    return !cell.needsHeader && literals.every(grammar.isOutside) ? space.and(cube, unreadable) : space.empty;
  }

  /** Exceptions for frames whose IP header cannot be read: these, too, must not look into it. */
  private isUnreadableExcepted(own: PacketSet, handled: PacketSet): boolean {
    const { space, care, grammar, unreadable = space.empty } = this.input;
    if (unreadable === space.empty) return true;
    const made = this.exceptions.filter(({ literals }) => literals.every(grammar.isOutside)).map(({ cube }) => cube);
    const taken = space.and(care, space.orAll(this.blocks.map((block) => this.unreadBy(block))));
    let excess = space.diff(taken, space.orAll([this.taken.unreadable, own, ...made]));
    for (let packet = space.pick(excess); packet; packet = space.pick(excess)) {
      const owner = this.ownerOf(packet);
      const literals = grammar.sayable(exceptionFor(this.input, packet, handled, grammar.isOutside));
      const cube = space.cube(literals);
      if (!space.contains(cube, packet) || space.intersects(cube, handled)) {
        this.fail(owner.cell);
        return false;
      }
      this.exceptions.push({ literals, cube, owner });
      excess = space.diff(excess, cube);
    }
    return true;
  }

  private ownerOf(packet: readonly bigint[]): Block<T> {
    const found = this.blocks.find(({ cube }) => this.input.space.contains(cube, packet));
    if (!found) throw new Error('a packet that is too much is in no conjunction');
    return found;
  }

  private partAll(blocks: readonly Block<T>[]): void {
    for (const block of blocks) if (this.blocks.includes(block)) this.part(block);
  }

  private canPart({ cell }: Block<T>): boolean {
    return (this.parts.get(cell) ?? 1) < mostParts;
  }

  private isWorthParting({ cell, set, literals }: Block<T>): boolean {
    const best = partingBit(this.input, first(this.input.space, cell, set), literals);
    return best !== undefined && best.share < worthIt;
  }

  /** Two blocks in the place of one; the cell fails where it has too many. */
  private part(block: Block<T>): void {
    const { space } = this.input;
    const { bit } = partingBit(this.input, first(space, block.cell, block.set), block.literals) ?? {};
    if (!bit || !this.canPart(block)) {
      this.fail(block.cell);
      return;
    }
    const { cell } = block;
    this.parts.set(cell, (this.parts.get(cell) ?? 1) + 1);
    const zero = space.cube([{ ...bit, value: 0n }]);
    const halves = [space.and(block.set, zero), space.diff(block.set, zero)];
    this.blocks = this.blocks.filter((one) => one !== block);
    this.exceptions = this.exceptions.filter(({ owner }) => owner !== block);
    const made = halves.map((set) => this.blockOf(cell, set));
    if (this.failed.includes(cell)) this.fail(cell);
    else this.blocks.push(...made.filter((one) => one !== undefined));
  }

  private fail(cell: Cell<T>): void {
    if (!this.failed.includes(cell)) this.failed.push(cell);
    this.blocks = this.blocks.filter((block) => block.cell !== cell);
    this.exceptions = this.exceptions.filter(({ owner }) => owner?.cell !== cell);
  }
}

/** A conjunction that has the packet and none of those that are handled, with as few demands as a greedy search finds. */
function exceptionFor<T>(
  { space, grammar }: CoverInput<T>,
  packet: readonly bigint[],
  handled: PacketSet,
  isAsked: (literal: Literal) => boolean = () => true,
): Literal[] {
  const whole = grammar.fieldsOf(packet).map((field): Literal => {
    return { field, value: packet[field] ?? 0n, mask: (1n << BigInt(space.fields[field]?.width ?? 0)) - 1n };
  });
  let literals = whole.filter(isAsked);
  const isFree = (some: readonly Literal[]): boolean =>
    grammar.sayable(some).length === some.length && !space.intersects(space.cube(some), handled);
  for (const { field } of [...literals]) {
    const fewer = literals.filter((literal) => literal.field !== field);
    if (isFree(fewer)) literals = fewer;
  }
  // Of what is left as little as a prefix says, or that it is for many.
  for (const { field, value, mask: whole } of [...literals]) {
    if (!grammar.isDivisible(field, literals)) continue;
    const others = literals.filter((literal) => literal.field !== field);
    const manyBit = 1n << 40n;
    const many = { field, value: value & manyBit, mask: manyBit };
    if (whole >> 47n === 1n && isFree([...others, many])) {
      literals = [...others, many];
      continue;
    }
    for (let mask = (whole << 1n) & whole; mask !== 0n; mask = (mask << 1n) & whole) {
      const shorter = [...others, { field, value: value & mask, mask }];
      if (!isFree(shorter)) break;
      literals = shorter;
    }
  }
  return literals;
}

interface Parting {
  readonly bit: Omit<Literal, 'value'>;
  /** How much of the hull's packets are left in the hulls of the halves. */
  readonly share: number;
}

/** The bit by which a set is best parted: that which leaves the halves with the smallest hulls. */
function partingBit<T>(
  { space, grammar }: CoverInput<T>,
  set: PacketSet,
  literals: readonly Literal[],
): Parting | undefined {
  const packet = space.pick(set);
  if (!packet) return undefined;
  const support = new Set(space.support(set));
  const hull = new Map(space.hull(set).map(({ field, mask }) => [field, mask]));
  const known = new Map(literals.map(({ field, mask }) => [field, mask]));
  const before = bitsOf(literals);
  let best: Parting | undefined;
  for (const field of grammar.fieldsOf(packet)) {
    if (!support.has(field)) continue;
    const width = BigInt(space.fields[field]?.width ?? 0);
    const fixed = (known.get(field) ?? 0n) | (hull.get(field) ?? 0n);
    for (let mask = 1n << (width - 1n); mask > 0n; mask >>= 1n) {
      if ((fixed & mask) !== 0n) continue;
      const zero = space.cube([{ field, value: 0n, mask }]);
      const halves = [space.and(set, zero), space.diff(set, zero)];
      const share = halves.reduce((sum, half) => sum + 2 ** (before - bitsOf(grammar.sayable(space.hull(half)))), 0);
      if (!best || share < best.share) best = { bit: { field, mask }, share };
    }
  }
  return best;
}

const bitsOf = (literals: readonly Literal[]): number => literals.reduce((sum, { mask }) => sum + ones(mask), 0);

/** Blocks that do not overlap share a priority. */
function levelsOf<T>(space: Space, blocks: readonly Block<T>[]): Block<T>[][] {
  const levels: Block<T>[][] = [];
  let union = space.empty;
  for (const block of blocks) {
    const last = levels.at(-1);
    if (last && !space.intersects(union, block.cube)) {
      last.push(block);
      union = space.or(union, block.cube);
    } else {
      levels.push([block]);
      union = block.cube;
    }
  }
  return levels;
}

function ones(mask: bigint): number {
  let count = 0;
  for (let left = mask; left > 0n; left &= left - 1n) count++;
  return count;
}
