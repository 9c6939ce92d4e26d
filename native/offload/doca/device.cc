#include "device.h"

#include <doca_dev.h>
#include <doca_dpdk.h>
#include <doca_error.h>

#include <type_traits>

#include "../dpdk/eal.h"
#include "translate.h"

namespace lflow {

namespace {

constexpr uint16_t kQueue = 0;
constexpr uint32_t kAtOnce = 0;  // an entry is not kept back for a batch
constexpr uint64_t kPatience = 10000;  // microseconds
constexpr int kTurns = 100;
constexpr uint32_t kCounters = 65536;
// What no rule takes: behind all of them.
constexpr uint32_t kMissPriority = 0xffff;

// The priority stands in another place since DOCA 3.3.
template <typename Function>
doca_error_t add_entry(Function add, doca_flow_pipe *pipe, uint32_t priority, const DocaEntry &entry,
                       const doca_flow_actions *actions, const doca_flow_actions *masks, const doca_flow_action_descs *descs,
                       void *context, doca_flow_pipe_entry **made) {
  constexpr const doca_flow_match_condition *none = nullptr;
  using Old = doca_error_t (*)(uint16_t, uint32_t, doca_flow_pipe *, const doca_flow_match *, const doca_flow_match *,
                               const doca_flow_match_condition *, const doca_flow_actions *, const doca_flow_actions *,
                               const doca_flow_action_descs *, const doca_flow_monitor *, const doca_flow_fwd *, void *,
                               doca_flow_pipe_entry **);
  if constexpr (std::is_same_v<Function, Old>) {
    return add(kQueue, priority, pipe, &entry.match, &entry.mask, none, actions, masks, descs, &entry.monitor, &entry.fwd, context, made);
  } else {
    return add(kQueue, pipe, &entry.match, &entry.mask, none, actions, masks, descs, &entry.monitor, priority, &entry.fwd, context, made);
  }
}

}  // namespace

// An entry and what DOCA has said of it last.
struct DocaDevice::Installed {
  doca_flow_pipe_entry *entry = nullptr;
  const FlowRule *rule = nullptr;
  uint32_t group = 0;
  std::optional<uint32_t> jump;
  void *context = nullptr;  // of aging
  bool pending = false;
  bool failed = false;
  bool aged = false;
  bool told = false;  // that it has aged
};

DocaDevice::DocaDevice(std::vector<Port> ports) : ports_(std::move(ports)) {}

std::unique_ptr<DocaDevice> DocaDevice::open(const std::vector<std::string> &eal, const Json &options, std::string &error) {
  std::vector<Port> ports;
  if (!start_eal(eal, ports, error)) return nullptr;
  std::unique_ptr<DocaDevice> device(new DocaDevice(std::move(ports)));
  return device->start(options, error) ? std::move(device) : nullptr;
}

bool DocaDevice::start(const Json &options, std::string &error) {
  const std::string mode = options["mode"].is(Json::Kind::string) ? options["mode"].text() : "switch,hws";
  const uint32_t counters = options["counters"].is_integer(32) ? static_cast<uint32_t>(options["counters"].integer()) : kCounters;
  doca_flow_cfg *cfg = nullptr;
  doca_error_t result = doca_flow_cfg_create(&cfg);
  if (result == DOCA_SUCCESS) result = doca_flow_cfg_set_pipe_queues(cfg, 1);
  if (result == DOCA_SUCCESS) result = doca_flow_cfg_set_mode_args(cfg, mode.c_str());
  if (result == DOCA_SUCCESS) result = doca_flow_cfg_set_nr_counters(cfg, counters);
  if (result == DOCA_SUCCESS) result = doca_flow_cfg_set_cb_entry_process(cfg, report);
  if (result == DOCA_SUCCESS) result = doca_flow_init(cfg);
  if (cfg != nullptr) doca_flow_cfg_destroy(cfg);
  if (result != DOCA_SUCCESS) {
    error = "DOCA Flow does not start in mode " + mode + ": " + doca_error_get_descr(result);
    return false;
  }
  initialised_ = true;
  for (const auto &port : ports_) {
    if (!start_port(port, error)) return false;
  }
  switch_ = doca_flow_port_switch_get(started_.front());
  if (switch_ == nullptr) {
    error = "the first port has no switch; is the device in switchdev mode, and is the mode switch,hws?";
    return false;
  }
  result = doca_flow_get_target(DOCA_FLOW_TARGET_KERNEL, &kernel_);
  if (result == DOCA_SUCCESS) return true;
  error = std::string("DOCA Flow has no way to the kernel for what no rule takes: ") + doca_error_get_descr(result);
  return false;
}

bool DocaDevice::start_port(const Port &port, std::string &error) {
  doca_dev *dev = nullptr;
  doca_flow_port_cfg *cfg = nullptr;
  doca_flow_port *started = nullptr;
  // A representor has no device of its own.
  doca_error_t result = port.device.empty() ? DOCA_SUCCESS : doca_dpdk_port_as_dev(port.number, &dev);
  if (dev != nullptr) devices_.push_back(dev);
  if (result == DOCA_SUCCESS) result = doca_flow_port_cfg_create(&cfg);
  if (result == DOCA_SUCCESS) result = doca_flow_port_cfg_set_port_id(cfg, port.number);
  if (result == DOCA_SUCCESS && dev != nullptr) result = doca_flow_port_cfg_set_dev(cfg, dev);
  if (result == DOCA_SUCCESS) result = doca_flow_port_start(cfg, &started);
  if (cfg != nullptr) doca_flow_port_cfg_destroy(cfg);
  if (result == DOCA_SUCCESS) {
    started_.push_back(started);
    return true;
  }
  error = "DOCA Flow does not start port " + port.name + ": " + doca_error_get_descr(result);
  return false;
}

DocaDevice::~DocaDevice() {
  if (switch_ != nullptr) doca_flow_port_pipes_flush(switch_);
  // The first port has the switch, and goes last.
  for (auto port = started_.rbegin(); port != started_.rend(); port++) doca_flow_port_stop(*port);
  if (initialised_) doca_flow_destroy();
  for (auto *dev : devices_) doca_dev_close(dev);
  stop_eal(ports_);
}

bool DocaDevice::told(doca_error_t result, rte_flow_error &error) {
  if (result == DOCA_SUCCESS) return true;
  why_ = doca_error_get_descr(result);
  return refuse(error, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, nullptr, why_.c_str());
}

void DocaDevice::report(doca_flow_pipe_entry *, uint16_t, doca_flow_entry_status status, doca_flow_entry_op op, void *context) {
  auto *installed = static_cast<Installed *>(context);
  if (installed == nullptr) return;
  if (op == DOCA_FLOW_ENTRY_OP_AGED) {
    installed->aged = true;
    return;
  }
  installed->pending = false;
  installed->failed = status != DOCA_FLOW_ENTRY_STATUS_SUCCESS;
}

bool DocaDevice::wait(Installed &installed, rte_flow_error &error) {
  for (int turn = 0; turn < kTurns && installed.pending; turn++) {
    if (!told(doca_flow_entries_process(switch_, kQueue, kPatience, 1), error)) return false;
  }
  if (installed.pending) return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "the hardware has not answered within a second");
  return !installed.failed || refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "the hardware did not do it");
}

