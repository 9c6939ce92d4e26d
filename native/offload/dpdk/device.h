// The ports of DPDK, through rte_flow(3).
#pragma once

#include <string>
#include <vector>

#include "../device.h"

namespace lflow {

class DpdkDevice : public Device {
 public:
  // Starts DPDK; null if that fails, then `error` says why.  `port` names the port by which rules are made, the first if
  // it is empty; rules of the switch go by its transfer proxy.
  static std::unique_ptr<DpdkDevice> open(const std::vector<std::string> &options, const std::string &port, std::string &error);
  ~DpdkDevice() override;

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

 private:
  DpdkDevice(std::vector<Port> ports, uint16_t port, uint16_t proxy) : ports_(std::move(ports)), port_(port), proxy_(proxy) {}
  uint16_t by(const FlowRule &rule) const { return rule.attr.transfer ? proxy_ : port_; }

  std::vector<Port> ports_;
  uint16_t port_;
  uint16_t proxy_;
  std::string why_;
};

}  // namespace lflow
