/**
 * A chassis that frames can be sent into, whoever it is: real OVN (packet-peer.ts)
 * or lflow's own.  The same topology in two worlds and the same frames must come
 * out of the same ports, byte by byte.
 */

/** A frame that the data plane sent to a port. */
export interface Received {
  port: string;
  frame: Uint8Array;
}

export interface PacketWorld {
  /** Makes these logical ports, and no others, the chassis' own. */
  bind(ports: readonly string[]): Promise<void>;
  /**
   * Joins the localnet ports of a physical network.  What is sent into the network
   * by its name comes from the wire and reaches all of them; what leaves by one of
   * them is received under that name, and reaches the others.
   */
  localnet(network: string): Promise<void>;
  /** Waits until the topology that the central holds is in force, with no connection tracked and nothing learned. */
  ready(): Promise<void>;
  /**
   * Frames come in by a port, one after the other.  When this resolves, all that they cause has
   * been done but what is learned from them: `learn` waits for that.
   */
  send(port: string, frames: Uint8Array | readonly Uint8Array[]): Promise<void>;
  /** Waits until what chassis learn from packets (MAC bindings, FDB, multicast groups, virtual ports) is in force. */
  learn(): Promise<void>;
  /** Forgets all tracked connections. */
  forgetConnections(): Promise<void>;
  /** What ports were sent since the last call, in each port's order. */
  received(): Received[];
  stop(): Promise<void>;
}
