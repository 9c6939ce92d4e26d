#include "device.h"

#include <algorithm>
#include <chrono>

#include "match.h"

namespace lflow {

namespace {

// Groups that a packet may come through: one that goes in a circle is dropped.
constexpr int kMostJumps = 256;

bool is_fate(const rte_flow_action &action) {
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_JUMP:
    case RTE_FLOW_ACTION_TYPE_DROP:
    case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
    case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR: return true;
    default: return false;
  }
}

}  // namespace

struct Flow {
  const FlowRule *rule = nullptr;
  Hits hits;
  double last_hit = 0;
  double timeout = 0;
  void *context = nullptr;
  bool reply = false;
  Connection own;  // of an action conntrack that is not shared
};

struct EmulatedDevice::Meter {
  MeterProfile profile;
  double tokens = 0;  // bytes
  double filled = 0;  // when
};

// One rule's actions on one packet.
class EmulatedDevice::Run : public Surroundings {
 public:
  Run(EmulatedDevice &device, Flow &flow) : device_(device), flow_(flow) {}

  void count(uint64_t bytes) override {
    flow_.hits.packets++;
    flow_.hits.bytes += bytes;
  }

  bool meter(uint32_t id, size_t bytes) override {
    Meter &meter = device_.meters_[id];
    const double now = device_.now();
    const double most = static_cast<double>(meter.profile.cbs);
    meter.tokens = std::min(most, meter.tokens + (now - meter.filled) * static_cast<double>(meter.profile.cir));
    meter.filled = now;
    if (meter.tokens < static_cast<double>(bytes)) return false;
    meter.tokens -= static_cast<double>(bytes);
    return true;
  }

  Connection *connection(const rte_flow_action &action) override {
    if (action.type == RTE_FLOW_ACTION_TYPE_CONNTRACK) return &flow_.own;
    const auto found = device_.connections_.find(static_cast<rte_flow_action_handle *>(const_cast<void *>(action.conf)));
    return found == device_.connections_.end() ? nullptr : found->second.get();
  }

  bool reply() const override { return flow_.reply; }

  bool sampled(uint32_t ratio) override { return ratio != 0 && device_.samples_++ % ratio == 0; }

 private:
  EmulatedDevice &device_;
  Flow &flow_;
};

EmulatedDevice::EmulatedDevice(const std::vector<std::string> &ports, Json capabilities) : limits_(std::move(capabilities)) {
  for (const auto &name : ports) ports_.push_back({static_cast<uint16_t>(ports_.size()), name, ""});
}

EmulatedDevice::~EmulatedDevice() = default;

double EmulatedDevice::now() const {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count() + ahead_;
}

bool EmulatedDevice::check_actions(const rte_flow_action *actions, bool inside, rte_flow_error &error) {
  int fates = 0;
  for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
    fates += is_fate(*actions);
    if (fates > 1) return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, actions, "a packet's way has ended before this action");
    if (fates == 1 && !is_fate(*actions)) {
      return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, actions, "nothing can be done behind the action that ends a packet's way");
    }
    switch (actions->type) {
      case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
      case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
        if (static_cast<const rte_flow_action_ethdev *>(actions->conf)->port_id >= ports_.size()) {
          return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, actions, "there is no such port");
        }
        break;
      case RTE_FLOW_ACTION_TYPE_METER:
        if (meters_.count(static_cast<const rte_flow_action_meter *>(actions->conf)->mtr_id) == 0) {
          return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, actions, "there is no such meter");
        }
        break;
      case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
        if (vxlan_header(static_cast<const rte_flow_action_vxlan_encap *>(actions->conf)->definition).empty()) {
          return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, actions, "the definition is not eth, ipv4 or ipv6, udp, vxlan");
        }
        break;
      case RTE_FLOW_ACTION_TYPE_SAMPLE: {
        const auto *conf = static_cast<const rte_flow_action_sample *>(actions->conf);
        if (conf->ratio == 0) return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, actions, "the ratio is 0");
        if (inside) return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, actions, "a sample takes no sample");
        if (!check_actions(conf->actions, true, error)) return false;
        break;
      }
      default: break;
    }
  }
  if (fates == 0) return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_NUM, actions, "no action ends the packet's way: jump, drop or a port is missing");
  return true;
}

bool EmulatedDevice::validate(const FlowRule &rule, rte_flow_error &error) {
  if (!rule.attr.transfer) return refuse(error, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, &rule.attr, "only rules of the switch (transfer) are taken");
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_JUMP && static_cast<const rte_flow_action_jump *>(action.conf)->group == rule.attr.group) {
      return refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, &action, "the jump goes to the rule's own group");
    }
  }
  if (!check_actions(rule.actions.data(), false, error)) return false;
  std::string why;
  if (limits_.allow(rule, error, why)) return true;
  why_ = why;
  error.message = why_.c_str();
  return false;
}

Flow *EmulatedDevice::create(const FlowRule &rule, rte_flow_error &error) {
  if (fail_at_ > 0 && --fail_at_ == 0) {
    refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "the device was told to fail at this creation");
    return nullptr;
  }
  if (!validate(rule, error)) return nullptr;
  auto flow = std::make_unique<Flow>();
  flow->rule = &rule;
  flow->last_hit = now();
  flow->reply = rule.reply;
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_COUNT) flow->hits.counted = true;
    if (action.type == RTE_FLOW_ACTION_TYPE_AGE) {
      const auto *age = static_cast<const rte_flow_action_age *>(action.conf);
      flow->hits.aging = true;
      flow->timeout = age->timeout;
      flow->context = age->context;
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_CONNTRACK) {
      flow->own.state = *static_cast<const rte_flow_action_conntrack *>(action.conf);
      flow->reply = !flow->own.state.is_original_dir;
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_INDIRECT) {
      const auto found = connections_.find(rule.connection);
      if (found != connections_.end()) flow->reply = found->second->reply;
    }
  }
  limits_.add(rule);
  return groups_[rule.attr.group].emplace(rule.attr.priority, std::move(flow))->second.get();
}

