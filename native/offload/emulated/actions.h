// What rules do to packets in the emulated device, in the order of their lists.
#pragma once

#include <rte_flow.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "conntrack.h"
#include "packet.h"

namespace lflow {

// Where a frame went.
struct Output {
  bool software = false;  // by way of the port's representor
  uint16_t port = 0;
  std::vector<uint8_t> frame;
};

// What an action may use of the device.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual void count(uint64_t bytes) = 0;
  // Whether one more packet of this size is within the meter's rate.
  virtual bool meter(uint32_t id, size_t bytes) = 0;
  virtual Connection *connection(const rte_flow_action &action) = 0;
  virtual bool reply() const = 0;
  // Whether this packet is the one in so many that is sampled.
  virtual bool sampled(uint32_t ratio) = 0;
};

// What comes after a list of actions: the next group, or nothing more.
std::optional<uint32_t> run_actions(const rte_flow_action *actions, Packet &packet, Surroundings &around, std::vector<Output> &outputs);

// The bytes that vxlan_encap's definition (eth, ipv4 or ipv6, udp, vxlan) puts before a packet; empty if it is another.
std::vector<uint8_t> vxlan_header(const rte_flow_item *definition);

}  // namespace lflow
