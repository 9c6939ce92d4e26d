/**
 * What is done with flow tables, with whichever diagrams: the flat ones of
 * engine/sets, or one with a node a field (ndd.ts).
 */
import { cpuUsage } from 'node:process';
import type { Space } from '../../engine/sets/index.ts';
import type { BitTable } from './tables.ts';

/** Sets of packets as numbers, 0 the empty one and 1 all. */
export interface Diagrams {
  cube(bits: Int32Array): number;
  and(a: number, b: number): number;
  or(a: number, b: number): number;
  diff(a: number, b: number): number;
  /** Nodes that there are. */
  nodes(): number;
  bytes(): number;
  steps(): number;
  /** Drops all sets. */
  clear(): void;
}

/** Drops what was made in the space since now. */
export function flatDiagrams(space: Space): Diagrams {
  const start = space.mark();
  return {
    cube: (bits) => space.cubeBits(bits),
    and: space.and,
    or: space.or,
    diff: space.diff,
    nodes: () => space.stats().nodes,
    bytes: () => space.stats().bytes,
    steps: () => space.stats().steps,
    clear: () => void space.release(start),
  };
}

export interface Work {
  /** Of the processor. */
  milliseconds: number;
  steps: number;
  /** Altogether, and the most that there were at once. */
  made: number;
  most: number;
  bytes: number;
}

/** What each flow gets, table by table; what there is is dropped behind each table. */
export function foldTables(diagrams: Diagrams, pipelines: readonly (readonly BitTable[])[]): Work {
  return measured(diagrams, (drop) => {
    for (const tables of pipelines) {
      for (const table of tables) {
        fold(diagrams, table);
        drop();
      }
    }
  });
}

/** What passes all tables of a pipeline, if no table changed packets; dropped behind each pipeline. */
export function foldPipelines(diagrams: Diagrams, pipelines: readonly (readonly BitTable[])[]): Work {
  return measured(diagrams, (drop) => {
    for (const tables of pipelines) {
      let passing = 1;
      for (const table of tables) passing = diagrams.and(passing, fold(diagrams, table));
      drop();
    }
  });
}

/** By first match: each flow gets what it matches and none before it did. What passes. */
function fold(diagrams: Diagrams, { flows }: BitTable): number {
  let covered = 0;
  let passing = 0;
  for (const { cubes, passes } of flows) {
    let match = 0;
    for (const cube of cubes) match = diagrams.or(match, diagrams.cube(cube));
    const left = diagrams.diff(match, covered);
    if (left === 0) continue;
    covered = diagrams.or(covered, left);
    if (passes) passing = diagrams.or(passing, left);
  }
  return passing;
}

function measured(diagrams: Diagrams, work: (drop: () => void) => void): Work {
  diagrams.clear();
  const nothing = diagrams.nodes();
  const steps = diagrams.steps();
  let made = 0;
  let most = 0;
  const start = cpuUsage();
  work(() => {
    const here = diagrams.nodes() - nothing;
    made += here;
    most = Math.max(most, here);
    diagrams.clear();
  });
  const { user, system } = cpuUsage(start);
  return {
    milliseconds: (user + system) / 1000,
    steps: diagrams.steps() - steps,
    made,
    most,
    bytes: diagrams.bytes(),
  };
}
