#include "translate.h"

#include <arpa/inet.h>
#include <endian.h>

#include <cstring>

#include "../device.h"
#include "../emulated/packet.h"

namespace lflow {

namespace {

constexpr uint32_t kTags = sizeof(doca_flow_meta::u32) / sizeof(uint32_t);

// A VNI stands in the upper 24 bits.
uint32_t vni_of(const uint8_t *bytes) { return htobe32(static_cast<uint32_t>(bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8)); }

template <typename T>
const T *as(const void *structure) {
  return static_cast<const T *>(structure);
}

// Fills one side of a match, the values or the mask, from one side of the items.  The kinds of headers, which select
// members of unions, are the same on both sides.
class Side {
 public:
  Side(doca_flow_match &to, bool mask) : to_(to), format_(&to.outer), mask_(mask) {}

  // False where DOCA has no place for the item.
  bool add(const rte_flow_item &item, const void *from) {
    switch (item.type) {
      case RTE_FLOW_ITEM_TYPE_ETH: return eth(as<rte_flow_item_eth>(from));
      case RTE_FLOW_ITEM_TYPE_VLAN: return vlan(as<rte_flow_item_vlan>(from));
      case RTE_FLOW_ITEM_TYPE_IPV4: return ipv4(as<rte_flow_item_ipv4>(from));
      case RTE_FLOW_ITEM_TYPE_IPV6: return ipv6(as<rte_flow_item_ipv6>(from));
      case RTE_FLOW_ITEM_TYPE_TCP: return tcp(as<rte_flow_item_tcp>(from));
      case RTE_FLOW_ITEM_TYPE_UDP: return udp(as<rte_flow_item_udp>(from));
      case RTE_FLOW_ITEM_TYPE_ICMP: return icmp(as<rte_flow_item_icmp>(from));
      case RTE_FLOW_ITEM_TYPE_ICMP6: return icmp6(as<rte_flow_item_icmp6>(from));
      case RTE_FLOW_ITEM_TYPE_GENEVE: return geneve(as<rte_flow_item_geneve>(from));
      case RTE_FLOW_ITEM_TYPE_VXLAN: return vxlan(as<rte_flow_item_vxlan>(from));
      case RTE_FLOW_ITEM_TYPE_META:
        if (from != nullptr) to_.meta.pkt_meta = htobe32(as<rte_flow_item_meta>(from)->data);
        return true;
      case RTE_FLOW_ITEM_TYPE_TAG: {
        const uint8_t index = item.spec == nullptr ? 0 : as<rte_flow_item_tag>(item.spec)->index;
        if (index >= kTags) return false;
        if (from != nullptr) to_.meta.u32[index] = htobe32(as<rte_flow_item_tag>(from)->data);
        return true;
      }
      case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
        if (from != nullptr) to_.parser_meta.port_id = as<rte_flow_item_ethdev>(from)->port_id;
        return true;
      default: return false;
    }
  }

 private:
  bool eth(const rte_flow_item_eth *from) {
    tags_ = 0;
    if (from == nullptr) return true;
    std::memcpy(format_->eth.dst_mac, &from->dst, 6);
    std::memcpy(format_->eth.src_mac, &from->src, 6);
    format_->eth.type = from->type;
    // That there is no tag cannot be said here; that there is one, by the item vlan.
    return !(mask_ && from->has_vlan);
  }

  bool vlan(const rte_flow_item_vlan *from) {
    if (tags_ >= 2) return false;
    format_->l2_valid_headers |= tags_ == 0 ? DOCA_FLOW_L2_VALID_HEADER_VLAN_0 : DOCA_FLOW_L2_VALID_HEADER_VLAN_1;
    if (from != nullptr) format_->eth_vlan[tags_].tci = from->tci;
    tags_++;
    return from == nullptr || !(mask_ && (from->has_more_vlan || from->inner_type != 0));
  }

  bool ipv4(const rte_flow_item_ipv4 *from) {
    format_->l3_type = DOCA_FLOW_L3_TYPE_IP4;
    if (from == nullptr) return true;
    format_->ip4.src_ip = from->hdr.src_addr;
    format_->ip4.dst_ip = from->hdr.dst_addr;
    format_->ip4.dscp_ecn = from->hdr.type_of_service;
    format_->ip4.next_proto = from->hdr.next_proto_id;
    format_->ip4.ttl = from->hdr.time_to_live;
    // Whether it is a fragment, which is all that is told: the mask is that of the flag and the offset, the value none.
    const uint16_t fragment = be16toh(from->hdr.fragment_offset) & 0x3fff;
    if (fragment == 0) return true;
    if (!mask_ || fragment != 0x3fff || format_ != &to_.outer) return false;
    to_.parser_meta.outer_ip_fragmented = 0xff;
    return true;
  }

