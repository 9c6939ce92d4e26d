/** What comes first of things that have times: a binary heap.  Times that are infinite are never first, and not kept. */
export class Heap<T> {
  private readonly items: (readonly [at: number, item: T])[] = [];

  get size(): number {
    return this.items.length;
  }

  /** The item with the least time, and its time; undefined if there is none. */
  first(): readonly [at: number, item: T] | undefined {
    return this.items[0];
  }

  push(at: number, item: T): void {
    if (at === Number.POSITIVE_INFINITY) return;
    const { items } = this;
    let place = items.length;
    for (let parent = (place - 1) >> 1; place > 0 && items[parent][0] > at; parent = (place - 1) >> 1) {
      items[place] = items[parent];
      place = parent;
    }
    items[place] = [at, item];
  }

  /** Takes the first one out. */
  shift(): readonly [at: number, item: T] | undefined {
    const { items } = this;
    const [first] = items;
    const last = items.pop();
    if (!first || !last || items.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= items.length) break;
      const child = left + 1 < items.length && items[left + 1][0] < items[left][0] ? left + 1 : left;
      if (items[child][0] >= last[0]) break;
      items[place] = items[child];
      place = child;
    }
    items[place] = last;
    return first;
  }

  clear(): void {
    this.items.length = 0;
  }
}
