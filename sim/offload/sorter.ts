/**
 * Packets sorted by what they look like, where values have very many options
 * and each set of packets meets few of them: options stand in a tree of unions,
 * and only branches that a set meets are gone down.
 */
import type { PacketSet } from '../../engine/sets/index.ts';
import { read, type Store, type Stores, write } from '../symbolic/store.ts';
import type { Option, Value } from '../symbolic/value.ts';

/** Packets, and a store without options for them. */
export interface Part {
  readonly store: Store;
  readonly packets: PacketSet;
}

export interface Sorter {
  /** The packets by what they look like in these places. */
  parts(store: Store, packets: PacketSet, wanted: readonly number[]): Part[];
}

type Tree =
  | { readonly union: PacketSet; readonly option: Option }
  | { readonly union: PacketSet; readonly left: Tree; readonly right: Tree };

/** Remembers the trees of values, as long as no set of theirs is released. */
export function createSorter(stores: Stores): Sorter {
  const { space } = stores;
  const trees = new Map<Value, Tree | undefined>();

  const treeOf = (options: readonly Option[]): Tree | undefined => {
    const [only] = options;
    if (!only) return undefined;
    if (options.length === 1) return { union: only.packets, option: only };
    const half = options.length >> 1;
    const left = treeOf(options.slice(0, half)) as Tree;
    const right = treeOf(options.slice(half)) as Tree;
    return { union: space.or(left.union, right.union), left, right };
  };

  const met = (tree: Tree, packets: PacketSet, found: Option[]): void => {
    if (!space.intersects(tree.union, packets)) return;
    if ('option' in tree) {
      found.push({ packets: space.and(packets, tree.option.packets), value: tree.option.value });
      return;
    }
    met(tree.left, packets, found);
    met(tree.right, packets, found);
  };

  const optionsFor = (value: Value, packets: PacketSet): Option[] => {
    if (!trees.has(value)) trees.set(value, treeOf(value.options ?? []));
    const tree = trees.get(value);
    const found: Option[] = [];
    if (tree) met(tree, packets, found);
    return found;
  };

  const parts = (store: Store, packets: PacketSet, wanted: readonly number[]): Part[] => {
    const place = wanted.find((index) => read(store, index).options);
    if (place === undefined) return [{ store, packets }];
    return optionsFor(read(store, place), packets).flatMap((option) =>
      parts(write(stores, store, place, option.value), option.packets, wanted),
    );
  };

  return { parts };
}
