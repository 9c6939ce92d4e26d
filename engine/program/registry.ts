/**
 * Numbers that stay the same from one program to the next, so that what packets
 * left behind (megaflows, connections, learned addresses) keeps its meaning.
 */

/** Gives each name a number from `first` up to `last`, and gives free numbers out again in the order in which they became free. */
export class Numbers {
  private readonly byName = new Map<string, number>();
  private readonly free: number[] = [];
  private next: number;
  private readonly last: number;

  constructor(first: number, last: number) {
    this.next = first;
    this.last = last;
  }

  /** Below this are all numbers ever given. */
  get end(): number {
    return this.next;
  }

  /** The number of a name, a new one if it has none; undefined when there are no more. */
  of(name: string): number | undefined {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    let number: number | undefined;
    if (this.next <= this.last) number = this.next++;
    else number = this.free.shift();
    if (number !== undefined) this.byName.set(name, number);
    return number;
  }

  /** The number that the name has; undefined if it has none. */
  known(name: string): number | undefined {
    return this.byName.get(name);
  }

  /** Forgets all names but these. */
  keep(names: ReadonlySet<string>): void {
    for (const [name, number] of this.byName) {
      if (names.has(name)) continue;
      this.byName.delete(name);
      this.free.push(number);
    }
  }
}
