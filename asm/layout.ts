/**
 * Where things lie in the module's linear memory.
 *
 * This file holds constants only: AssemblyScript compiles it into the module
 * and TypeScript imports it.  Numbers are little-endian, as WebAssembly's are;
 * addresses (MAC, IPv4, IPv6) are bytes in the order in which they are sent.
 *
 *         0        1 024     2 048                          133 120      262 144
 *         +--------+---------+------------------------------+------------+-------
 *         | unused | parsed  | frame, at most 131 072 bytes | unused     | static data
 *         +--------+---------+------------------------------+------------+-------
 *
 * What the parser writes for a frame (bytes from the start of `parsed`):
 *
 *         0               2               4               6               8
 *       0 | PROBLEMS                      | LAYERS                        |
 *       8 | L3                            | L4                            |
 *      16 | PAYLOAD                       | END                           |
 *      24 | ETH_DST                                       | ETH_TYPE      |
 *      32 | ETH_SRC                                       | VLAN_TCI      |
 *      40 | VLAN2_TCI     | ARP_OP        | PROTO   TTL   | TOS     FRAG  |
 *      48 | IP6_LABEL                     | FRAG_OFFSET   | TCP_FLAGS     |
 *      56 | SRC: IPv6 source; the first four bytes are IPv4's, or ARP's   |
 *      64 |      sender protocol address                                  |
 *      72 | DST: the same for the destination, or ARP's target protocol   |
 *      80 |      address                                                  |
 *      88 | L4_SRC        | L4_DST        | (zero)                        |
 *      96 | SHA: ARP's sender, ND's source link-layer     | (zero)        |
 *     104 | THA: ARP's target, ND's target link-layer     | (zero)        |
 *     112 | ND_TARGET                                                     |
 *     120 |                                                               |
 *     128
 */

export const PARSED_AT = 1024;
export const FRAME_AT = 2048;
/** The longest frame there is room for; an IPv6 packet with its Ethernet header takes 65 593 bytes. */
export const FRAME_MAX = 131072;

export const PARSED_SIZE = 128;

/** Bits of `PROBLEM_...`: what is wrong with the frame; u32. */
export const PROBLEMS = 0;
/** Bits of `LAYER_...`: which headers were found, so which of the fields below mean something; u32. */
export const LAYERS = 4;
/** Offset in the frame of what follows the Ethernet header and its tags; u32, 0 if there is none. */
export const L3 = 8;
/** Offset of what follows the IP header and its extensions; u32, 0 if there is none. */
export const L4 = 12;
/** Offset of what follows the transport header; u32, 0 if there is none. */
export const PAYLOAD = 16;
/** Offset where the packet ends and the padding begins, by its own length field; u32. */
export const END = 20;
export const ETH_DST = 24;
/** What follows the tags that were parsed; u16.  `ETH_TYPE_NONE` for 802.3 frames without SNAP. */
export const ETH_TYPE = 30;
export const ETH_SRC = 32;
/** The first tag with bit 12 set, 0 if there is none; u16. */
export const VLAN_TCI = 38;
/** The second tag with bit 12 set, 0 if there is none; u16. */
export const VLAN2_TCI = 40;
/** ARP operation; u16, 0 if it does not fit in eight bits, as Open vSwitch has it. */
export const ARP_OP = 42;
export const PROTO = 44;
/** TTL or hop limit; u8. */
export const TTL = 45;
/** DSCP in the upper six bits, ECN in the lower two; u8. */
export const TOS = 46;
/** Bits of `FRAG_...`; u8. */
export const FRAG = 47;
export const IP6_LABEL = 48;
/** Where in its datagram a fragment belongs, in bytes; u16. */
export const FRAG_OFFSET = 52;
/** The twelve bits from NS (bit 8 and above: reserved) down to FIN; u16. */
export const TCP_FLAGS = 54;
export const SRC = 56;
export const DST = 72;
/** Source port, or the type of ICMP; u16. */
export const L4_SRC = 88;
/** Destination port, or the code of ICMP; u16. */
export const L4_DST = 90;
export const SHA = 96;
export const THA = 104;
export const ND_TARGET = 112;

/** `ETH_TYPE` of an 802.3 frame that carries no Ethernet type (OFP_DL_TYPE_NOT_ETH_TYPE of OpenFlow 1.0). */
export const ETH_TYPE_NONE = 0x5ff;

/** The packet is a fragment. */
export const FRAG_ANY = 1;
/** The packet is a fragment, and not the first. */
export const FRAG_LATER = 2;

export const LAYER_VLAN = 1;
export const LAYER_VLAN2 = 2;
export const LAYER_ARP = 4;
export const LAYER_IP4 = 8;
export const LAYER_IP6 = 16;
export const LAYER_TCP = 32;
export const LAYER_UDP = 64;
export const LAYER_SCTP = 128;
export const LAYER_ICMP4 = 256;
export const LAYER_ICMP6 = 512;
export const LAYER_ND = 1024;
export const LAYER_ND_SLL = 2048;
export const LAYER_ND_TLL = 4096;
/** The IP header was read to its end: protocol, TTL, TOS and fragment bits mean something. */
export const LAYER_IP = 8192;

/** The frame is shorter than an Ethernet header. */
export const PROBLEM_ETHERNET_SHORT = 1;
/** A VLAN tag is cut off. */
export const PROBLEM_VLAN_SHORT = 2;
/** There are more VLAN tags than were to be parsed: the rest is payload. */
export const PROBLEM_VLAN_MORE = 4;
/** The ARP message is cut off. */
export const PROBLEM_ARP_SHORT = 8;
/** ARP for something else than IPv4 on Ethernet. */
export const PROBLEM_ARP_OTHER = 16;
/** The IPv4 header is cut off. */
export const PROBLEM_IP4_SHORT = 32;
/** The IPv4 header length is below 20 or above the total length. */
export const PROBLEM_IP4_HEADER_LENGTH = 64;
/** The IP version is not what the Ethernet type says. */
export const PROBLEM_IP_VERSION = 128;
/** The packet is shorter than its length field says. */
export const PROBLEM_IP_TRUNCATED = 256;
export const PROBLEM_IP4_CHECKSUM = 512;
/** The IPv6 header is cut off. */
export const PROBLEM_IP6_SHORT = 1024;
/** An IPv6 extension header is cut off. */
export const PROBLEM_IP6_EXTENSION = 2048;
/** The transport header is cut off. */
export const PROBLEM_L4_SHORT = 4096;
/** The TCP data offset is below 20 or points behind the packet. */
export const PROBLEM_TCP_OFFSET = 8192;
/** The UDP length is below 8 or above the packet's. */
export const PROBLEM_UDP_LENGTH = 16384;
/** The checksum of TCP, UDP, ICMP or ICMPv6 is wrong. */
export const PROBLEM_L4_CHECKSUM = 32768;
/** UDP over IPv6 without a checksum (RFC 8200 section 8.1). */
export const PROBLEM_UDP6_NO_CHECKSUM = 65536;
/** The neighbour discovery message is cut off before its target. */
export const PROBLEM_ND_SHORT = 131072;
/** A neighbour discovery option has length zero, is cut off, or says the same twice. */
export const PROBLEM_ND_OPTION = 262144;
/** ARP operation above 255, which no flow can match. */
export const PROBLEM_ARP_OPERATION = 524288;