// The pipe of a group, which is made with the first rule that is in it or leads to it.
doca_flow_pipe *DocaDevice::use_group(uint32_t number, rte_flow_error &error) {
  Group &group = groups_[number];
  group.rules++;
  if (group.pipe != nullptr) return group.pipe;
  const std::string name = "group " + std::to_string(number);
  doca_flow_pipe_cfg *cfg = nullptr;
  doca_error_t result = doca_flow_pipe_cfg_create(&cfg, switch_);
  if (result == DOCA_SUCCESS) result = doca_flow_pipe_cfg_set_name(cfg, name.c_str());
  if (result == DOCA_SUCCESS) result = doca_flow_pipe_cfg_set_type(cfg, DOCA_FLOW_PIPE_CONTROL);
  if (result == DOCA_SUCCESS) result = doca_flow_pipe_cfg_set_is_root(cfg, number == 0);
  if (result == DOCA_SUCCESS) result = doca_flow_pipe_create(cfg, nullptr, nullptr, &group.pipe);
  if (cfg != nullptr) doca_flow_pipe_cfg_destroy(cfg);
  if (result == DOCA_SUCCESS) {
    DocaEntry miss;
    miss.fwd.type = DOCA_FLOW_FWD_TARGET;
    miss.fwd.target = kernel_;
    group.miss = std::make_unique<Installed>();
    group.miss->pending = true;
    result = add_entry(&doca_flow_pipe_control_add_entry, group.pipe, kMissPriority, miss, nullptr, nullptr, nullptr,
                       group.miss.get(), &group.miss->entry);
    if (result == DOCA_SUCCESS && wait(*group.miss, error)) return group.pipe;
  }
  if (error.message == nullptr) told(result, error);
  leave_group(number);
  return nullptr;
}

void DocaDevice::leave_group(uint32_t number) {
  const auto found = groups_.find(number);
  if (found == groups_.end() || --found->second.rules > 0) return;
  if (found->second.pipe != nullptr) doca_flow_pipe_destroy(found->second.pipe);
  if (found->second.miss) abandoned_.push_back(std::move(found->second.miss));
  groups_.erase(found);
}

