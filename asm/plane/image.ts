/**
 * The program image: what `engine/program` makes of a chassis' southbound
 * database and `translate` walks.  Constants only; TypeScript imports this file.
 *
 * An image is position-independent: every `...Offset` counts bytes from the
 * image's first byte, which lies at a multiple of 8.  All numbers are 32 bits
 * and little-endian unless said otherwise; 0 stands for "there is none".
 *
 * ## Header
 *
 *      0 | magic                      |  4 length in bytes
 *      8 | physical ports: count      | 12 offset of their records, by number
 *     16 | datapaths: count           | 20 offset of their records, by number
 *     24 | ports: count               | 28 offset of their records; record 0 is none
 *     32 | ports by key: slots, 2^n   | 36 offset: pairs (DATAPATH << 16 | key, port record)
 *     40 | flows: numbers end         | 44 offset: offset of each flow's code, by number
 *     48 | datapaths by tunnel key: count | 52 offset: pairs (tunnel key, number), sorted
 *     56 | code begins                | 60 code ends
 *     64 | chassis' thresholds in use | 68 (zero)
 */
export const IMAGE_MAGIC = 0x4c464c57;
export const IM_MAGIC = 0;
export const IM_LENGTH = 4;
export const IM_PHYSICAL = 8;
export const IM_DATAPATHS = 16;
export const IM_PORTS = 24;
export const IM_PORT_KEYS = 32;
export const IM_FLOWS = 40;
export const IM_DATAPATH_KEYS = 48;
export const IM_CODE = 56;
export const IM_THRESHOLDS = 64;
export const IMAGE_HEADER = 72;

/*
 * ## Physical port: 16 bytes
 *
 *      0 | kind | 4 port record of untagged frames, or of all | 8 tags: offset | 12 tags: count
 *
 * A tag's entry is a pair (VLAN id, port record).
 */
export const PHYSICAL_SIZE = 16;
/** Nothing comes in. */
export const PH_NONE = 0;
/** A VIF: frames with a tag of the list belong to a nested port, all others to the port itself. */
export const PH_VIF = 1;
/** A localnet or l2gateway port: frames without a tag, or with tag 0. */
export const PH_NETWORK = 2;
/** The same with `vlan-passthru`: all frames, tagged as they are. */
export const PH_PASSTHRU = 3;
/** A Geneve tunnel. */
export const PH_GENEVE = 4;
/** A VXLAN tunnel between chassis: 12 bits of datapath, 12 of outport. */
export const PH_VXLAN = 5;

/*
 * ## Datapath: 16 bytes
 *
 *      0 | flags | 4 tunnel key | 8 ZONE_DNAT (16), ZONE_SNAT (16) | 12 tables: offset
 *
 * Tables: TABLES pairs for the ingress pipeline, TABLES for the egress:
 * (blob, numbers): offset of the classifier and of its flow numbers by rank;
 * where no look-up is needed the blob is 0 and `numbers` is the number of the flow
 * that every packet meets, NO_FLOW for none.
 */
export const DATAPATH_SIZE = 16;
export const DF_SWITCH = 1;
/** The zone that both directions of NAT share is ZONE_SNAT. */
export const DF_COMMON_SNAT = 2;
/** One of its ports is a localport: packets from there stay on the chassis. */
export const DF_LOCALPORTS = 4;
/** Stages that a pipeline may have, and behind them tables of the chassis' own. */
export const STAGES = 64;
/** Ingress: who may send; egress: who may receive.  A flow that outputs allows, one without code denies. */
export const TABLE_PORT_SECURITY = 64;
/** Ingress: where flows of the other table lead with `next`: ARP and neighbour discovery. */
export const TABLE_PORT_SECURITY_ND = 65;
/** Ingress: `chk_lb_hairpin`, and the address that `ct_snat_to_vip` gives: flows with A_ADDRESS. */
export const TABLE_HAIRPIN = 66;
export const TABLES = 67;
export const NO_FLOW = 0xffffffff;

