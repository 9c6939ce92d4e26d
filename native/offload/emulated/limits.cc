#include "limits.h"

#include <algorithm>

#include "../fields.h"

namespace lflow {

namespace {

using Kind = Json::Kind;

const rte_flow_item_geneve_opt *option_of(const rte_flow_item &item) {
  return item.type == RTE_FLOW_ITEM_TYPE_GENEVE_OPT ? static_cast<const rte_flow_item_geneve_opt *>(item.spec) : nullptr;
}

std::pair<uint32_t, uint32_t> key_of(const rte_flow_item_geneve_opt &option) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(&option);
  return {static_cast<uint32_t>(bytes[0]) << 16 | static_cast<uint32_t>(bytes[1]) << 8 | bytes[2], option.option_len};
}

bool says(const Json &list, const char *name) {
  const auto &items = list.items();
  return std::any_of(items.begin(), items.end(), [name](const Json &each) { return each.text() == name; });
}

int64_t dwords(const rte_flow_item &item, const ItemKind &kind) {
  if (item.mask == nullptr) return 0;
  int64_t bits = 0;
  for (const Field &field : kind.fields) {
    if (field.kind != FieldKind::hex) bits += count_bits(field, item.mask);
  }
  const auto *option = option_of(item);
  if (option != nullptr && option->data != nullptr) bits += option->option_len * 32;
  return (bits + 31) / 32;
}

// The changes of a rule's headers and registers, each of 32 bits at most.
int64_t commands(const rte_flow_action &action) {
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD: return (static_cast<const rte_flow_action_modify_field *>(action.conf)->width + 31) / 32;
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_SRC:
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_DST: return 4;
    case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC:
    case RTE_FLOW_ACTION_TYPE_SET_MAC_DST: return 2;
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_SRC:
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_DST:
    case RTE_FLOW_ACTION_TYPE_SET_IPV4_DSCP:
    case RTE_FLOW_ACTION_TYPE_SET_IPV6_DSCP:
    case RTE_FLOW_ACTION_TYPE_SET_TP_SRC:
    case RTE_FLOW_ACTION_TYPE_SET_TP_DST:
    case RTE_FLOW_ACTION_TYPE_SET_TTL:
    case RTE_FLOW_ACTION_TYPE_DEC_TTL:
    case RTE_FLOW_ACTION_TYPE_SET_TAG:
    case RTE_FLOW_ACTION_TYPE_SET_META: return 1;
    default: return 0;
  }
}

bool is_output(const rte_flow_action &action) {
  return action.type == RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT || action.type == RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR ||
         action.type == RTE_FLOW_ACTION_TYPE_SAMPLE;
}

bool no(rte_flow_error &error, rte_flow_error_type type, const void *cause) { return refuse(error, type, cause, nullptr); }

// Why an item or an action is not there; empty if it is.
std::string missing(const Json &ability, const char *name) {
  if (ability.is(Kind::null)) return std::string(name) + " is not among what the device is known to do";
  const Json &why = ability["unsupported"];
  return why.is(Kind::null) ? "" : std::string(name) + ": " + why.text();
}

}  // namespace

bool Limits::above(const char *name, int64_t value, std::string &why) const {
  const Json &limit = capabilities_["limits"][name]["value"];
  if (!limit.is(Kind::number) || static_cast<double>(value) <= limit.number()) return false;
  why = "the device has " + limit.print() + " " + name + ", and this needs " + std::to_string(value);
  return true;
}

bool Limits::allow(const FlowRule &rule, rte_flow_error &error, std::string &why) const {
  if (capabilities_.is(Kind::null)) return true;
  if (rule.attr.group != 0 && above("priorities", int64_t{rule.attr.priority} + 1, why)) {
    return no(error, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, &rule.attr);
  }
  if (above("groups", int64_t{rule.attr.group} + 1, why)) return no(error, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, &rule.attr);
  if (above("rules", rules_ + 1, why)) return no(error, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, nullptr);
  return allow_items(rule, error, why) && allow_actions(rule, error, why) && allow_order(rule, error, why) &&
         allow_together(rule, error, why);
}

bool Limits::allow_items(const FlowRule &rule, rte_flow_error &error, std::string &why) const {
  int64_t width = 0;
  int64_t tags = 0;
  auto options = options_;
  for (const auto &item : rule.items) {
    const ItemKind *kind = find_item(item.type);
    if (kind == nullptr) continue;
    const Json &ability = capabilities_["items"][kind->name];
    why = missing(ability, kind->name);
    if (!why.empty()) return no(error, RTE_FLOW_ERROR_TYPE_ITEM, &item);
    for (const Field &field : kind->fields) {
      const auto *option = option_of(item);
      const bool asked = field.kind == FieldKind::hex ? option != nullptr && option->data != nullptr
                                                      : item.mask != nullptr && !is_zero(field, item.mask);
      if (!asked || !ability.has("fields") || says(ability["fields"], field.name)) continue;
      why = std::string(kind->name) + ": the device does not look at " + field.name;
      return no(error, RTE_FLOW_ERROR_TYPE_ITEM_MASK, &item);
    }
    if (item.type == RTE_FLOW_ITEM_TYPE_TAG && item.spec != nullptr &&
        above("tags", int64_t{static_cast<const rte_flow_item_tag *>(item.spec)->index} + 1, why)) {
      return no(error, RTE_FLOW_ERROR_TYPE_ITEM_SPEC, &item);
    }
    if (const auto *option = option_of(item)) options[key_of(*option)]++;
    tags += item.type == RTE_FLOW_ITEM_TYPE_VLAN;
    width += dwords(item, *kind);
  }
  int64_t words = 0;
  for (const auto &[key, count] : options) words += 1 + static_cast<int64_t>(key.second);
  if (above("items", static_cast<int64_t>(rule.items.size()) - 1, why) || above("matchDwords", width, why) ||
      above("vlanTags", tags, why) || above("geneveOptionDwords", words, why) ||
      above("geneveOptions", static_cast<int64_t>(options.size()), why)) {
    return no(error, RTE_FLOW_ERROR_TYPE_ITEM_NUM, rule.items.data());
  }
  return true;
}

