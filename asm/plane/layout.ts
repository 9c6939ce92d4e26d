/**
 * What the parts of the packet plane and TypeScript agree on: the words of a
 * packet's flow, the record of a packet under way, and the programs that a
 * translation makes and the fast path runs.
 *
 * Constants only: AssemblyScript compiles this file into the module, and
 * TypeScript imports it.
 *
 * ## Flow
 *
 * Everything that a logical flow can look at, as 32 words of 64 bits.  A field
 * is a number at some bits of a word (bit 0 is the lowest), so bit n of a field
 * is bit `ofs + n` of its word; 128-bit fields take two words, high word first.
 * A field that the packet does not have is zero, as Open vSwitch has it.
 *
 *     word   63            48 47            32 31            16 15             0
 *       0   | ETH_TYPE       | ETH_DST                                         |
 *       1   | VLAN_TCI       | ETH_SRC                                         |
 *       2   | IP4_SRC or ARP SPA              | IP4_DST or ARP TPA             |
 *       3   | L4_SRC         | L4_DST         | FRAG    TOS    | TTL     PROTO  |
 *       4   | LONGER (36 bits: 28 to 63)     | HASH_BOTH | TCP_FLAGS | HASH |
 *       5   | RECIRC                          | IN_PORT                        |
 *       6   | TUN_OPTION                      | (zero) | TUN_ID                |
 *       7 8 | IP6_SRC                                                          |
 *       9 10| IP6_DST                                                          |
 *      11   | VLAN2_TCI      | ARP SHA or ND SLL                               |
 *      12   | (zero)         | ARP THA or ND TLL                               |
 *      13 14| ND_TARGET                                                        |
 *      15   | (zero)                          | (zero)     IP6_LABEL (20)      |
 *           +-------- above: what comes with the frame; PACKET_WORDS ----------+
 *      16   | CT_MARK                         | (zero)         | CT_STATE      |
 *      17 18| CT_LABEL                                                         |
 *      19   | (zero) CT_PROTO| CT_TP_DST      | CT_NW_DST                      |
 *      20 21| CT_IP6_DST                                                       |
 *           +-------- above: what a megaflow matches; KEY_WORDS ---------------+
 *      22   | FLAGS                           | DATAPATH                       |
 *      23   | (zero)         | OUTPORT        | (zero)         | INPORT        |
 *      24   | XREG0: reg0 (63..32), reg1 (31..0); xxreg0 is words 24 and 25    |
 *      25   | XREG1: reg2, reg3                                                |
 *      26   | XREG2: reg4, reg5; xxreg1 is words 26 and 27                     |
 *      27   | XREG3: reg6, reg7                                                |
 *      28   | XREG4: reg8, reg9                                                |
 *      29   | FRAG_MTU                        | PKT_MARK                       |
 *      30   | (zero)         | ZONE_SNAT      | ZONE_DNAT      | ZONE_PORT     |
 *      31   | (zero)                                                           |
 *           +-------- FLOW_WORDS ----------------------------------------------+
 *
 * DATAPATH is the number of the datapath in the program (not its tunnel key);
 * INPORT and OUTPORT are tunnel keys on that datapath, as in OVN's reg14 and
 * reg15.  TOS has ECN in its low two bits, DSCP above.  PROTO of ARP is its
 * operation, 0 if above 255.  L4_SRC and L4_DST of ICMP are type and code.
 * FRAG: bit 0 fragment, bit 1 not the first.  CT_STATE: bit 0 new, 1 est,
 * 2 rel, 3 rpl, 4 inv, 5 trk, 6 snat, 7 dnat (ovn-sb(5)).
 *
 * Three fields are made for translation's sake: HASH is the lowest eight bits of
 * a hash of addresses, protocol and ports (groups.ts), for forwarding groups; HASH_BOTH
 * of one that both directions have alike, for `select`; bit i of LONGER says that the
 * frame is longer than the program's i-th threshold, for `check_pkt_larger`.
 */

export const PACKET_WORDS = 16;
export const KEY_WORDS = 22;
export const FLOW_WORDS = 32;
/** Bytes of a flow. */
export const FLOW_SIZE = 256;

