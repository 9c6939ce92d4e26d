// What takes rules: the functions of rte_flow(3) as an interface, which DPDK's ports, DOCA Flow and the emulated device
// have.  All are called on one thread.
#pragma once

#include <rte_flow.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "codec.h"

namespace lflow {

// A rule that a device has taken; the device's own.
struct Flow;

struct Hits {
  bool counted = false;  // the rule counts
  uint64_t packets = 0;
  uint64_t bytes = 0;
  bool aging = false;  // the rule has a timeout
  bool aged = false;
  uint32_t idle = 0;  // seconds since the last packet
};

struct MeterProfile {
  uint32_t id = 0;
  uint64_t cir = 0;  // bytes a second
  uint64_t cbs = 0;  // bytes at once
};

// All functions that can fail say so by their result and fill `error`: its cause points into the rule, or is null.
class Device {
 public:
  virtual ~Device() = default;

  virtual const std::vector<Port> &ports() const = 0;

  virtual bool validate(const FlowRule &rule, rte_flow_error &error) = 0;
  // `rule` must live as long as the flow.  Null if it is refused.
  virtual Flow *create(const FlowRule &rule, rte_flow_error &error) = 0;
  virtual bool destroy(Flow *flow, const FlowRule &rule, rte_flow_error &error) = 0;
  virtual bool flush(rte_flow_error &error) = 0;
  virtual bool query(Flow *flow, const FlowRule &rule, Hits &hits, rte_flow_error &error) = 0;
  // The contexts of the rules that were idle for longer than their timeout, each told once.
  virtual bool aged(std::vector<void *> &contexts, rte_flow_error &error) = 0;

  // Actions that rules share.  `reply` says whose packets the rules that are created from now on take: of a connection's
  // original direction, or of the other one.
  virtual rte_flow_action_handle *create_handle(const rte_flow_action &action, rte_flow_error &error) = 0;
  virtual bool turn_handle(rte_flow_action_handle *handle, const rte_flow_action &action, bool reply, rte_flow_error &error) = 0;
  virtual bool destroy_handle(rte_flow_action_handle *handle, rte_flow_error &error) = 0;

  virtual bool create_meter(const MeterProfile &meter, rte_flow_error &error) = 0;
  virtual bool destroy_meter(uint32_t id, rte_flow_error &error) = 0;
};

// Fills an error; false, so that it can be returned.  `message` must live on, as a literal does.
inline bool refuse(rte_flow_error &error, rte_flow_error_type type, const void *cause, const char *message) {
  error.type = type;
  error.cause = cause;
  error.message = message;
  return false;
}

}  // namespace lflow
