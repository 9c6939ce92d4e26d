/**
 * What the chassis has learned and the plane's flows ask for: neighbours
 * (MAC_Binding) and MAC addresses of ports (FDB).  The keys are those of
 * asm/plane/learned.ts.
 */
import { LEARNED_FDB, LEARNED_NEIGHBOR } from '../../asm/plane/image.ts';
import type { PlaneExports } from './plane-exports.ts';

/** An IP address as the plane's keys have it. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** What is known of neighbours and addresses, in one plane. */
export class LearnedTables {
  private readonly exports: PlaneExports;

  constructor(exports: PlaneExports) {
    this.exports = exports;
  }

  /** The neighbour with that address on a port is at `mac`; numbers are those of the datapath and the port's tunnel key. */
  putNeighbor(datapath: number, port: number, address: Address, mac: bigint): void {
    this.neighborKey(datapath, port, address);
    this.exports.learn(mac, 0n, 0, 0);
  }

  forgetNeighbor(datapath: number, port: number, address: Address): void {
    this.neighborKey(datapath, port, address);
    this.exports.forget();
  }

  /** Frames for `mac` are for the port with that key. */
  putFdb(datapath: number, mac: bigint, port: number): void {
    // The first entry of a datapath makes its packets be looked at.
    this.fdbKey(datapath, 0n);
    this.exports.learn(1n, 0n, 0, 0);
    this.fdbKey(datapath, mac);
    this.exports.learn(BigInt(port), 0n, 0, 0);
  }

  forgetFdb(datapath: number, mac: bigint): void {
    this.fdbKey(datapath, mac);
    this.exports.forget();
  }

  /** Forgets all neighbours and all MAC addresses of ports. */
  clear(): void {
    this.exports.forgetAll(LEARNED_NEIGHBOR, 0xffffffff);
    this.exports.forgetAll(LEARNED_FDB, 0xffffffff);
  }

  private neighborKey(datapath: number, port: number, { family, value }: Address): void {
    const low = BigInt.asUintN(64, value);
    this.exports.learnedKey(LEARNED_NEIGHBOR, datapath, 0, port, value >> 64n, low, BigInt(family), 0n);
  }

  private fdbKey(datapath: number, mac: bigint): void {
    this.exports.learnedKey(LEARNED_FDB, datapath, 0, 0, mac, 0n, 0n, 0n);
  }
}