/*
 * ## Port: 32 bytes
 *
 *      0 | kind (8), flags (8), tag (16)
 *      4 | DATAPATH          |  8 key (16), ZONE_PORT (16)
 *     12 | physical port, tunnel, or key of the port that stands for it
 *     16 | peer: DATAPATH    | 20 peer: port record
 *     24 | group: offset of its list; PK_BRIDGED: MAC address; PK_NETWORK: offset of MAC addresses, or 0;
 *        | PK_VIF, PK_REMOTE: offset of tunnels to further chassis that have the port, count and numbers, or 0 | 28 (zero)
 *
 * A group's list: count and keys of the members that only the chassis where the
 * packet came from serves (patch ports, localports); count and numbers of tunnels;
 * count and keys of members here.
 *
 * MAC addresses of a network, two words each, the low one first: this chassis'; count and those of routers that it
 * stands for; count and those of other chassis; the one that these stand for.
 */
export const PORT_SIZE = 32;
/** A VIF, or a nested port behind one: `tag`. */
export const PK_VIF = 1;
export const PK_NETWORK = 2;
export const PK_PATCH = 3;
/** On another chassis. */
export const PK_REMOTE = 4;
/** Served by another port of the same datapath: a chassisredirect port that resides here. */
export const PK_REDIRECT = 5;
/** On another chassis, reached over the datapath's localnet port. */
export const PK_BY_NETWORK = 6;
export const PK_GROUP = 7;
/** A port of its datapath that no packet can be delivered to. */
export const PK_ABSENT = 8;
/** A gateway port of another chassis: reached over its peer, a localnet port, from a MAC address of its own. */
export const PK_BRIDGED = 9;
export const PF_LOCALPORT = 1;
export const PF_NESTED = 2;
/** The port's tunnel is VXLAN. */
export const PF_VXLAN = 4;
/** The port is on a vtep: tunnelled with its datapath's key alone. */
export const PF_VTEP = 8;
/** Shut until a RARP frame comes in by it, of which the host is told with ACTION_OPENS: ovn-nb(5), `activation-strategy`. */
export const PF_SHUT = 16;
/** The action of a punt that says so; the program's own are below. */
export const ACTION_OPENS = 0x7fffffff;

/*
 * ## Code
 *
 * What flows do: instructions of 32-bit words, the first of which is
 * `opcode | argument << 8 | words << 16`; `words` counts the whole instruction.
 * A *piece* is up to 64 bits of one word of the flow: `word | low bit << 8 | bits << 16`;
 * 0 is no bits.  A 128-bit field is two pieces, the high one first.
 */
export const A_END = 0;
/** Argument: word; value (2), mask (2). */
export const A_LOAD = 1;
/** Pieces: to, from. */
export const A_MOVE = 2;
/** Pieces, exchanged. */
export const A_EXCHANGE = 3;
/** Argument: table; operand: pipeline. */
export const A_NEXT = 4;
export const A_OUTPUT = 5;
export const A_DEC_TTL = 6;
/** A piece goes on the stack, or comes from there. */
export const A_PUSH = 7;
export const A_POP = 8;
/** Operand: words of code behind, which run on a copy. */
export const A_CLONE = 9;
/**
 * Connection tracking.  Argument: ZONE_...; operands: +1 next table + 1, or 0 to stay; +2 CT_... flags; +3 mask of the
 * mark; +4 mask of the label: low (2), high (2); +8 address (4), +12 ports (low | high << 16), +13 number of
 * backends; +14 words of code that sets mark and label; then the backends, CT_BACKEND_WORDS each; then that code.
 */
export const A_CT = 10;
export const A_CT_CLEAR = 11;
/**
 * The host is asked.  Argument: PUNT_...; operands: action number, words of code behind that the host resumes with
 * what it made.
 */
