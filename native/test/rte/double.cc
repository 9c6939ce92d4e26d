// A test double of what native/offload/dpdk uses of rte_flow(3) and rte_mtr(3): these definitions stand before DPDK's own
// in the program that has them.  Every call is a line in the file that LFLOW_RTE_RECORD names, and fails where
// LFLOW_RTE_FAIL says `FUNCTION:N`, its Nth call, with a message where LFLOW_RTE_MESSAGE has one.
#include <rte_errno.h>
#include <rte_flow.h>
#include <rte_mtr.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "../../offload/fields.h"

namespace {

std::map<std::string, int> calls;
uintptr_t last_flow = 0x1000;
void *aging = nullptr;  // the context of the rule that ages

// 0, or a negative error code.
int call(const std::string &function, const std::string &what, const void *cause = nullptr, rte_flow_error *error = nullptr) {
  if (const char *path = std::getenv("LFLOW_RTE_RECORD")) {
    if (FILE *file = std::fopen(path, "a")) {
      std::fprintf(file, "%s %s\n", function.c_str(), what.c_str());
      std::fclose(file);
    }
  }
  const char *fail = std::getenv("LFLOW_RTE_FAIL");
  if (fail == nullptr || function + ":" + std::to_string(++calls[function]) != fail) return 0;
  const char *message = std::getenv("LFLOW_RTE_MESSAGE");
  if (error != nullptr && message != nullptr) *error = {RTE_FLOW_ERROR_TYPE_ACTION, cause, message};
  rte_errno = ENOTSUP;
  return -ENOTSUP;
}

std::string port(uint16_t id) { return "port " + std::to_string(id); }

std::string rule(uint16_t id, const rte_flow_attr *attr, const rte_flow_item *items, const rte_flow_action *actions) {
  std::string what = port(id) + (attr->transfer ? " transfer" : attr->ingress ? " ingress" : " egress") + " group " +
                     std::to_string(attr->group) + " priority " + std::to_string(attr->priority) + " pattern";
  for (; items->type != RTE_FLOW_ITEM_TYPE_END; items++) what += std::string(" ") + lflow::find_item(items->type)->name;
  what += " actions";
  for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
    what += std::string(" ") + lflow::find_action(actions->type)->name;
    if (actions->type == RTE_FLOW_ACTION_TYPE_AGE) aging = static_cast<const rte_flow_action_age *>(actions->conf)->context;
  }
  return what;
}

const void *last_action(const rte_flow_action *actions) {
  while (actions[1].type != RTE_FLOW_ACTION_TYPE_END) actions++;
  return actions;
}

}  // namespace