export const W_ETH_DST = 0;
export const W_ETH_SRC = 1;
export const W_IP4 = 2;
export const W_L4 = 3;
export const W_DERIVED = 4;
export const W_IN = 5;
export const W_TUNNEL = 6;
export const W_IP6_SRC = 7;
export const W_IP6_DST = 9;
export const W_SHA = 11;
export const W_THA = 12;
export const W_ND_TARGET = 13;
export const W_IP6_LABEL = 15;
export const W_CT = 16;
export const W_CT_LABEL = 17;
export const W_CT_TUPLE = 19;
export const W_CT_IP6_DST = 20;
export const W_DATAPATH = 22;
export const W_PORTS = 23;
export const W_REGISTERS = 24;
export const W_MARK = 29;
export const W_ZONES = 30;

/** Lowest bit of fields in their words. */
export const B_ETH_TYPE = 48;
export const B_VLAN_TCI = 48;
export const B_IP4_SRC = 32;
export const B_TTL = 8;
export const B_TOS = 16;
export const B_FRAG = 24;
export const B_L4_DST = 32;
export const B_L4_SRC = 48;
export const B_TCP_FLAGS = 8;
export const B_HASH_BOTH = 20;
export const B_LONGER = 28;
export const B_RECIRC = 32;
export const B_TUN_OPTION = 32;
export const B_CT_MARK = 32;
export const B_CT_TP_DST = 32;
export const B_CT_PROTO = 48;
export const B_FLAGS = 32;
export const B_OUTPORT = 32;
export const B_FRAG_MTU = 32;
export const B_ZONE_DNAT = 16;
export const B_ZONE_SNAT = 32;
/** Of W_ZONES: the queue that the packet leaves by. */
export const B_QUEUE = 48;

/** How many thresholds LONGER has bits for. */
export const MAX_THRESHOLDS = 36;

export const FRAG_ANY = 1;
export const FRAG_LATER = 2;

export const CS_NEW = 1;
export const CS_EST = 2;
export const CS_REL = 4;
export const CS_RPL = 8;
export const CS_INV = 16;
export const CS_TRK = 32;
export const CS_SNAT = 64;
export const CS_DNAT = 128;

/*
 * ## Packet
 *
 * A packet under way, 32 bytes.  Offsets count from the first byte of the
 * Ethernet header; 0 stands for "there is none".
 *
 *      0 | P_FRAME: address of the frame    | P_LENGTH: bytes                 |
 *      8 | P_L3            | P_L4           | P_PAYLOAD      | P_END          |
 *     16 | P_IN_PORT                        | P_STATE                         |
 *     24 | P_INDEX: which frame of the batch| P_ROOM: bytes free before P_FRAME|
 *
 * P_END is where the packet ends and padding begins.  At least HEADROOM bytes
 * before a frame of a batch are free, for tags and tunnel headers.
 */
export const PACKET_SIZE = 32;
export const P_FRAME = 0;
export const P_LENGTH = 4;
export const P_L3 = 8;
export const P_L4 = 10;
export const P_PAYLOAD = 12;
export const P_END = 14;
export const P_IN_PORT = 16;
/** Bits of `PS_...`; u32. */
export const P_STATE = 20;
export const P_INDEX = 24;
export const P_ROOM = 28;

/** The frame was put out as it is: it has to be copied before it is changed. */
export const PS_SHARED = 1;
/** The checksum of the IPv4 header was wrong when the frame came in. */
export const PS_BAD_IP_CHECKSUM = 2;
/** The checksum of the transport header was looked at. */
export const PS_L4_CHECKED = 4;
/** ... and it is wrong. */
export const PS_L4_BAD = 8;

/** Free bytes before each frame: outer Ethernet, tag, IPv6, UDP, Geneve with its option are 86. */
export const HEADROOM = 128;

/*
 * ## Datapath programs
 *
 * What a translation of one packet through the logical flows comes to, for all
 * packets of its megaflow: a list of 32-bit words.  The first word of an
 * instruction is `opcode | words << 8 | argument << 16`; `words` counts the
 * whole instruction.  64-bit operands are low word first and not aligned.
 */

