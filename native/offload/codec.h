// Rules between JSON (engine/offload/rules.ts) and the structures of rte_flow.h, both ways.
#pragma once

#include <rte_flow.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "json.h"

namespace lflow {

// A port of a device.  A representor is known by its own name, such as pf0vf2, or by the PCI address of what it stands for.
struct Port {
  uint16_t number = 0;  // of the ethdev
  std::string name;
  std::string device;  // as the bus names it; '' if it is on none
};

// What names in rules stand for.
struct Names {
  std::vector<Port> ports;
  std::map<uint32_t, rte_flow_action_handle *> handles;  // of `indirect`

  std::optional<uint16_t> port(const std::string &name) const;
};

// Memory of structures, all freed at once.
class Arena {
 public:
  // Zeroed memory for `count` of T.
  template <typename T>
  T *make(size_t count = 1) {
    return reinterpret_cast<T *>(take(sizeof(T) * count));
  }
  uint8_t *take(size_t size);

 private:
  std::vector<std::unique_ptr<uint64_t[]>> blocks_;
  size_t left_ = 0;
  uint8_t *next_ = nullptr;
};

// A rule as rte_flow takes it.  Both lists end with END, as in DPDK.
struct FlowRule {
  rte_flow_attr attr{};
  std::vector<rte_flow_item> items;
  std::vector<rte_flow_action> actions;
  std::string cookie;
  // Of a connection's packets it takes those of the other direction; and the action that says so.
  bool reply = false;
  rte_flow_action_handle *connection = nullptr;
  Arena memory;
};

// The structures of a rule.  `context` is what get_aged_flows gives back for it.  Null where the rule is not right; then
// `error` says where and why.
std::unique_ptr<FlowRule> encode_rule(const Json &rule, const Names &names, void *context, std::string &error);
// One action with its memory, in `rule`, for what rules share.
std::unique_ptr<FlowRule> encode_action(const Json &action, const Names &names, std::string &error);

// The rule that structures say: all numbers of actions are there, fields of items only where their mask is not 0.
Json decode_rule(const FlowRule &rule, const Names &names);
Json decode_action(const rte_flow_action &action, const Names &names);

// The names and kinds of all fields, as engine/offload/rules.ts has them.
Json describe_fields();

}  // namespace lflow