export const A_PUNT = 12;
/** Argument: next table; piece: result; count; then pairs (value, weight); no weight is 0. */
export const A_SELECT = 13;
/** Sends to one of the ports: count; then keys. */
export const A_FORWARD = 14;
/** Neighbours.  Argument: NEIGHBOR_...; pieces: port, address (2), MAC, result. */
export const A_NEIGHBOR = 15;
/** Learned MAC addresses.  Argument: FDB_...; pieces: MAC, result, port. */
export const A_FDB = 16;
/** Argument: threshold; piece: result. */
export const A_LARGER = 17;
/** Argument: 0 in, 1 out; piece: result. */
export const A_PORT_SECURITY = 18;
/** Argument: 0, or 1 for replies; piece: result. */
export const A_HAIRPIN = 19;
export const A_SNAT_TO_VIP = 20;
/** Piece: result. */
export const A_AFFINITY = 21;
/** Argument: 1 for IPv6; virtual address (4), backend (4), ports: virtual | backend << 16, protocol | seconds << 16. */
export const A_COMMIT_AFFINITY = 22;
/** Argument: 0 the connection is known, 1 with this MAC address too; piece: result. */
export const A_NEXT_HOP = 23;
export const A_COMMIT_NEXT_HOP = 24;
/** Operand: meter. */
export const A_METER = 25;
/** In TABLE_HAIRPIN: argument: 1 for IPv6; the address that the caller will seem to have (4). */
export const A_ADDRESS = 26;

/**
 * The A_CT or A_SELECT that follows chooses by the fields given.  Argument: how many; then of each:
 * presupposed Ethernet type (0 any, 1 IP) | protocol (0 any) << 16 | bytes << 24, and two pieces, the second for 16 bytes only.
 */
export const A_HASH = 27;

export const CT_CODE_WORDS = 15;
/** Address (4), port, weight. */
export const CT_BACKEND_WORDS = 6;

export const ZONE_OF_PORT = 0;
export const ZONE_OF_DNAT = 1;
export const ZONE_OF_SNAT = 2;
/** As the datapath says: DF_COMMON_SNAT. */
export const ZONE_COMMON = 3;

/** The host makes a packet of this one, and resumes with it; this one goes on. */
export const PUNT_NESTED = 0;
/** This packet waits for the answer, which lets it go on behind the action. */
export const PUNT_PAUSE = 1;
/** The host takes note; this one goes on. */
export const PUNT_NOTE = 2;

export const NEIGHBOR_GET = 0;
export const NEIGHBOR_LOOKUP = 1;
export const NEIGHBOR_LOOKUP_IP = 2;

export const FDB_GET = 0;
export const FDB_LOOKUP = 1;

/** Bits of FLAGS that chassis look at or set: include/ovn/logical-fields.h, `mff_log_flags_bits`. */
export const MLF_ALLOW_LOOPBACK = 0;
export const MLF_RCV_FROM_RAMP = 1;
export const MLF_LOCAL_ONLY = 4;
export const MLF_NESTED_CONTAINER = 5;
export const MLF_LOCALPORT = 10;
export const MLF_RX_FROM_TUNNEL = 16;

/*
 * ## Tables of what was learned
 */
export const LEARNED_NEIGHBOR = 1;
export const LEARNED_FDB = 2;
export const LEARNED_AFFINITY = 3;
export const LEARNED_HAIRPIN = 4;
export const LEARNED_NEXT_HOP = 5;

/** Kinds of places where a frozen packet may be resumed. */
export const RESUME_TABLE = 0;
export const RESUME_CODE = 1;
/** Instead of a table: the packet goes to its OUTPORT, as the `output` action of the ingress pipeline does. */
export const RESUME_OUTPUT = 0x3fff;

/** Limits of one translation: ofproto/ofproto-dpif-xlate.c, MAX_DEPTH and MAX_RESUBMITS. */
export const MAX_DEPTH = 64;
export const MAX_STEPS = 4096;
