#include "packet.h"

#include <algorithm>
#include <cstring>

namespace lflow {

namespace {

constexpr uint16_t kGenevePort = 6081;
constexpr uint16_t kVxlanPort = 4789;
constexpr unsigned int kLevels = 4;

bool is_vlan(uint16_t type) { return type == 0x8100 || type == 0x88a8 || type == 0x9100; }

// Goes through a frame and notes the headers.
class Walker {
 public:
  explicit Walker(const std::vector<uint8_t> &frame) : frame_(frame) {}

  std::vector<Layer> walk() {
    ethernet();
    return layers_;
  }

 private:
  const uint8_t *at() const { return frame_.data() + offset_; }
  size_t left() const { return frame_.size() - offset_; }

  bool note(Header header, size_t size) {
    if (size > left()) return false;
    layers_.push_back({header, level_, static_cast<uint16_t>(offset_), static_cast<uint16_t>(size)});
    offset_ += size;
    return true;
  }

  void ethernet() {
    if (!note(Header::eth, 14)) return;
    uint16_t type = get16(at() - 2);
    while (is_vlan(type)) {
      if (!note(Header::vlan, 4)) return;
      type = get16(at() - 2);
    }
    network(type);
  }

  void network(uint16_t type) {
    if (type == 0x0800) ipv4();
    else if (type == 0x86dd) ipv6();
    else if (type == 0x0806 && left() >= 28 && get32(at()) == 0x00010800) note(Header::arp, 28);
  }

  void ipv4() {
    if (left() < 20 || at()[0] >> 4 != 4) return;
    const size_t size = (at()[0] & 15) * 4;
    const uint16_t fragment = get16(at() + 6);
    const uint8_t protocol = at()[9];
    if (size < 20 || !note(Header::ipv4, size)) return;
    if ((fragment & 0x3fff) == 0) transport(protocol, false);
  }

  void ipv6() {
    if (left() < 40 || at()[0] >> 4 != 6) return;
    uint8_t next = at()[6];
    note(Header::ipv6, 40);
    // Hop-by-hop options, routing and destination options are passed over.
    while ((next == 0 || next == 43 || next == 60) && left() >= 8) {
      const size_t size = (at()[1] + 1U) * 8;
      if (size > left()) return;
      next = at()[0];
      offset_ += size;
    }
    if (next == 44) note(Header::ipv6_frag, 8);
    else transport(next, true);
  }

  void transport(uint8_t protocol, bool six) {
    if (protocol == 6 && left() >= 20) note(Header::tcp, std::max<size_t>(20, std::min<size_t>((at()[12] >> 4) * 4U, left())));
    else if (protocol == 17 && left() >= 8) udp();
    else if (protocol == 132) note(Header::sctp, 12);
    else if (protocol == 1 && !six) note(Header::icmp, 8);
    else if (protocol == 58 && six) note(Header::icmp6, 8);
  }

  void udp() {
    const uint16_t port = get16(at() + 2);
    note(Header::udp, 8);
    if (level_ >= kLevels) return;
    if (port == kVxlanPort) {
      if (!note(Header::vxlan, 8)) return;
      level_++;
      ethernet();
    } else if (port == kGenevePort) {
      geneve();
    }
  }

  void geneve() {
    if (left() < 8 || at()[0] >> 6 != 0) return;
    const uint16_t protocol = get16(at() + 2);
    if (!note(Header::geneve, 8 + (at()[0] & 63) * 4U)) return;
    level_++;
    if (protocol == 0x6558) ethernet();
    else network(protocol);
  }