bool Limits::allow_actions(const FlowRule &rule, rte_flow_error &error, std::string &why) const {
  int64_t changes = 0;
  int64_t outputs = 0;
  for (const auto &action : rule.actions) {
    const ActionKind *kind = find_action(action.type);
    if (kind == nullptr) continue;
    const Json &ability = capabilities_["actions"][kind->name];
    why = missing(ability, kind->name);
    if (!why.empty()) return no(error, RTE_FLOW_ERROR_TYPE_ACTION, &action);
    changes += commands(action);
    outputs += is_output(action);
    if (action.type == RTE_FLOW_ACTION_TYPE_MODIFY_FIELD) {
      const auto &conf = *static_cast<const rte_flow_action_modify_field *>(action.conf);
      const ModifiableKind *field = find_modifiable(conf.dst.field);
      static const char *const operations[] = {"set", "add", "sub"};
      if (ability.has("fields") && !says(ability["fields"], field->name)) why = std::string("the device does not write ") + field->name;
      if (ability.has("operations") && !says(ability["operations"], operations[conf.operation])) {
        why = std::string("the device has no operation ") + operations[conf.operation];
      }
      if (why.empty() && conf.dst.field == RTE_FLOW_FIELD_TAG) above("tags", int64_t{conf.dst.level} + 1, why);
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_SET_TAG) {
      above("tags", int64_t{static_cast<const rte_flow_action_set_tag *>(action.conf)->index} + 1, why);
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_RAW_ENCAP) {
      above("encapBytes", static_cast<int64_t>(static_cast<const rte_flow_action_raw_encap *>(action.conf)->size), why);
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_JUMP) {
      above("groups", int64_t{static_cast<const rte_flow_action_jump *>(action.conf)->group} + 1, why);
    }
    if (action.type == RTE_FLOW_ACTION_TYPE_COUNT) above("counters", counters_ + 1, why);
    const bool tracks = action.type == RTE_FLOW_ACTION_TYPE_CONNTRACK || action.type == RTE_FLOW_ACTION_TYPE_INDIRECT;
    if (tracks && rule.attr.group == 0 && capabilities_["conntrack"]["notInRoot"].boolean()) {
      why = "connections are not tracked in group 0";
    }
    if (!why.empty()) return no(error, RTE_FLOW_ERROR_TYPE_ACTION_CONF, &action);
  }
  const char *commands_limit = rule.attr.group == 0 && capabilities_["limits"].has("modifyCommandsRoot") ? "modifyCommandsRoot" : "modifyCommands";
  if (above("actions", static_cast<int64_t>(rule.actions.size()) - 1, why) || above(commands_limit, changes, why) ||
      above("outputs", outputs, why)) {
    return no(error, RTE_FLOW_ERROR_TYPE_ACTION_NUM, rule.actions.data());
  }
  return true;
}

bool Limits::allow_order(const FlowRule &rule, rte_flow_error &error, std::string &why) const {
  const auto &steps = capabilities_["order"]["actions"].items();
  size_t reached = 0;
  for (const auto &action : rule.actions) {
    const ActionKind *kind = find_action(action.type);
    if (kind == nullptr) continue;
    for (size_t step = 0; step < steps.size(); step++) {
      if (!says(steps[step], kind->name)) continue;
      if (step < reached) {
        why = std::string(kind->name) + " comes too late: the device does it before what stands before it";
        return no(error, RTE_FLOW_ERROR_TYPE_ACTION, &action);
      }
      reached = step;
    }
  }
  return true;
}

bool Limits::allow_together(const FlowRule &rule, rte_flow_error &error, std::string &why) const {
  const auto used = [this, &rule](const Json &names) {
    for (const Json &name : names.items()) {
      const auto found = items_.find(name.text());
      if (found != items_.end() && found->second > 0) return true;
      const ItemKind *kind = find_item(name.text());
      for (const auto &item : rule.items) {
        if (kind != nullptr && item.type == kind->type && item.spec != nullptr) return true;
      }
    }
    return false;
  };
  for (const Json &exclusive : capabilities_["exclusive"].items()) {
    const auto &sets = exclusive["items"].items();
    if (std::count_if(sets.begin(), sets.end(), used) < 2) continue;
    why = exclusive["reason"].text();
    return no(error, RTE_FLOW_ERROR_TYPE_STATE, nullptr);
  }
  return true;
}

bool Limits::allow_connection(std::string &why) const { return !above("connections", connections_ + 1, why); }

bool Limits::allow_meter(std::string &why) const { return !above("meters", meters_ + 1, why); }

void Limits::note(const FlowRule &rule, int change) {
  rules_ += change;
  for (const auto &item : rule.items) {
    const ItemKind *kind = find_item(item.type);
    if (kind == nullptr) continue;
    // An item without fields only asks for the header, which needs nothing of the device.
    items_[kind->name] += item.spec == nullptr ? 0 : change;
    if (const auto *option = option_of(item)) {
      int64_t &count = options_[key_of(*option)];
      count += change;
      if (count == 0) options_.erase(key_of(*option));
    }
  }
  for (const auto &action : rule.actions) counters_ += action.type == RTE_FLOW_ACTION_TYPE_COUNT ? change : 0;
}

}  // namespace lflow
