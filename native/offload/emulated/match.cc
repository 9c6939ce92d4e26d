#include "match.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "../fields.h"

namespace lflow {

namespace {

constexpr size_t kLargestItem = 64;

// The header that an item is about; nothing for what is known besides the frame.
std::optional<Header> header_of(rte_flow_item_type type) {
  switch (type) {
    case RTE_FLOW_ITEM_TYPE_ETH: return Header::eth;
    case RTE_FLOW_ITEM_TYPE_VLAN: return Header::vlan;
    case RTE_FLOW_ITEM_TYPE_IPV4: return Header::ipv4;
    case RTE_FLOW_ITEM_TYPE_IPV6: return Header::ipv6;
    case RTE_FLOW_ITEM_TYPE_IPV6_FRAG_EXT: return Header::ipv6_frag;
    case RTE_FLOW_ITEM_TYPE_TCP: return Header::tcp;
    case RTE_FLOW_ITEM_TYPE_UDP: return Header::udp;
    case RTE_FLOW_ITEM_TYPE_SCTP: return Header::sctp;
    case RTE_FLOW_ITEM_TYPE_ICMP: return Header::icmp;
    case RTE_FLOW_ITEM_TYPE_ICMP6:
    case RTE_FLOW_ITEM_TYPE_ICMP6_ND_NS:
    case RTE_FLOW_ITEM_TYPE_ICMP6_ND_NA: return Header::icmp6;
    case RTE_FLOW_ITEM_TYPE_ARP_ETH_IPV4: return Header::arp;
    case RTE_FLOW_ITEM_TYPE_GENEVE: return Header::geneve;
    case RTE_FLOW_ITEM_TYPE_VXLAN: return Header::vxlan;
    default: return std::nullopt;
  }
}

// Whether a structure has what an item asks of it, field by field.
bool fits(const rte_flow_item &item, const void *actual) {
  const ItemKind *kind = find_item(item.type);
  if (kind == nullptr) return false;
  if (item.spec == nullptr) return true;
  for (const Field &field : kind->fields) {
    const size_t bytes = bytes_in(field.kind);
    const auto byte = [&field](const void *from, size_t i) { return static_cast<const uint8_t *>(from)[field.offset + i]; };
    if (bytes > 0) {
      const bool range = item.last != nullptr && !is_zero(field, item.last);
      int above = 0;  // of spec, and below of last: the first byte that differs decides
      int below = 0;
      for (size_t i = 0; i < bytes; i++) {
        const uint8_t mask = item.mask == nullptr ? 0xff : byte(item.mask, i);
        const int is = byte(actual, i) & mask;
        if (above == 0) above = is - (byte(item.spec, i) & mask);
        if (range && below == 0) below = (byte(item.last, i) & mask) - is;
      }
      if (range ? above < 0 || below < 0 : above != 0) return false;
    } else if (field.kind == FieldKind::number || field.kind == FieldKind::port) {
      const uint64_t mask = item.mask == nullptr ? ~0ULL : read_number(field, item.mask);
      const uint64_t is = read_number(field, actual) & mask;
      const uint64_t low = read_number(field, item.spec) & mask;
      const uint64_t high = item.last == nullptr || is_zero(field, item.last) ? low : read_number(field, item.last) & mask;
      if (is < low || is > high) return false;
    }
  }
  return true;
}

// What a packet has in the place of an item that is about no header.
bool fits_state(const rte_flow_item &item, const Packet &packet) {
  switch (item.type) {
    case RTE_FLOW_ITEM_TYPE_VOID: return true;
    case RTE_FLOW_ITEM_TYPE_TAG: {
      rte_flow_item_tag tag{};
      if (item.spec != nullptr) tag.index = static_cast<const rte_flow_item_tag *>(item.spec)->index;
      tag.data = packet.tags[tag.index];
      return fits(item, &tag);
    }
    case RTE_FLOW_ITEM_TYPE_META: {
      const rte_flow_item_meta meta{packet.meta};
      return fits(item, &meta);
    }
    case RTE_FLOW_ITEM_TYPE_MARK: {
      const rte_flow_item_mark mark{packet.mark};
      return fits(item, &mark);
    }
    case RTE_FLOW_ITEM_TYPE_CONNTRACK: {
      const rte_flow_item_conntrack conntrack{packet.conntrack};
      return fits(item, &conntrack);
    }
    case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
    case RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR: {
      const rte_flow_item_ethdev port{packet.in_port};
      return packet.from_software == (item.type == RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR) && fits(item, &port);
    }
    default: return false;
  }
}

class Matcher {
 public:
  Matcher(const rte_flow_item *pattern, const Packet &packet) : item_(pattern), packet_(packet) {}