extern "C" {

// The second port is the one that takes rules of the switch.
int rte_flow_pick_transfer_proxy(uint16_t id, uint16_t *proxy, rte_flow_error *) {
  *proxy = 1;
  return call("rte_flow_pick_transfer_proxy", port(id));
}

int rte_flow_validate(uint16_t id, const rte_flow_attr *attr, const rte_flow_item items[], const rte_flow_action actions[], rte_flow_error *error) {
  return call("rte_flow_validate", rule(id, attr, items, actions), last_action(actions), error);
}

struct rte_flow *rte_flow_create(uint16_t id, const rte_flow_attr *attr, const rte_flow_item items[], const rte_flow_action actions[], rte_flow_error *error) {
  if (call("rte_flow_create", rule(id, attr, items, actions), last_action(actions), error) != 0) return nullptr;
  return reinterpret_cast<struct rte_flow *>(++last_flow);
}

int rte_flow_destroy(uint16_t id, struct rte_flow *flow, rte_flow_error *error) {
  return call("rte_flow_destroy", port(id) + " flow " + std::to_string(reinterpret_cast<uintptr_t>(flow) - 0x1000), nullptr, error);
}

int rte_flow_flush(uint16_t id, rte_flow_error *error) { return call("rte_flow_flush", port(id), nullptr, error); }

int rte_flow_query(uint16_t id, struct rte_flow *, const rte_flow_action *action, void *data, rte_flow_error *error) {
  if (action->type == RTE_FLOW_ACTION_TYPE_COUNT) {
    auto *count = static_cast<rte_flow_query_count *>(data);
    count->hits = 3;
    count->bytes = 1500;
  } else {
    auto *age = static_cast<rte_flow_query_age *>(data);
    age->aged = 1;
    age->sec_since_last_hit_valid = 1;
    age->sec_since_last_hit = 17;
  }
  return call("rte_flow_query", port(id) + " " + lflow::find_action(action->type)->name, nullptr, error);
}

int rte_flow_get_aged_flows(uint16_t id, void **contexts, uint32_t count, rte_flow_error *error) {
  const int result = call("rte_flow_get_aged_flows", port(id) + " " + std::to_string(count), nullptr, error);
  if (result != 0) return result;
  if (aging != nullptr && count > 0) contexts[0] = aging;
  return aging == nullptr ? 0 : 1;
}

rte_flow_action_handle *rte_flow_action_handle_create(uint16_t id, const rte_flow_indir_action_conf *conf, const rte_flow_action *action, rte_flow_error *error) {
  const std::string what = port(id) + (conf->transfer ? " transfer" : "") + " " + lflow::find_action(action->type)->name;
  if (call("rte_flow_action_handle_create", what, action, error) != 0) return nullptr;
  return reinterpret_cast<rte_flow_action_handle *>(++last_flow);
}

int rte_flow_action_handle_update(uint16_t id, rte_flow_action_handle *, const void *update, rte_flow_error *error) {
  const auto *change = static_cast<const rte_flow_modify_conntrack *>(update);
  const std::string what = change->direction && !change->state ? (change->new_ct.is_original_dir ? " original" : " reply") : " ?";
  return call("rte_flow_action_handle_update", port(id) + what, nullptr, error);
}

int rte_flow_action_handle_destroy(uint16_t id, rte_flow_action_handle *, rte_flow_error *error) {
  return call("rte_flow_action_handle_destroy", port(id), nullptr, error);
}

int rte_mtr_meter_profile_add(uint16_t id, uint32_t profile, rte_mtr_meter_profile *what, rte_mtr_error *) {
  return call("rte_mtr_meter_profile_add", port(id) + " " + std::to_string(profile) + " cir " + std::to_string(what->srtcm_rfc2697.cir) +
                                               " cbs " + std::to_string(what->srtcm_rfc2697.cbs));
}
int rte_mtr_meter_profile_delete(uint16_t id, uint32_t profile, rte_mtr_error *) {
  return call("rte_mtr_meter_profile_delete", port(id) + " " + std::to_string(profile));
}
int rte_mtr_meter_policy_add(uint16_t id, uint32_t policy, rte_mtr_meter_policy_params *what, rte_mtr_error *) {
  const bool drops = what->actions[RTE_COLOR_RED] != nullptr && what->actions[RTE_COLOR_RED]->type == RTE_FLOW_ACTION_TYPE_DROP;
  return call("rte_mtr_meter_policy_add", port(id) + " " + std::to_string(policy) + (drops ? " red drops" : ""));
}
int rte_mtr_meter_policy_delete(uint16_t id, uint32_t policy, rte_mtr_error *) {
  return call("rte_mtr_meter_policy_delete", port(id) + " " + std::to_string(policy));
}
int rte_mtr_create(uint16_t id, uint32_t meter, rte_mtr_params *params, int shared, rte_mtr_error *) {
  return call("rte_mtr_create", port(id) + " " + std::to_string(meter) + " profile " + std::to_string(params->meter_profile_id) + " policy " +
                                    std::to_string(params->meter_policy_id) + (params->meter_enable ? " enabled" : "") + (shared ? " shared" : ""));
}
int rte_mtr_destroy(uint16_t id, uint32_t meter, rte_mtr_error *) { return call("rte_mtr_destroy", port(id) + " " + std::to_string(meter)); }

}
