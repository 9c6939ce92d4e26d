// A device in software that executes rte_flow's structures on frames, one by one, as a device would on packets.  It is
// for right answers, not for speed: within a group rules are tried one after the other.
#pragma once

#include <rte_flow.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../device.h"
#include "actions.h"
#include "limits.h"

namespace lflow {

// What became of a frame.
struct Fate {
  std::vector<Output> outputs;  // none: it was dropped
  uint32_t group = 0;           // the last group it came to
  bool missed = false;          // no rule of that group took it, so it went to software
};

class EmulatedDevice : public Device {
 public:
  // Ports have the numbers 0, 1, ... in the order of their names.
  EmulatedDevice(const std::vector<std::string> &ports, Json capabilities);
  ~EmulatedDevice() override;

  const std::vector<Port> &ports() const override { return ports_; }
  bool validate(const FlowRule &rule, rte_flow_error &error) override;
  Flow *create(const FlowRule &rule, rte_flow_error &error) override;
  bool destroy(Flow *flow, const FlowRule &rule, rte_flow_error &error) override;
  bool flush(rte_flow_error &error) override;
  bool query(Flow *flow, const FlowRule &rule, Hits &hits, rte_flow_error &error) override;
  bool aged(std::vector<void *> &contexts, rte_flow_error &error) override;
  rte_flow_action_handle *create_handle(const rte_flow_action &action, rte_flow_error &error) override;
  bool turn_handle(rte_flow_action_handle *handle, const rte_flow_action &action, bool reply, rte_flow_error &error) override;
  bool destroy_handle(rte_flow_action_handle *handle, rte_flow_error &error) override;
  bool create_meter(const MeterProfile &meter, rte_flow_error &error) override;
  bool destroy_meter(uint32_t id, rte_flow_error &error) override;

  // A frame that comes in by a port, or that software sends by its representor.
  Fate receive(uint16_t port, bool from_software, std::vector<uint8_t> frame);
  // Time goes on by itself, and further by this.
  void advance(double seconds) { ahead_ += seconds; }
  // The nth creation of a rule from now on fails; 0 is none.
  void fail_at(uint64_t nth) { fail_at_ = nth; }

 private:
  struct Meter;
  class Run;

  double now() const;
  bool check_actions(const rte_flow_action *actions, bool inside, rte_flow_error &error);

  std::vector<Port> ports_;
  Limits limits_;
  // By group and priority, older rules first.
  std::map<uint32_t, std::multimap<uint32_t, std::unique_ptr<Flow>>> groups_;
  std::map<rte_flow_action_handle *, std::unique_ptr<Connection>> connections_;
  std::map<uint32_t, Meter> meters_;
  uint64_t fail_at_ = 0;
  uint64_t samples_ = 0;
  double ahead_ = 0;
  std::string why_;  // of the last error
};

}  // namespace lflow
