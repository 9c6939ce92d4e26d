#include "device.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mtr.h>

#include "eal.h"

namespace lflow {

namespace {

rte_flow *native(Flow *flow) { return reinterpret_cast<rte_flow *>(flow); }

const rte_flow_action *find(const FlowRule &rule, rte_flow_action_type type) {
  for (const auto &action : rule.actions) {
    if (action.type == type) return &action;
  }
  return nullptr;
}

// Drivers need not say why; then the code of errno does.
bool told(int code, rte_flow_error &error) {
  if (code >= 0) return true;
  if (error.message == nullptr) error.message = rte_strerror(-code);
  return false;
}

bool mtr(int code, const rte_mtr_error &from, rte_flow_error &error) {
  if (code >= 0) return true;
  return refuse(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr, from.message == nullptr ? rte_strerror(-code) : from.message);
}

}  // namespace

std::unique_ptr<DpdkDevice> DpdkDevice::open(const std::vector<std::string> &options, const std::string &port, std::string &error) {
  std::vector<Port> ports;
  if (!start_eal(options, ports, error)) return nullptr;
  const Names names{ports, {}};
  const auto number = port.empty() ? ports.front().number : names.port(port);
  if (!number) {
    error = "DPDK has no port " + port + "; it has";
    for (const auto &each : ports) error += " " + each.name;
    stop_eal(ports);
    return nullptr;
  }
  uint16_t proxy = *number;
  rte_flow_error ignored{};
  // Drivers without a proxy take such rules at the port itself.
  if (rte_flow_pick_transfer_proxy(*number, &proxy, &ignored) != 0) proxy = *number;
  return std::unique_ptr<DpdkDevice>(new DpdkDevice(std::move(ports), *number, proxy));
}

DpdkDevice::~DpdkDevice() { stop_eal(ports_); }

bool DpdkDevice::validate(const FlowRule &rule, rte_flow_error &error) {
  return told(rte_flow_validate(by(rule), &rule.attr, rule.items.data(), rule.actions.data(), &error), error);
}

Flow *DpdkDevice::create(const FlowRule &rule, rte_flow_error &error) {
  rte_flow *flow = rte_flow_create(by(rule), &rule.attr, rule.items.data(), rule.actions.data(), &error);
  if (flow == nullptr) told(-rte_errno, error);
  return reinterpret_cast<Flow *>(flow);
}

bool DpdkDevice::destroy(Flow *flow, const FlowRule &rule, rte_flow_error &error) {
  return told(rte_flow_destroy(by(rule), native(flow), &error), error);
}

bool DpdkDevice::flush(rte_flow_error &error) {
  const int code = rte_flow_flush(proxy_, &error);
  return port_ == proxy_ ? told(code, error) : told(code, error) && told(rte_flow_flush(port_, &error), error);
}

bool DpdkDevice::query(Flow *flow, const FlowRule &rule, Hits &hits, rte_flow_error &error) {
  if (const auto *count = find(rule, RTE_FLOW_ACTION_TYPE_COUNT)) {
    rte_flow_query_count counter{};
    if (!told(rte_flow_query(by(rule), native(flow), count, &counter, &error), error)) return false;
    hits.counted = true;
    hits.packets = counter.hits;
    hits.bytes = counter.bytes;
  }
  if (const auto *age = find(rule, RTE_FLOW_ACTION_TYPE_AGE)) {
    rte_flow_query_age state{};
    if (!told(rte_flow_query(by(rule), native(flow), age, &state, &error), error)) return false;
    hits.aging = true;
    hits.aged = state.aged;
    hits.idle = state.sec_since_last_hit_valid ? static_cast<uint32_t>(state.sec_since_last_hit) : 0;
  }
  return true;
}

bool DpdkDevice::aged(std::vector<void *> &contexts, rte_flow_error &error) {
  const int count = rte_flow_get_aged_flows(proxy_, nullptr, 0, &error);
  if (!told(count, error) || count == 0) return count == 0;
  contexts.resize(static_cast<size_t>(count));
  const int got = rte_flow_get_aged_flows(proxy_, contexts.data(), static_cast<uint32_t>(count), &error);
  contexts.resize(static_cast<size_t>(got < 0 ? 0 : got));
  return told(got, error);
}

rte_flow_action_handle *DpdkDevice::create_handle(const rte_flow_action &action, rte_flow_error &error) {
  rte_flow_indir_action_conf conf{};
  conf.transfer = 1;
  auto *handle = rte_flow_action_handle_create(proxy_, &conf, &action, &error);
  if (handle == nullptr) told(-rte_errno, error);
  return handle;
}

bool DpdkDevice::turn_handle(rte_flow_action_handle *handle, const rte_flow_action &action, bool reply, rte_flow_error &error) {
  if (action.type != RTE_FLOW_ACTION_TYPE_CONNTRACK) return true;
  rte_flow_modify_conntrack update{};
  update.new_ct = *static_cast<const rte_flow_action_conntrack *>(action.conf);
  update.new_ct.is_original_dir = !reply;
  update.direction = 1;
  return told(rte_flow_action_handle_update(proxy_, handle, &update, &error), error);
}

bool DpdkDevice::destroy_handle(rte_flow_action_handle *handle, rte_flow_error &error) {
  return told(rte_flow_action_handle_destroy(proxy_, handle, &error), error);
}

// A meter of RFC 2697 whose red packets are dropped, with a profile and a policy of its own number.
bool DpdkDevice::create_meter(const MeterProfile &meter, rte_flow_error &error) {
  rte_mtr_error failed{};
  rte_mtr_meter_profile profile{};
  profile.alg = RTE_MTR_SRTCM_RFC2697;
  profile.srtcm_rfc2697.cir = meter.cir;
  profile.srtcm_rfc2697.cbs = meter.cbs;
  if (!mtr(rte_mtr_meter_profile_add(port_, meter.id, &profile, &failed), failed, error)) return false;
  const rte_flow_action drop[] = {{RTE_FLOW_ACTION_TYPE_DROP, nullptr}, {RTE_FLOW_ACTION_TYPE_END, nullptr}};
  rte_mtr_meter_policy_params policy{};
  policy.actions[RTE_COLOR_RED] = drop;
  if (!mtr(rte_mtr_meter_policy_add(port_, meter.id, &policy, &failed), failed, error)) {
    rte_mtr_meter_profile_delete(port_, meter.id, &failed);
    return false;
  }
  rte_mtr_params params{};
  params.meter_profile_id = meter.id;
  params.meter_policy_id = meter.id;
  params.meter_enable = 1;
  if (mtr(rte_mtr_create(port_, meter.id, &params, 1, &failed), failed, error)) return true;
  rte_mtr_meter_policy_delete(port_, meter.id, &failed);
  rte_mtr_meter_profile_delete(port_, meter.id, &failed);
  return false;
}

bool DpdkDevice::destroy_meter(uint32_t id, rte_flow_error &error) {
  rte_mtr_error failed{};
  if (!mtr(rte_mtr_destroy(port_, id, &failed), failed, error)) return false;
  rte_mtr_meter_policy_delete(port_, id, &failed);
  rte_mtr_meter_profile_delete(port_, id, &failed);
  return true;
}

}  // namespace lflow