  bool ipv6(const rte_flow_item_ipv6 *from) {
    format_->l3_type = DOCA_FLOW_L3_TYPE_IP6;
    if (from == nullptr) return true;
    std::memcpy(format_->ip6.src_ip, &from->hdr.src_addr, 16);
    std::memcpy(format_->ip6.dst_ip, &from->hdr.dst_addr, 16);
    format_->ip6.traffic_class = static_cast<uint8_t>(be32toh(from->hdr.vtc_flow) >> 20);
    format_->ip6.next_proto = from->hdr.proto;
    format_->ip6.hop_limit = from->hdr.hop_limits;
    if (mask_ && (be32toh(from->hdr.vtc_flow) & 0xfffff) != 0) return false;
    if (!from->has_frag_ext) return true;
    if (format_ != &to_.outer) return false;
    to_.parser_meta.outer_ip_fragmented = mask_ ? 0xff : 1;
    return true;
  }

  bool tcp(const rte_flow_item_tcp *from) {
    format_->l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TCP;
    if (from == nullptr) return true;
    format_->tcp.l4_port = {from->hdr.src_port, from->hdr.dst_port};
    format_->tcp.flags = from->hdr.tcp_flags;
    return true;
  }

  bool udp(const rte_flow_item_udp *from) {
    format_->l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
    if (from != nullptr) format_->udp.l4_port = {from->hdr.src_port, from->hdr.dst_port};
    return true;
  }

  bool icmp(const rte_flow_item_icmp *from) {
    format_->l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_ICMP;
    if (from == nullptr) return true;
    format_->icmp = {from->hdr.icmp_type, from->hdr.icmp_code, from->hdr.icmp_ident};
    return !(mask_ && from->hdr.icmp_seq_nb != 0);
  }

  bool icmp6(const rte_flow_item_icmp6 *from) {
    format_->l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_ICMP6;
    if (from != nullptr) format_->icmp.type = from->type, format_->icmp.code = from->code;
    return true;
  }

  bool geneve(const rte_flow_item_geneve *from) {
    to_.tun.type = DOCA_FLOW_TUN_GENEVE;
    format_ = &to_.inner;
    if (from == nullptr) return true;
    to_.tun.geneve.vni = vni_of(from->vni);
    to_.tun.geneve.next_proto = from->protocol;
    return !(mask_ && from->ver_opt_len_o_c_rsvd0 != 0);
  }

  bool vxlan(const rte_flow_item_vxlan *from) {
    to_.tun.type = DOCA_FLOW_TUN_VXLAN;
    format_ = &to_.inner;
    if (from != nullptr) to_.tun.vxlan_tun_id = vni_of(from->vni);
    return true;
  }

