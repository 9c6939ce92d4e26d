// A packet in the emulated device: its frame, the headers in it, and what the pipeline knows of it.
#pragma once

#include <rte_flow.h>

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace lflow {

enum class Header : uint8_t { eth, vlan, ipv4, ipv6, ipv6_frag, tcp, udp, sctp, icmp, icmp6, arp, geneve, vxlan };

// A header in a frame.
struct Layer {
  Header header;
  uint8_t level;    // 1 outside, 2 inside a tunnel, and so on
  uint16_t offset;  // of its first byte; of vlan, the tag's
  uint16_t size;
};

// The headers of a frame, as far as they are whole and make sense.  Behind a fragment's IP header there are none.
std::vector<Layer> parse_layers(const std::vector<uint8_t> &frame);

struct Packet {
  std::vector<uint8_t> frame;
  uint16_t in_port = 0;
  bool from_software = false;
  std::array<uint32_t, 256> tags{};
  uint32_t meta = 0;
  uint32_t mark = 0;
  uint32_t conntrack = 0;  // bits of RTE_FLOW_CONNTRACK_PKT_STATE_*
  std::vector<Layer> layers;

  void parse() { layers = parse_layers(frame); }
  const Layer *find(Header header, unsigned int level = 1) const;
};

using Wide = unsigned __int128;

// The value of a field; nothing where the packet has not got it.  `level` is the index of a tag.
std::optional<Wide> read_field(const Packet &packet, rte_flow_field_id field, unsigned int level);
// Writes it, and what follows from it in checksums.  Nothing happens where the packet has not got the field.
void write_field(Packet &packet, rte_flow_field_id field, unsigned int level, Wide value);

void push_vlan(Packet &packet, uint16_t type);
void pop_vlan(Packet &packet);
// Priority (3 bits) of the outermost tag.
void set_vlan_priority(Packet &packet, uint8_t priority);

// Puts bytes before the frame; lengths and the IPv4 checksum in them are set.
void encapsulate(Packet &packet, const uint8_t *data, size_t size);
// Removes the outermost tunnel; where there is none, as many bytes as `size`.
void decapsulate(Packet &packet, size_t size);

uint16_t get16(const uint8_t *bytes);
uint32_t get32(const uint8_t *bytes);
void put16(uint8_t *bytes, uint16_t value);

}  // namespace lflow