  bool whole() {
    for (; item_->type != RTE_FLOW_ITEM_TYPE_END; item_++) {
      if (item_->type == RTE_FLOW_ITEM_TYPE_GENEVE_OPT) {
        if (!option()) return false;
      } else if (const auto header = header_of(item_->type)) {
        if (!layer(*header)) return false;
      } else if (!fits_state(*item_, packet_)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool layer(Header header) {
    const auto &layers = packet_.layers;
    const bool first = next_ == 0;
    while (next_ < layers.size() && layers[next_].header != header) {
      const Header passed = layers[next_].header;
      if (passed != Header::vlan && !(first && passed == Header::eth)) return false;
      if (first && header != Header::ipv4 && header != Header::ipv6 && header != Header::eth) return false;
      next_++;
    }
    if (next_ >= layers.size()) return false;
    alignas(8) uint8_t actual[kLargestItem] = {};
    const Layer &found = layers[next_++];
    const uint8_t type = packet_.frame[found.offset];
    if (item_->type == RTE_FLOW_ITEM_TYPE_ICMP6_ND_NS && type != 135) return false;
    if (item_->type == RTE_FLOW_ITEM_TYPE_ICMP6_ND_NA && type != 136) return false;
    fill(found, actual);
    return fits(*item_, actual);
  }

  // The item's structure as the header says it.
  void fill(const Layer &found, uint8_t *actual) const {
    const uint8_t *at = packet_.frame.data() + found.offset;
    const size_t most = packet_.frame.size() - found.offset;
    switch (found.header) {
      case Header::eth: {
        auto *eth = reinterpret_cast<rte_flow_item_eth *>(actual);
        std::memcpy(actual, at, 14);
        const Layer *behind = &found;
        while (behind + 1 < packet_.layers.data() + packet_.layers.size() && behind[1].header == Header::vlan) behind++;
        eth->has_vlan = behind != &found;
        // Unless an item asks for the tag, the type is that of the payload.
        if (item_[1].type != RTE_FLOW_ITEM_TYPE_VLAN) {
          std::memcpy(&eth->type, packet_.frame.data() + behind->offset + behind->size - 2, 2);
        }
        break;
      }
      case Header::vlan: {
        std::memcpy(actual, at, 4);
        reinterpret_cast<rte_flow_item_vlan *>(actual)->has_more_vlan =
            next_ < packet_.layers.size() && packet_.layers[next_].header == Header::vlan;
        break;
      }
      case Header::ipv6:
        std::memcpy(actual, at, 40);
        reinterpret_cast<rte_flow_item_ipv6 *>(actual)->has_frag_ext =
            next_ < packet_.layers.size() && packet_.layers[next_].header == Header::ipv6_frag;
        break;
      case Header::arp: {
        auto *arp = reinterpret_cast<rte_flow_item_arp_eth_ipv4 *>(actual);
        std::memcpy(arp, at, 8);
        std::memcpy(&arp->sha, at + 8, 6);
        std::memcpy(&arp->spa, at + 14, 4);
        std::memcpy(&arp->tha, at + 18, 6);
        std::memcpy(&arp->tpa, at + 24, 4);
        break;
      }
      case Header::icmp6:
        // Neighbour discovery has its target behind these eight bytes.
        std::memcpy(actual, at, std::min<size_t>(24, most));
        break;
      default: {
        const ItemKind *kind = find_item(item_->type);
        std::memcpy(actual, at, std::min({kind->size, static_cast<size_t>(found.size), kLargestItem}));
      }
    }
  }

  // Any option of the last geneve header may be the one.
  bool option() const {
    const Layer *geneve = nullptr;
    for (size_t i = 0; i < next_; i++) {
      if (packet_.layers[i].header == Header::geneve) geneve = &packet_.layers[i];
    }
    if (geneve == nullptr) return false;
    const uint8_t *at = packet_.frame.data() + geneve->offset + 8;
    const uint8_t *const end = packet_.frame.data() + geneve->offset + geneve->size;
    while (at + 4 <= end) {
      const size_t words = at[3] & 31;
      if (at + 4 + words * 4 > end) return false;
      if (fits_option(at, words)) return true;
      at += 4 + words * 4;
    }
    return false;
  }

  bool fits_option(const uint8_t *at, size_t words) const {
    alignas(8) uint8_t actual[sizeof(rte_flow_item_geneve_opt)] = {};
    std::memcpy(actual, at, 3);
    actual[3] = static_cast<uint8_t>(words);
    if (!fits(*item_, actual)) return false;
    const auto *spec = static_cast<const rte_flow_item_geneve_opt *>(item_->spec);
    const auto *mask = static_cast<const rte_flow_item_geneve_opt *>(item_->mask);
    if (spec == nullptr || spec->data == nullptr || mask == nullptr || mask->data == nullptr) return true;
    if (words < spec->option_len) return false;
    const auto *value = reinterpret_cast<const uint8_t *>(spec->data);
    const auto *bits = reinterpret_cast<const uint8_t *>(mask->data);
    for (size_t i = 0; i < spec->option_len * 4U; i++) {
      if (((at[4 + i] ^ value[i]) & bits[i]) != 0) return false;
    }
    return true;
  }

  const rte_flow_item *item_;
  const Packet &packet_;
  size_t next_ = 0;
};

}  // namespace

bool matches(const rte_flow_item *pattern, const Packet &packet) { return Matcher(pattern, packet).whole(); }

}  // namespace lflow