  doca_flow_match &to_;
  doca_flow_header_format *format_;
  bool mask_;
  unsigned int tags_ = 0;
};

// Where an action writes a field: its place on both sides, how long it is, and what ADD calls it.
struct Target {
  void *value;
  void *mask;
  size_t bytes;
  const char *name;
};

std::optional<Target> target_of(DocaEntry &entry, const rte_flow_action_modify_data &dst) {
  auto &to = entry.actions.outer;
  auto &mask = entry.actions_mask.outer;
  const auto three = [&to, &mask](doca_flow_l3_type type) { to.l3_type = mask.l3_type = type; };
  const auto four = [&to, &mask](doca_flow_l4_type_ext type) { to.l4_type_ext = mask.l4_type_ext = type; };
#define TARGET(member, name) Target{&to.member, &mask.member, sizeof to.member, name}
  if (dst.field == RTE_FLOW_FIELD_TAG && dst.level < kTags) {
    return Target{&entry.actions.meta.u32[dst.level], &entry.actions_mask.meta.u32[dst.level], 4, "meta.data"};
  }
  if (dst.field == RTE_FLOW_FIELD_META) return Target{&entry.actions.meta.pkt_meta, &entry.actions_mask.meta.pkt_meta, 4, "meta.data"};
  if (dst.level > 1) return std::nullopt;
  switch (dst.field) {
    case RTE_FLOW_FIELD_MAC_DST: return TARGET(eth.dst_mac, "outer.eth.dst_mac");
    case RTE_FLOW_FIELD_MAC_SRC: return TARGET(eth.src_mac, "outer.eth.src_mac");
    case RTE_FLOW_FIELD_MAC_TYPE: return TARGET(eth.type, "outer.eth.type");
    case RTE_FLOW_FIELD_IPV4_TTL: three(DOCA_FLOW_L3_TYPE_IP4); return TARGET(ip4.ttl, "outer.ipv4.ttl");
    case RTE_FLOW_FIELD_IPV4_SRC: three(DOCA_FLOW_L3_TYPE_IP4); return TARGET(ip4.src_ip, "outer.ipv4.src_ip");
    case RTE_FLOW_FIELD_IPV4_DST: three(DOCA_FLOW_L3_TYPE_IP4); return TARGET(ip4.dst_ip, "outer.ipv4.dst_ip");
    case RTE_FLOW_FIELD_IPV6_HOPLIMIT: three(DOCA_FLOW_L3_TYPE_IP6); return TARGET(ip6.hop_limit, "outer.ipv6.hop_limit");
    case RTE_FLOW_FIELD_IPV6_SRC: three(DOCA_FLOW_L3_TYPE_IP6); return TARGET(ip6.src_ip, "outer.ipv6.src_ip");
    case RTE_FLOW_FIELD_IPV6_DST: three(DOCA_FLOW_L3_TYPE_IP6); return TARGET(ip6.dst_ip, "outer.ipv6.dst_ip");
    case RTE_FLOW_FIELD_TCP_PORT_SRC: four(DOCA_FLOW_L4_TYPE_EXT_TCP); return TARGET(tcp.l4_port.src_port, "outer.tcp.src_port");
    case RTE_FLOW_FIELD_TCP_PORT_DST: four(DOCA_FLOW_L4_TYPE_EXT_TCP); return TARGET(tcp.l4_port.dst_port, "outer.tcp.dst_port");
    case RTE_FLOW_FIELD_UDP_PORT_SRC: four(DOCA_FLOW_L4_TYPE_EXT_UDP); return TARGET(udp.l4_port.src_port, "outer.udp.src_port");
    case RTE_FLOW_FIELD_UDP_PORT_DST: four(DOCA_FLOW_L4_TYPE_EXT_UDP); return TARGET(udp.l4_port.dst_port, "outer.udp.dst_port");
    default: return std::nullopt;
  }
#undef TARGET
}

const char *modify(const rte_flow_action_modify_field &conf, DocaEntry &entry) {
  if (conf.src.field != RTE_FLOW_FIELD_VALUE) return "a field is not copied to another: give a value";
  const auto target = target_of(entry, conf.dst);
  if (!target) return "DOCA Flow's actions have no place for this field";
  const bool host = conf.dst.field == RTE_FLOW_FIELD_TAG || conf.dst.field == RTE_FLOW_FIELD_META;
  auto *value = static_cast<uint8_t *>(target->value);
  auto *mask = static_cast<uint8_t *>(target->mask);
  for (unsigned int bit = conf.dst.offset; bit < conf.dst.offset + conf.width; bit++) {
    // Bit 0 is in the last byte, and in the first of a register's value.
    const size_t last = target->bytes - 1 - bit / 8;
    const uint8_t one = static_cast<uint8_t>(1U << bit % 8);
    const uint8_t from = conf.src.value[host ? bit / 8 : last];
    value[last] = static_cast<uint8_t>((value[last] & ~one) | (from & one));
    mask[last] |= one;
  }
  if (conf.operation == RTE_FLOW_MODIFY_SET) return nullptr;
  if (conf.operation == RTE_FLOW_MODIFY_SUB) return "DOCA Flow adds; to subtract, add the complement";
  doca_flow_action_desc desc{};
  desc.type = DOCA_FLOW_ACTION_ADD;
  desc.field_op.dst = {target->name, conf.dst.offset};
  desc.field_op.width = conf.width;
  entry.descs.push_back(desc);
  return nullptr;
}

// A tunnel's headers, as bytes, in the structures that DOCA makes them of.
const char *encapsulate(const rte_flow_action_raw_encap &raw, DocaEntry &entry) {
  const std::vector<uint8_t> frame(raw.data, raw.data + raw.size);
  auto &to = entry.actions.encap_cfg.encap;
  size_t end = 0;
  for (const Layer &layer : parse_layers(frame)) {
    const uint8_t *at = frame.data() + layer.offset;
    end = size_t{layer.offset} + layer.size;
    switch (layer.header) {
      case Header::eth:
        std::memcpy(to.outer.eth.dst_mac, at, 6);
        std::memcpy(to.outer.eth.src_mac, at + 6, 6);
        std::memcpy(&to.outer.eth.type, at + 12, 2);
        break;
      case Header::vlan:
        to.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0;
        std::memcpy(&to.outer.eth_vlan[0].tci, at, 2);
        break;
      case Header::ipv4:
        to.outer.l3_type = DOCA_FLOW_L3_TYPE_IP4;
        std::memcpy(&to.outer.ip4.src_ip, at + 12, 4);
        std::memcpy(&to.outer.ip4.dst_ip, at + 16, 4);
        to.outer.ip4.ttl = at[8];
        to.outer.ip4.dscp_ecn = at[1];
        break;
      case Header::ipv6:
        to.outer.l3_type = DOCA_FLOW_L3_TYPE_IP6;
        std::memcpy(to.outer.ip6.src_ip, at + 8, 16);
        std::memcpy(to.outer.ip6.dst_ip, at + 24, 16);
        to.outer.ip6.hop_limit = at[7];
        break;
      case Header::udp:
        to.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP;
        std::memcpy(&to.outer.udp.l4_port, at, 4);
        break;
      case Header::vxlan:
        to.tun.type = DOCA_FLOW_TUN_VXLAN;
        to.tun.vxlan_tun_id = vni_of(at + 4);
        break;
      case Header::geneve:
        if (layer.size > 8) return "options of Geneve need a parser that is set up when the port starts, which is not done";
        to.tun.type = DOCA_FLOW_TUN_GENEVE;
        to.tun.geneve.vni = vni_of(at + 4);
        std::memcpy(&to.tun.geneve.next_proto, at + 2, 2);
        break;
      default: return "this is not Ethernet, IP, UDP and VXLAN or Geneve";
    }
  }
  if (to.tun.type == DOCA_FLOW_TUN_NONE || end != frame.size()) return "this is not Ethernet, IP, UDP and VXLAN or Geneve";
  entry.actions.encap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
  entry.actions.encap_cfg.is_l2 = true;
  return nullptr;
}

// Null, or why the action cannot be said.
const char *act(const rte_flow_action &action, DocaEntry &entry) {
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_COUNT: entry.monitor.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED; return nullptr;
    case RTE_FLOW_ACTION_TYPE_AGE:
      entry.monitor.aging_enabled = true;
      entry.monitor.aging_sec = as<rte_flow_action_age>(action.conf)->timeout;
      return nullptr;
    case RTE_FLOW_ACTION_TYPE_JUMP:
      entry.fwd.type = DOCA_FLOW_FWD_PIPE;
      entry.jump = as<rte_flow_action_jump>(action.conf)->group;
      return nullptr;
    case RTE_FLOW_ACTION_TYPE_DROP: entry.fwd.type = DOCA_FLOW_FWD_DROP; return nullptr;
    case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
      entry.fwd.type = DOCA_FLOW_FWD_PORT;
      entry.fwd.port_id = as<rte_flow_action_ethdev>(action.conf)->port_id;
      return nullptr;
    case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
      entry.fwd.type = DOCA_FLOW_FWD_TARGET;
      entry.software = true;
      return nullptr;
    default: break;
  }
  entry.changes = true;
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD: return modify(*as<rte_flow_action_modify_field>(action.conf), entry);
    case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN: entry.actions.pop_vlan = true; return nullptr;
    case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
    case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
      entry.actions.decap_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED;
      entry.actions.decap_cfg.is_l2 = true;
      return nullptr;
    case RTE_FLOW_ACTION_TYPE_RAW_ENCAP: return encapsulate(*as<rte_flow_action_raw_encap>(action.conf), entry);
    default: return "control pipes have no such action here";
  }
}

}  // namespace

bool translate(const FlowRule &rule, DocaEntry &entry, rte_flow_error &error) {
  if (!rule.attr.transfer) return refuse(error, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, &rule.attr, "only rules of the switch (transfer) are taken");
  Side values(entry.match, false);
  Side masks(entry.mask, true);
  for (const auto &item : rule.items) {
    if (item.type == RTE_FLOW_ITEM_TYPE_END) break;
    if (item.last != nullptr) return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM_LAST, &item, "DOCA Flow's control pipes have no ranges");
    if (values.add(item, item.spec) && masks.add(item, item.mask)) continue;
    return refuse(error, RTE_FLOW_ERROR_TYPE_ITEM, &item, "DOCA Flow's match has no place for this item, or for a field of it");
  }
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_END) break;
    if (const char *why = act(action, entry)) return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, &action, why);
  }
  if (entry.fwd.type != DOCA_FLOW_FWD_NONE) return true;
  return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_NUM, rule.actions.data(), "no action ends the packet's way: jump, drop or a port is missing");
}

}  // namespace lflow