  const std::vector<uint8_t> &frame_;
  std::vector<Layer> layers_;
  size_t offset_ = 0;
  uint8_t level_ = 1;
};

// Bits of a frame: those of `bytes` bytes from `at`, without the `shift` lowest.
struct Bits {
  size_t at;
  unsigned int bytes;
  unsigned int shift;
  unsigned int bits;
};

// Where a field of a header is.
struct FieldPlace {
  rte_flow_field_id field;
  Header header;
  unsigned int offset;
  unsigned int bytes;
  unsigned int shift;
  unsigned int bits;
};

const FieldPlace kPlaces[] = {
    {RTE_FLOW_FIELD_MAC_DST, Header::eth, 0, 6, 0, 48},       {RTE_FLOW_FIELD_MAC_SRC, Header::eth, 6, 6, 0, 48},
    {RTE_FLOW_FIELD_MAC_TYPE, Header::eth, 12, 2, 0, 16},     {RTE_FLOW_FIELD_VLAN_ID, Header::vlan, 0, 2, 0, 12},
    {RTE_FLOW_FIELD_VLAN_TYPE, Header::eth, 12, 2, 0, 16},    {RTE_FLOW_FIELD_IPV4_DSCP, Header::ipv4, 1, 1, 2, 6},
    {RTE_FLOW_FIELD_IPV4_ECN, Header::ipv4, 1, 1, 0, 2},      {RTE_FLOW_FIELD_IPV4_TTL, Header::ipv4, 8, 1, 0, 8},
    {RTE_FLOW_FIELD_IPV4_SRC, Header::ipv4, 12, 4, 0, 32},    {RTE_FLOW_FIELD_IPV4_DST, Header::ipv4, 16, 4, 0, 32},
    {RTE_FLOW_FIELD_IPV6_DSCP, Header::ipv6, 0, 2, 6, 6},     {RTE_FLOW_FIELD_IPV6_ECN, Header::ipv6, 0, 2, 4, 2},
    {RTE_FLOW_FIELD_IPV6_HOPLIMIT, Header::ipv6, 7, 1, 0, 8}, {RTE_FLOW_FIELD_IPV6_SRC, Header::ipv6, 8, 16, 0, 128},
    {RTE_FLOW_FIELD_IPV6_DST, Header::ipv6, 24, 16, 0, 128},  {RTE_FLOW_FIELD_TCP_PORT_SRC, Header::tcp, 0, 2, 0, 16},
    {RTE_FLOW_FIELD_TCP_PORT_DST, Header::tcp, 2, 2, 0, 16},  {RTE_FLOW_FIELD_TCP_SEQ_NUM, Header::tcp, 4, 4, 0, 32},
    {RTE_FLOW_FIELD_TCP_ACK_NUM, Header::tcp, 8, 4, 0, 32},   {RTE_FLOW_FIELD_TCP_FLAGS, Header::tcp, 12, 2, 0, 9},
    {RTE_FLOW_FIELD_UDP_PORT_SRC, Header::udp, 0, 2, 0, 16},  {RTE_FLOW_FIELD_UDP_PORT_DST, Header::udp, 2, 2, 0, 16},
    {RTE_FLOW_FIELD_VXLAN_VNI, Header::vxlan, 4, 3, 0, 24},   {RTE_FLOW_FIELD_GENEVE_VNI, Header::geneve, 4, 3, 0, 24},
};

std::optional<Bits> place_of(const Packet &packet, rte_flow_field_id field, unsigned int level) {
  for (const auto &place : kPlaces) {
    if (place.field != field) continue;
    const Layer *layer = packet.find(place.header, std::max(level, 1U));
    if (layer == nullptr) return std::nullopt;
    size_t at = layer->offset + place.offset;
    // The type of the payload stands behind the tags.
    if (field == RTE_FLOW_FIELD_MAC_TYPE) {
      while (at + 6 <= packet.frame.size() && is_vlan(get16(packet.frame.data() + at))) at += 4;
    }
    if (at + place.bytes > packet.frame.size()) return std::nullopt;
    return Bits{at, place.bytes, place.shift, place.bits};
  }
  return std::nullopt;
}

Wide mask_of(unsigned int bits) { return bits >= 128 ? ~Wide{0} : (Wide{1} << bits) - 1; }

Wide read_bytes(const uint8_t *at, unsigned int bytes) {
  Wide value = 0;
  for (unsigned int i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

uint32_t fold(uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

uint32_t sum_of(const uint8_t *at, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2) sum += get16(at + i);
  return fold(sum);
}

// The checksum after words whose sum was `before` have become ones whose sum is `after` (RFC 1624).
uint16_t adjust(uint16_t checksum, uint32_t before, uint32_t after) {
  return static_cast<uint16_t>(~fold((~checksum & 0xffffU) + (~before & 0xffffU) + after));
}

void adjust_at(Packet &packet, size_t at, uint32_t before, uint32_t after, bool udp) {
  uint8_t *place = packet.frame.data() + at;
  const uint16_t old = get16(place);
  if (udp && old == 0) return;  // there is none
  const uint16_t made = before == after ? old : adjust(old, before, after);
  put16(place, udp && made == 0 ? 0xffff : made);
}

struct ChecksumPlace {
  size_t offset = 0;
  bool pseudo = false;
};

std::optional<ChecksumPlace> checksum_of(Header header) {
  switch (header) {
    case Header::tcp: return ChecksumPlace{16, true};
    case Header::udp: return ChecksumPlace{6, true};
    case Header::icmp: return ChecksumPlace{2, false};
    case Header::icmp6: return ChecksumPlace{2, true};
    default: return std::nullopt;
  }
}

// Sums over the parts of a frame that checksums cover and fields can change, before and after a change.
void fix_checksums(Packet &packet, const std::vector<uint8_t> &before) {
  const Layer *ip = nullptr;
  for (const Layer &layer : packet.layers) {
    const uint8_t *old = before.data();
    const uint8_t *now = packet.frame.data();
    if (layer.header == Header::ipv4) {
      ip = &layer;
      // Without the checksum itself, which is as it was.
      adjust_at(packet, layer.offset + 10U, sum_of(old + layer.offset, layer.size), sum_of(now + layer.offset, layer.size), false);
    } else if (layer.header == Header::ipv6) {
      ip = &layer;
    }
    const auto checksum = checksum_of(layer.header);
    if (!checksum || ip == nullptr) continue;
    const size_t addresses = ip->offset + (ip->header == Header::ipv4 ? 12U : 8U);
    const size_t size = ip->header == Header::ipv4 ? 8 : 32;
    uint32_t sum_old = sum_of(old + layer.offset, layer.size);
    uint32_t sum_now = sum_of(now + layer.offset, layer.size);
    if (checksum->pseudo) {
      sum_old = fold(sum_old + sum_of(old + addresses, size));
      sum_now = fold(sum_now + sum_of(now + addresses, size));
    }
    adjust_at(packet, layer.offset + checksum->offset, sum_old, sum_now, layer.header == Header::udp);
  }
}

}  // namespace

uint16_t get16(const uint8_t *bytes) { return static_cast<uint16_t>(bytes[0] << 8 | bytes[1]); }
uint32_t get32(const uint8_t *bytes) { return static_cast<uint32_t>(get16(bytes)) << 16 | get16(bytes + 2); }

void put16(uint8_t *bytes, uint16_t value) {
  bytes[0] = static_cast<uint8_t>(value >> 8);
  bytes[1] = static_cast<uint8_t>(value);
}

std::vector<Layer> parse_layers(const std::vector<uint8_t> &frame) { return Walker(frame).walk(); }

const Layer *Packet::find(Header header, unsigned int level) const {
  for (const Layer &layer : layers) {
    if (layer.header == header && layer.level == level) return &layer;
  }
  return nullptr;
}

std::optional<Wide> read_field(const Packet &packet, rte_flow_field_id field, unsigned int level) {
  if (field == RTE_FLOW_FIELD_TAG) return packet.tags[level & 255];
  if (field == RTE_FLOW_FIELD_META) return packet.meta;
  if (field == RTE_FLOW_FIELD_MARK) return packet.mark;
  const auto place = place_of(packet, field, level);
  if (!place) return std::nullopt;
  return read_bytes(packet.frame.data() + place->at, place->bytes) >> place->shift & mask_of(place->bits);
}

void write_field(Packet &packet, rte_flow_field_id field, unsigned int level, Wide value) {
  const auto word = static_cast<uint32_t>(value);
  if (field == RTE_FLOW_FIELD_TAG) packet.tags[level & 255] = word;
  if (field == RTE_FLOW_FIELD_META) packet.meta = word;
  if (field == RTE_FLOW_FIELD_MARK) packet.mark = word;
  const auto place = place_of(packet, field, level);
  if (!place) return;
  const std::vector<uint8_t> before = packet.frame;
  uint8_t *at = packet.frame.data() + place->at;
  const Wide mask = mask_of(place->bits) << place->shift;
  Wide whole = (read_bytes(at, place->bytes) & ~mask) | (value << place->shift & mask);
  for (unsigned int i = place->bytes; i-- > 0; whole >>= 8) at[i] = static_cast<uint8_t>(whole);
  fix_checksums(packet, before);
  if (field == RTE_FLOW_FIELD_MAC_TYPE || field == RTE_FLOW_FIELD_UDP_PORT_DST) packet.parse();
}

void push_vlan(Packet &packet, uint16_t type) {
  if (packet.frame.size() < 14) return;
  uint8_t tag[4] = {};
  put16(tag, type);
  packet.frame.insert(packet.frame.begin() + 12, tag, tag + 4);
  packet.parse();
}

void pop_vlan(Packet &packet) {
  if (packet.find(Header::vlan) == nullptr) return;
  packet.frame.erase(packet.frame.begin() + 12, packet.frame.begin() + 16);
  packet.parse();
}

void set_vlan_priority(Packet &packet, uint8_t priority) {
  const Layer *tag = packet.find(Header::vlan);
  if (tag == nullptr) return;
  uint8_t &byte = packet.frame[tag->offset];
  byte = static_cast<uint8_t>((byte & 0x1f) | priority << 5);
}

void encapsulate(Packet &packet, const uint8_t *data, size_t size) {
  packet.frame.insert(packet.frame.begin(), data, data + size);
  packet.parse();
  for (const Layer &layer : packet.layers) {
    if (layer.offset >= size) break;
    uint8_t *at = packet.frame.data() + layer.offset;
    const size_t behind = packet.frame.size() - layer.offset;
    if (layer.header == Header::ipv4) {
      put16(at + 2, static_cast<uint16_t>(behind));
      put16(at + 10, 0);
      put16(at + 10, static_cast<uint16_t>(~sum_of(at, layer.size)));
    } else if (layer.header == Header::ipv6) {
      put16(at + 4, static_cast<uint16_t>(behind - 40));
    } else if (layer.header == Header::udp) {
      put16(at + 4, static_cast<uint16_t>(behind));
    }
  }
}

void decapsulate(Packet &packet, size_t size) {
  for (const Layer &layer : packet.layers) {
    if (layer.header == Header::geneve || layer.header == Header::vxlan) {
      size = static_cast<size_t>(layer.offset) + layer.size;
      break;
    }
  }
  packet.frame.erase(packet.frame.begin(), packet.frame.begin() + static_cast<ptrdiff_t>(std::min(size, packet.frame.size())));
  packet.parse();
}

}  // namespace lflow
