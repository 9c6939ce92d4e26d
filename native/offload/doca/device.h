// The ports of DPDK, through DOCA Flow (DOCA 3, mode "switch,hws"): a group is a control pipe, a rule an entry of it.
#pragma once

#include <doca_flow.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../device.h"
#include "../json.h"

namespace lflow {

class DocaDevice : public Device {
 public:
  // Starts DPDK and DOCA Flow.  Options: "mode" (switch,hws) and "counters" (how many rules may count).
  static std::unique_ptr<DocaDevice> open(const std::vector<std::string> &eal, const Json &options, std::string &error);
  ~DocaDevice() override;

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
  struct Installed;
  struct Group {
    doca_flow_pipe *pipe = nullptr;
    size_t rules = 0;  // and jumps that lead to it
    std::unique_ptr<Installed> miss;  // sends to software what no rule takes
  };

  explicit DocaDevice(std::vector<Port> ports);
  bool start(const Json &options, std::string &error);
  bool start_port(const Port &port, std::string &error);
  doca_flow_pipe *use_group(uint32_t group, rte_flow_error &error);
  void leave_group(uint32_t group);
  // Waits for what DOCA says of an entry that was given to it.
  bool wait(Installed &installed, rte_flow_error &error);
  bool told(doca_error_t result, rte_flow_error &error);
  static void report(doca_flow_pipe_entry *entry, uint16_t queue, doca_flow_entry_status status, doca_flow_entry_op op, void *context);

  std::vector<Port> ports_;
  std::vector<doca_flow_port *> started_;
  std::vector<doca_dev *> devices_;
  bool initialised_ = false;
  doca_flow_port *switch_ = nullptr;
  doca_flow_target *kernel_ = nullptr;
  std::map<uint32_t, Group> groups_;
  std::map<Installed *, std::unique_ptr<Installed>> installed_;
  // Entries that failed, of which DOCA may still speak.
  std::vector<std::unique_ptr<Installed>> abandoned_;
  std::string why_;
};

}  // namespace lflow