bool DocaDevice::validate(const FlowRule &rule, rte_flow_error &error) {
  DocaEntry entry;
  if (rule.attr.priority >= kMissPriority) {
    return refuse(error, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, &rule.attr, "priorities of control pipes are 0 to 65534 here");
  }
  return translate(rule, entry, error);
}

Flow *DocaDevice::create(const FlowRule &rule, rte_flow_error &error) {
  DocaEntry entry;
  if (!validate(rule, error) || !translate(rule, entry, error)) return nullptr;
  doca_flow_pipe *pipe = use_group(rule.attr.group, error);
  if (pipe == nullptr) return nullptr;
  if (entry.software) entry.fwd.target = kernel_;
  if (entry.jump) entry.fwd.next_pipe = use_group(*entry.jump, error);
  if (entry.jump && entry.fwd.next_pipe == nullptr) {
    leave_group(rule.attr.group);
    return nullptr;
  }
  auto installed = std::make_unique<Installed>();
  installed->rule = &rule;
  installed->group = rule.attr.group;
  installed->jump = entry.jump;
  installed->pending = true;
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_AGE) installed->context = static_cast<const rte_flow_action_age *>(action.conf)->context;
  }
  const doca_flow_action_descs descs{static_cast<uint8_t>(entry.descs.size()), entry.descs.data()};
  const bool ok = told(add_entry(&doca_flow_pipe_control_add_entry, pipe, rule.attr.priority, entry,
                                 entry.changes ? &entry.actions : nullptr, entry.changes ? &entry.actions_mask : nullptr,
                                 entry.descs.empty() ? nullptr : &descs, installed.get(), &installed->entry),
                       error) &&
                  wait(*installed, error);
  if (ok) {
    Installed *made = installed.get();
    installed_[made] = std::move(installed);
    return reinterpret_cast<Flow *>(made);
  }
  abandoned_.push_back(std::move(installed));
  if (entry.jump) leave_group(*entry.jump);
  leave_group(rule.attr.group);
  return nullptr;
}

bool DocaDevice::destroy(Flow *flow, const FlowRule &, rte_flow_error &error) {
  const auto found = installed_.find(reinterpret_cast<Installed *>(flow));
  if (found == installed_.end()) return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, flow, "there is no such rule");
  Installed &installed = *found->second;
  installed.pending = true;
  if (!told(doca_flow_pipe_remove_entry(kQueue, kAtOnce, installed.entry), error) || !wait(installed, error)) return false;
  const auto jump = installed.jump;
  const uint32_t group = installed.group;
  installed_.erase(found);
  leave_group(group);
  if (jump) leave_group(*jump);
  return true;
}

bool DocaDevice::flush(rte_flow_error &) {
  if (switch_ != nullptr) doca_flow_port_pipes_flush(switch_);
  groups_.clear();
  installed_.clear();
  abandoned_.clear();
  return true;
}

bool DocaDevice::query(Flow *flow, const FlowRule &rule, Hits &hits, rte_flow_error &error) {
  const auto *installed = reinterpret_cast<Installed *>(flow);
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_COUNT) {
      doca_flow_resource_query counter{};
      if (!told(doca_flow_resource_query_entry(installed->entry, &counter), error)) return false;
      hits.counted = true;
      hits.packets = counter.counter.total_pkts;
      hits.bytes = counter.counter.total_bytes;
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_AGE) {
      hits.aging = true;
      hits.aged = installed->aged;
    }
  }
  return true;
}

bool DocaDevice::aged(std::vector<void *> &contexts, rte_flow_error &) {
  // 0: as long as it takes; the entries are told to `report`.
  doca_flow_aging_handle(switch_, kQueue, 0, 0);
  for (const auto &[key, installed] : installed_) {
    if (!installed->aged || installed->told) continue;
    installed->told = true;
    contexts.push_back(installed->context);
  }
  return true;
}

rte_flow_action_handle *DocaDevice::create_handle(const rte_flow_action &action, rte_flow_error &error) {
  refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, &action, "connections of DOCA Flow CT are entries of a pipe of its own, not actions of rules");
  return nullptr;
}

bool DocaDevice::turn_handle(rte_flow_action_handle *handle, const rte_flow_action &, bool, rte_flow_error &error) {
  return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "there is no such connection");
}

bool DocaDevice::destroy_handle(rte_flow_action_handle *handle, rte_flow_error &error) {
  return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "there is no such connection");
}

bool DocaDevice::create_meter(const MeterProfile &, rte_flow_error &error) {
  return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "meters of DOCA Flow are shared resources, which are not set up");
}

bool DocaDevice::destroy_meter(uint32_t, rte_flow_error &error) {
  return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "there is no such meter");
}

}  // namespace lflow
