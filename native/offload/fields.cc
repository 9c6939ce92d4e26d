#include "fields.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <unordered_map>

namespace lflow {

namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bit fields of rte_flow.h are taken to begin at the lowest bit");

constexpr auto kNumber = FieldKind::number;

// A big-endian integer of so many bytes, and bits of it.
constexpr Field be(const char *name, size_t offset, uint8_t bytes, uint8_t shift = 0, uint8_t bits = 0) {
  return {name, kNumber, static_cast<uint16_t>(offset), bytes, true, shift, bits == 0 ? static_cast<uint8_t>(bytes * 8) : bits};
}

// An integer in the processor's byte order.
constexpr Field host(const char *name, size_t offset, uint8_t bytes, uint8_t shift = 0, uint8_t bits = 0) {
  return {name, kNumber, static_cast<uint16_t>(offset), bytes, false, shift, bits == 0 ? static_cast<uint8_t>(bytes * 8) : bits};
}

constexpr Field at(const char *name, FieldKind kind, size_t offset = 0) {
  return {name, kind, static_cast<uint16_t>(offset), static_cast<uint8_t>(kind == FieldKind::port ? 2 : 0), false, 0,
          static_cast<uint8_t>(kind == FieldKind::port ? 16 : 0)};
}

constexpr auto kMac = FieldKind::mac;
constexpr auto kIpv4 = FieldKind::ipv4;
constexpr auto kIpv6 = FieldKind::ipv6;

// A bit field, which has no offset that could be asked for: `set` turns its 0 into all ones, and they are looked for.
template <typename T, typename Set>
Field flag(const char *name, size_t offset, Set set) {
  T structure;
  std::memset(&structure, 0, sizeof structure);
  set(structure);
  const auto *bytes = reinterpret_cast<const uint8_t *>(&structure);
  size_t byte = 0;
  while (bytes[byte] == 0) byte++;
  const auto shift = static_cast<uint8_t>(__builtin_ctz(bytes[byte]));
  const auto bits = static_cast<uint8_t>(__builtin_popcount(bytes[byte]));
  return host(name, offset + byte, 1, shift, bits);
}

#define FLAG(T, name, member, offset) flag<T>(name, offset, [](T &structure) { structure.member--; })

#define ITEM(name, NAME, ...) \
  {#name, RTE_FLOW_ITEM_TYPE_##NAME, sizeof(rte_flow_item_##name), {__VA_ARGS__}}

std::vector<ItemKind> make_items() {
  using Eth = rte_flow_item_eth;
  using Vlan = rte_flow_item_vlan;
  using Ipv6 = rte_flow_item_ipv6;
  using Arp = rte_flow_item_arp_eth_ipv4;
  return {
      ITEM(eth, ETH, at("dst", kMac, offsetof(Eth, dst)), at("src", kMac, offsetof(Eth, src)),
           be("type", offsetof(Eth, type), 2), FLAG(Eth, "has_vlan", has_vlan, 0)),
      ITEM(vlan, VLAN, be("pcp", 0, 2, 13, 3), be("dei", 0, 2, 12, 1), be("vid", 0, 2, 0, 12), be("inner_type", 2, 2),
           FLAG(Vlan, "has_more_vlan", has_more_vlan, 0)),
      ITEM(ipv4, IPV4, be("tos", 1, 1), be("fragment_offset", 6, 2), be("ttl", 8, 1), be("proto", 9, 1),
           at("src", kIpv4, 12), at("dst", kIpv4, 16)),
      ITEM(ipv6, IPV6, be("tc", 0, 4, 20, 8), be("flow", 0, 4, 0, 20), be("proto", 6, 1), be("hop", 7, 1),
           at("src", kIpv6, 8), at("dst", kIpv6, 24), FLAG(Ipv6, "has_frag_ext", has_frag_ext, 0)),
      ITEM(ipv6_frag_ext, IPV6_FRAG_EXT, be("next_hdr", 0, 1), be("frag_data", 2, 2)),
      ITEM(tcp, TCP, be("src", 0, 2), be("dst", 2, 2), be("flags", 13, 1)),
      ITEM(udp, UDP, be("src", 0, 2), be("dst", 2, 2)),
      ITEM(sctp, SCTP, be("src", 0, 2), be("dst", 2, 2)),
      ITEM(icmp, ICMP, be("type", 0, 1), be("code", 1, 1), be("ident", 4, 2), be("seq", 6, 2)),
      ITEM(icmp6, ICMP6, be("type", 0, 1), be("code", 1, 1)),
      ITEM(icmp6_nd_ns, ICMP6_ND_NS, at("target_addr", kIpv6, 8)),
      ITEM(icmp6_nd_na, ICMP6_ND_NA, at("target_addr", kIpv6, 8)),
      ITEM(arp_eth_ipv4, ARP_ETH_IPV4, be("op", offsetof(Arp, op), 2), at("sha", kMac, offsetof(Arp, sha)),
           at("spa", kIpv4, offsetof(Arp, spa)), at("tha", kMac, offsetof(Arp, tha)), at("tpa", kIpv4, offsetof(Arp, tpa))),
      ITEM(geneve, GENEVE, be("optlen", 0, 2, 8, 6), be("protocol", 2, 2), be("vni", 4, 3)),
      ITEM(geneve_opt, GENEVE_OPT, be("class", 0, 2), be("type", 2, 1), be("length", 3, 1), at("data", FieldKind::hex)),
      ITEM(vxlan, VXLAN, be("vni", 4, 3)),
      ITEM(tag, TAG, host("index", offsetof(rte_flow_item_tag, index), 1), host("data", 0, 4)),
      ITEM(meta, META, host("data", 0, 4)),
      ITEM(mark, MARK, host("id", 0, 4)),
      {"represented_port", RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT, sizeof(rte_flow_item_ethdev),
       {at("ethdev_port_id", FieldKind::port)}},
      {"port_representor", RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR, sizeof(rte_flow_item_ethdev),
       {at("port_id", FieldKind::port)}},
      ITEM(conntrack, CONNTRACK, host("flags", 0, 4)),
  };
}

#define ACTION(name, NAME, T, ...) {#name, RTE_FLOW_ACTION_TYPE_##NAME, sizeof(T), {__VA_ARGS__}}
#define BARE(name, NAME) {#name, RTE_FLOW_ACTION_TYPE_##NAME, 0, {}}

// One direction of a connection.
std::vector<Field> direction_fields(const std::array<const char *, 8> &names, size_t offset) {
  using Dir = rte_flow_tcp_dir_param;
  return {FLAG(Dir, names[0], scale, offset),
          FLAG(Dir, names[1], close_initiated, offset),
          FLAG(Dir, names[2], last_ack_seen, offset),
          FLAG(Dir, names[3], data_unacked, offset),
          host(names[4], offset + offsetof(Dir, sent_end), 4),
          host(names[5], offset + offsetof(Dir, reply_end), 4),
          host(names[6], offset + offsetof(Dir, max_win), 4),
          host(names[7], offset + offsetof(Dir, max_ack), 4)};
}

std::vector<Field> conntrack_fields() {
  using Ct = rte_flow_action_conntrack;
  std::vector<Field> fields{
      host("peer", offsetof(Ct, peer_port), 2),
      FLAG(Ct, "is_orig", is_original_dir, 0),
      FLAG(Ct, "enable", enable, 0),
      FLAG(Ct, "live", live_connection, 0),
      FLAG(Ct, "sack", selective_ack, 0),
      FLAG(Ct, "cack", challenge_ack_passed, 0),
      FLAG(Ct, "last_dir", last_direction, 0),
      FLAG(Ct, "liberal", liberal_mode, 0),
      host("state", offsetof(Ct, state), 4, 0, 3),
      host("max_ack_win", offsetof(Ct, max_ack_window), 1),
      host("r_lim", offsetof(Ct, retransmission_limit), 1),
      host("last_win", offsetof(Ct, last_window), 2),
      host("last_index", offsetof(Ct, last_index), 4, 0, 8),
      host("last_seq", offsetof(Ct, last_seq), 4),
      host("last_ack", offsetof(Ct, last_ack), 4),
      host("last_end", offsetof(Ct, last_end), 4),
  };
  const auto orig = direction_fields({"orig_scale", "orig_fin", "orig_acked", "orig_unack_data", "orig_sent_end",
                                      "orig_reply_end", "orig_max_win", "orig_max_ack"},
                                     offsetof(Ct, original_dir));
  const auto rply = direction_fields({"rply_scale", "rply_fin", "rply_acked", "rply_unack_data", "rply_sent_end",
                                      "rply_reply_end", "rply_max_win", "rply_max_ack"},
                                     offsetof(Ct, reply_dir));
  fields.insert(fields.end(), orig.begin(), orig.end());
  fields.insert(fields.end(), rply.begin(), rply.end());
  return fields;
}

std::vector<ActionKind> make_actions() {
  using Tag = rte_flow_action_set_tag;
  using Meta = rte_flow_action_set_meta;
  return {
      ACTION(jump, JUMP, rte_flow_action_jump, host("group", 0, 4)),
      BARE(drop, DROP),
      ACTION(represented_port, REPRESENTED_PORT, rte_flow_action_ethdev, at("ethdev_port_id", FieldKind::port)),
      ACTION(port_representor, PORT_REPRESENTOR, rte_flow_action_ethdev, at("port_id", FieldKind::port)),
      ACTION(count, COUNT, rte_flow_action_count, host("identifier", 0, 4)),
      ACTION(age, AGE, rte_flow_action_age, host("timeout", 0, 4, 0, 24)),
      ACTION(meter, METER, rte_flow_action_meter, host("mtr_id", 0, 4)),
      ACTION(mark, MARK, rte_flow_action_mark, host("id", 0, 4)),
      ACTION(set_tag, SET_TAG, Tag, host("index", offsetof(Tag, index), 1), host("data", offsetof(Tag, data), 4),
             host("mask", offsetof(Tag, mask), 4)),
      ACTION(set_meta, SET_META, Meta, host("data", offsetof(Meta, data), 4), host("mask", offsetof(Meta, mask), 4)),
      ACTION(modify_field, MODIFY_FIELD, rte_flow_action_modify_field, at("op", FieldKind::word),
             at("dst_type", FieldKind::word), host("dst_level", 0, 1), host("dst_offset", 0, 1),
             at("src_type", FieldKind::word), host("src_level", 0, 1), host("src_offset", 0, 1),
             at("src_value", FieldKind::hex), host("width", 0, 1)),
      ACTION(set_mac_src, SET_MAC_SRC, rte_flow_action_set_mac, at("mac_addr", kMac)),
      ACTION(set_mac_dst, SET_MAC_DST, rte_flow_action_set_mac, at("mac_addr", kMac)),
      ACTION(set_ipv4_src, SET_IPV4_SRC, rte_flow_action_set_ipv4, at("ipv4_addr", kIpv4)),
      ACTION(set_ipv4_dst, SET_IPV4_DST, rte_flow_action_set_ipv4, at("ipv4_addr", kIpv4)),
      ACTION(set_ipv6_src, SET_IPV6_SRC, rte_flow_action_set_ipv6, at("ipv6_addr", kIpv6)),
      ACTION(set_ipv6_dst, SET_IPV6_DST, rte_flow_action_set_ipv6, at("ipv6_addr", kIpv6)),
      ACTION(set_ipv4_dscp, SET_IPV4_DSCP, rte_flow_action_set_dscp, host("dscp_value", 0, 1, 0, 6)),
      ACTION(set_ipv6_dscp, SET_IPV6_DSCP, rte_flow_action_set_dscp, host("dscp_value", 0, 1, 0, 6)),
      ACTION(set_tp_src, SET_TP_SRC, rte_flow_action_set_tp, be("port", 0, 2)),
      ACTION(set_tp_dst, SET_TP_DST, rte_flow_action_set_tp, be("port", 0, 2)),
      ACTION(set_ttl, SET_TTL, rte_flow_action_set_ttl, host("ttl_value", 0, 1)),
      BARE(dec_ttl, DEC_TTL),
      BARE(of_pop_vlan, OF_POP_VLAN),
      ACTION(of_push_vlan, OF_PUSH_VLAN, rte_flow_action_of_push_vlan, be("ethertype", 0, 2)),
      ACTION(of_set_vlan_vid, OF_SET_VLAN_VID, rte_flow_action_of_set_vlan_vid, be("vlan_vid", 0, 2, 0, 12)),
      ACTION(of_set_vlan_pcp, OF_SET_VLAN_PCP, rte_flow_action_of_set_vlan_pcp, host("vlan_pcp", 0, 1, 0, 3)),
      ACTION(raw_encap, RAW_ENCAP, rte_flow_action_raw_encap, at("data", FieldKind::hex)),
      ACTION(raw_decap, RAW_DECAP, rte_flow_action_raw_decap, at("data", FieldKind::hex)),
      ACTION(vxlan_encap, VXLAN_ENCAP, rte_flow_action_vxlan_encap, at("definition", FieldKind::items)),
      BARE(vxlan_decap, VXLAN_DECAP),
      {"conntrack", RTE_FLOW_ACTION_TYPE_CONNTRACK, sizeof(rte_flow_action_conntrack), conntrack_fields()},
      {"indirect", RTE_FLOW_ACTION_TYPE_INDIRECT, 0, {host("id", 0, 4), host("reply", 0, 1, 0, 1)}},
      ACTION(sample, SAMPLE, rte_flow_action_sample, host("ratio", 0, 4), at("actions", FieldKind::actions)),
  };
}

#define MODIFIABLE(name, NAME, bits) {#name, RTE_FLOW_FIELD_##NAME, bits, false}
#define REGISTER(name, NAME) {#name, RTE_FLOW_FIELD_##NAME, 32, true}

std::vector<ModifiableKind> make_modifiable() {
  return {
      MODIFIABLE(mac_dst, MAC_DST, 48), MODIFIABLE(mac_src, MAC_SRC, 48), MODIFIABLE(vlan_type, VLAN_TYPE, 16),
      MODIFIABLE(vlan_id, VLAN_ID, 12), MODIFIABLE(mac_type, MAC_TYPE, 16), MODIFIABLE(ipv4_dscp, IPV4_DSCP, 6),
      MODIFIABLE(ipv4_ttl, IPV4_TTL, 8), MODIFIABLE(ipv4_src, IPV4_SRC, 32), MODIFIABLE(ipv4_dst, IPV4_DST, 32),
      MODIFIABLE(ipv6_dscp, IPV6_DSCP, 6), MODIFIABLE(ipv6_hoplimit, IPV6_HOPLIMIT, 8),
      MODIFIABLE(ipv6_src, IPV6_SRC, 128), MODIFIABLE(ipv6_dst, IPV6_DST, 128),
      MODIFIABLE(tcp_port_src, TCP_PORT_SRC, 16), MODIFIABLE(tcp_port_dst, TCP_PORT_DST, 16),
      MODIFIABLE(tcp_seq_num, TCP_SEQ_NUM, 32), MODIFIABLE(tcp_ack_num, TCP_ACK_NUM, 32),
      MODIFIABLE(tcp_flags, TCP_FLAGS, 9), MODIFIABLE(udp_port_src, UDP_PORT_SRC, 16),
      MODIFIABLE(udp_port_dst, UDP_PORT_DST, 16), MODIFIABLE(vxlan_vni, VXLAN_VNI, 24),
      MODIFIABLE(geneve_vni, GENEVE_VNI, 24), REGISTER(tag, TAG), REGISTER(mark, MARK), REGISTER(meta, META),
      MODIFIABLE(ipv4_ecn, IPV4_ECN, 2), MODIFIABLE(ipv6_ecn, IPV6_ECN, 2),
  };
}

template <typename Kind>
struct Index {
  std::unordered_map<std::string_view, const Kind *> names;
  std::unordered_map<int, const Kind *> numbers;

  template <typename Number>
  Index(const std::vector<Kind> &kinds, Number number) {
    for (const auto &kind : kinds) {
      names[kind.name] = &kind;
      numbers[number(kind)] = &kind;
    }
  }
  const Kind *find(std::string_view name) const {
    const auto found = names.find(name);
    return found == names.end() ? nullptr : found->second;
  }
  const Kind *find(int number) const {
    const auto found = numbers.find(number);
    return found == numbers.end() ? nullptr : found->second;
  }
};

const Index<ItemKind> &items_by() {
  static const Index<ItemKind> index(item_kinds(), [](const ItemKind &kind) { return kind.type; });
  return index;
}

const Index<ActionKind> &actions_by() {
  static const Index<ActionKind> index(action_kinds(), [](const ActionKind &kind) { return kind.type; });
  return index;
}

const Index<ModifiableKind> &modifiable_by() {
  static const Index<ModifiableKind> index(modifiable_kinds(), [](const ModifiableKind &kind) { return kind.id; });
  return index;
}

uint64_t mask_of(unsigned int bits) { return bits >= 64 ? ~0ULL : (1ULL << bits) - 1; }

const uint8_t *bytes_at(const Field &field, const void *structure) {
  return static_cast<const uint8_t *>(structure) + field.offset;
}

uint64_t read_integer(const Field &field, const uint8_t *bytes) {
  uint64_t value = 0;
  for (unsigned int i = 0; i < field.bytes; i++) {
    const unsigned int shift = 8 * (field.big_endian ? field.bytes - 1 - i : i);
    value |= static_cast<uint64_t>(bytes[i]) << shift;
  }
  return value;
}

}  // namespace

const char *name_of(FieldKind kind) {
  static const char *const names[] = {"number", "mac", "ipv4", "ipv6", "hex", "port", "word", "items", "actions"};
  return names[static_cast<size_t>(kind)];
}

const std::vector<ItemKind> &item_kinds() {
  static const std::vector<ItemKind> kinds = make_items();
  return kinds;
}

const std::vector<ActionKind> &action_kinds() {
  static const std::vector<ActionKind> kinds = make_actions();
  return kinds;
}

const std::vector<ModifiableKind> &modifiable_kinds() {
  static const std::vector<ModifiableKind> kinds = make_modifiable();
  return kinds;
}

const ItemKind *find_item(std::string_view name) { return items_by().find(name); }
const ItemKind *find_item(rte_flow_item_type type) { return items_by().find(type); }
const ActionKind *find_action(std::string_view name) { return actions_by().find(name); }
const ActionKind *find_action(rte_flow_action_type type) { return actions_by().find(type); }
const ModifiableKind *find_modifiable(std::string_view name) { return modifiable_by().find(name); }
const ModifiableKind *find_modifiable(rte_flow_field_id id) { return modifiable_by().find(id); }

uint64_t read_number(const Field &field, const void *structure) {
  return read_integer(field, bytes_at(field, structure)) >> field.shift & mask_of(field.bits);
}

void write_number(const Field &field, void *structure, uint64_t value) {
  auto *bytes = static_cast<uint8_t *>(structure) + field.offset;
  const uint64_t mask = mask_of(field.bits) << field.shift;
  const uint64_t whole = (read_integer(field, bytes) & ~mask) | (value << field.shift & mask);
  for (unsigned int i = 0; i < field.bytes; i++) {
    bytes[i] = static_cast<uint8_t>(whole >> 8 * (field.big_endian ? field.bytes - 1 - i : i));
  }
}

size_t bytes_in(FieldKind kind) {
  switch (kind) {
    case FieldKind::mac: return 6;
    case FieldKind::ipv4: return 4;
    case FieldKind::ipv6: return 16;
    default: return 0;
  }
}

bool is_zero(const Field &field, const void *structure) { return count_bits(field, structure) == 0; }

bool is_full(const Field &field, const void *structure) {
  const size_t bytes = bytes_in(field.kind);
  return count_bits(field, structure) == (bytes > 0 ? bytes * 8 : field.bits);
}

void fill(const Field &field, void *structure) {
  const size_t bytes = bytes_in(field.kind);
  if (bytes > 0) std::memset(static_cast<uint8_t *>(structure) + field.offset, 0xff, bytes);
  else write_number(field, structure, ~0ULL);
}

unsigned int count_bits(const Field &field, const void *structure) {
  const size_t bytes = bytes_in(field.kind);
  if (bytes == 0) return static_cast<unsigned int>(__builtin_popcountll(read_number(field, structure)));
  unsigned int bits = 0;
  for (size_t i = 0; i < bytes; i++) bits += static_cast<unsigned int>(__builtin_popcount(bytes_at(field, structure)[i]));
  return bits;
}

}  // namespace lflow