bool EmulatedDevice::destroy(Flow *flow, const FlowRule &, rte_flow_error &error) {
  const auto group = groups_.find(flow->rule->attr.group);
  if (group != groups_.end()) {
    const auto [begin, end] = group->second.equal_range(flow->rule->attr.priority);
    for (auto each = begin; each != end; each++) {
      if (each->second.get() != flow) continue;
      limits_.remove(*flow->rule);
      group->second.erase(each);
      if (group->second.empty()) groups_.erase(group);
      return true;
    }
  }
  return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, flow, "there is no such rule");
}

bool EmulatedDevice::flush(rte_flow_error &) {
  for (const auto &[group, rules] : groups_) {
    for (const auto &[priority, flow] : rules) limits_.remove(*flow->rule);
  }
  groups_.clear();
  return true;
}

bool EmulatedDevice::query(Flow *flow, const FlowRule &, Hits &hits, rte_flow_error &) {
  hits = flow->hits;
  hits.idle = static_cast<uint32_t>(now() - flow->last_hit);
  return true;
}

bool EmulatedDevice::aged(std::vector<void *> &contexts, rte_flow_error &) {
  const double time = now();
  for (const auto &[group, rules] : groups_) {
    for (const auto &[priority, flow] : rules) {
      if (!flow->hits.aging || flow->hits.aged || time - flow->last_hit < flow->timeout) continue;
      flow->hits.aged = true;
      contexts.push_back(flow->context);
    }
  }
  return true;
}

rte_flow_action_handle *EmulatedDevice::create_handle(const rte_flow_action &action, rte_flow_error &error) {
  if (action.type != RTE_FLOW_ACTION_TYPE_CONNTRACK) {
    refuse(error, RTE_FLOW_ERROR_TYPE_ACTION, &action, "rules share connections only");
    return nullptr;
  }
  if (!limits_.allow_connection(why_)) {
    refuse(error, RTE_FLOW_ERROR_TYPE_ACTION_NUM, &action, why_.c_str());
    return nullptr;
  }
  auto made = std::make_unique<Connection>();
  made->state = *static_cast<const rte_flow_action_conntrack *>(action.conf);
  made->reply = !made->state.is_original_dir;
  auto *handle = reinterpret_cast<rte_flow_action_handle *>(made.get());
  connections_[handle] = std::move(made);
  limits_.connections(1);
  return handle;
}

bool EmulatedDevice::turn_handle(rte_flow_action_handle *handle, const rte_flow_action &, bool reply, rte_flow_error &error) {
  const auto found = connections_.find(handle);
  if (found == connections_.end()) return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "there is no such connection");
  found->second->reply = reply;
  return true;
}

bool EmulatedDevice::destroy_handle(rte_flow_action_handle *handle, rte_flow_error &error) {
  for (const auto &[group, rules] : groups_) {
    for (const auto &[priority, flow] : rules) {
      if (flow->rule->connection == handle) return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "a rule still uses it");
    }
  }
  if (connections_.erase(handle) == 0) return refuse(error, RTE_FLOW_ERROR_TYPE_HANDLE, handle, "there is no such connection");
  limits_.connections(-1);
  return true;
}

bool EmulatedDevice::create_meter(const MeterProfile &profile, rte_flow_error &error) {
  if (meters_.count(profile.id) > 0) return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "there is a meter of that number");
  if (!limits_.allow_meter(why_)) return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, why_.c_str());
  meters_[profile.id] = {profile, static_cast<double>(profile.cbs), now()};
  limits_.meters(1);
  return true;
}

bool EmulatedDevice::destroy_meter(uint32_t id, rte_flow_error &error) {
  for (const auto &[group, rules] : groups_) {
    for (const auto &[priority, flow] : rules) {
      for (const auto &action : flow->rule->actions) {
        if (action.type == RTE_FLOW_ACTION_TYPE_METER && static_cast<const rte_flow_action_meter *>(action.conf)->mtr_id == id) {
          return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "a rule still uses the meter");
        }
      }
    }
  }
  if (meters_.erase(id) == 0) return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, "there is no such meter");
  limits_.meters(-1);
  return true;
}

Fate EmulatedDevice::receive(uint16_t port, bool from_software, std::vector<uint8_t> frame) {
  Packet packet;
  packet.in_port = port;
  packet.from_software = from_software;
  packet.frame = std::move(frame);
  packet.parse();
  Fate fate;
  for (int jumps = 0; jumps < kMostJumps; jumps++) {
    const auto group = groups_.find(fate.group);
    Flow *taken = nullptr;
    if (group != groups_.end()) {
      const auto found = std::find_if(group->second.begin(), group->second.end(),
                                      [&packet](const auto &each) { return matches(each.second->rule->items.data(), packet); });
      if (found != group->second.end()) taken = found->second.get();
    }
    if (taken == nullptr) {
      fate.missed = true;
      fate.outputs.push_back({true, port, packet.frame});
      return fate;
    }
    taken->last_hit = now();
    taken->hits.aged = false;
    Run run(*this, *taken);
    const auto next = run_actions(taken->rule->actions.data(), packet, run, fate.outputs);
    if (!next) return fate;
    fate.group = *next;
  }
  return fate;
}

}  // namespace lflow