/** Nothing more is to be done. */
export const DP_END = 0;
/** Words of the flow change, and the frame with them: argument: word; operands: value (2), mask (2). Value has no bit that mask has not. */
export const DP_SET = 1;
/** Sends the frame as it is: argument: queue; operand: physical port (1). */
export const DP_OUTPUT = 2;
/** Sends it through a tunnel: argument: queue; operands: tunnel number (1), TUN_ID (1), TUN_OPTION (1). */
export const DP_TUNNEL = 3;
/** Puts an 802.1Q tag in front: argument: TCI. */
export const DP_PUSH_VLAN = 4;
/** Takes the outermost tag off. */
export const DP_POP_VLAN = 5;
/** Connection tracking on this packet; see below. */
export const DP_CT = 6;
/** Goes on with the flow's RECIRC set to the operand (1): a megaflow look-up anew.  Ends this program. */
export const DP_RECIRC = 7;
/** Runs the next `operand` (1) words on a copy of the packet; then goes on behind them with the packet as it was. */
export const DP_CLONE = 8;
/** Hands packet and flow to the host: operands: action number (1), RECIRC number (1) of the frozen metadata and of where it may be resumed.  Goes on. */
export const DP_PUNT = 9;
/** Drops the rest if the meter is exceeded: operand: meter number (1). */
export const DP_METER = 10;
/** Clears what conntrack said: words 16 to 21 become zero. */
export const DP_CT_CLEAR = 11;
/** Counts a drop: argument: `DROP_...`. */
export const DP_DROP = 12;

/*
 * DP_CT: argument: zone.
 *
 *     +1 CT_... flags
 *     +2 mark value, +3 mark mask
 *     +4 label value: low word (2), high word (2); +8 label mask, the same
 *    +12 translation: address (4): bytes as sent, IPv4 in the first four; +16 ports: low | high << 16, 0 for any
 *    +17 with CT_BACKENDS: address in memory of a list: count, then 24 bytes each: address (16), port, weight; else 0
 *
 * 18 words in all.
 */
export const DP_CT_WORDS = 18;
/** The connection is kept, if it is new. */
export const CT_COMMIT = 1;
/** A connection of the other direction is replaced. */
export const CT_FORCE = 2;
/** Translate as the connection says (`nat` without arguments). */
export const CT_NAT = 4;
/** New connections get their source translated to the address and ports given. */
export const CT_NAT_SRC = 8;
/** New connections get their destination translated. */
export const CT_NAT_DST = 16;
/** New connections get one of the backends, by their hash. */
export const CT_BACKENDS = 32;
/** The address is IPv6. */
export const CT_NAT_V6 = 64;
/** Mark and label masks say something. */
export const CT_SET = 128;
/**
 * New connections are committed as OVN's `ct_commit` does it: with a source translation to the source that they have
 * (`nat(src)`).  It changes the port where replies could not be told from those of others, and the sender of related errors.
 */
export const CT_UNCHANGED = 512;
/** The translation may choose any source port it likes, at random (`random`); else it keeps the port if it can. */
export const CT_NAT_RANDOM = 256;
/** Flags of instructions that may change the packet. */
export const CT_TRANSLATES = CT_NAT | CT_NAT_SRC | CT_NAT_DST | CT_BACKENDS | CT_UNCHANGED;

/** Reasons of drops, counted each; the list is open at its end. */
export const DROP_FLOW = 0;
export const DROP_NO_FLOW = 1;
export const DROP_NO_PORT = 2;
export const DROP_LOOPBACK = 3;
export const DROP_TOO_DEEP = 4;
export const DROP_TOO_LONG = 5;
export const DROP_SHORT_FRAME = 6;
export const DROP_NO_ROOM = 7;
export const DROP_METER = 8;
export const DROP_RECIRC_GONE = 9;
export const DROP_RECIRC_LIMIT = 10;
export const DROP_FRAGMENT = 12;
export const DROP_NO_TUNNEL = 13;
export const DROP_TUNNEL_FRAME = 14;
export const DROP_TTL = 15;
export const DROP_EMPTY_GROUP = 16;
/** The port waits for its machine to come: `activation-strategy`. */
export const DROP_SHUT = 17;
export const DROP_REASONS = 32;
