// What a capability file (engine/offload/capabilities) says a device can do, held against rules.
#pragma once

#include <rte_flow.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "../device.h"
#include "../json.h"

namespace lflow {

class Limits {
 public:
  // Of the JSON of a capability file, which is taken to be as its schema says; null allows everything.
  explicit Limits(Json capabilities) : capabilities_(std::move(capabilities)) {}

  // Whether the device could take the rule besides those that it has.  If not, `why` says why and `error` where.
  bool allow(const FlowRule &rule, rte_flow_error &error, std::string &why) const;

  // The rules that there are.
  void add(const FlowRule &rule) { note(rule, 1); }
  void remove(const FlowRule &rule) { note(rule, -1); }
  // Connections and meters that rules share.
  bool allow_connection(std::string &why) const;
  bool allow_meter(std::string &why) const;
  void connections(int64_t change) { connections_ += change; }
  void meters(int64_t change) { meters_ += change; }

 private:
  // Whether a number is above a limit; never where that is not known.
  bool above(const char *name, int64_t value, std::string &why) const;
  bool allow_items(const FlowRule &rule, rte_flow_error &error, std::string &why) const;
  bool allow_actions(const FlowRule &rule, rte_flow_error &error, std::string &why) const;
  bool allow_order(const FlowRule &rule, rte_flow_error &error, std::string &why) const;
  bool allow_together(const FlowRule &rule, rte_flow_error &error, std::string &why) const;
  void note(const FlowRule &rule, int change);

  Json capabilities_;
  int64_t rules_ = 0;
  int64_t counters_ = 0;
  int64_t connections_ = 0;
  int64_t meters_ = 0;
  std::map<std::string, int64_t> items_;
  std::map<std::pair<uint32_t, uint32_t>, int64_t> options_;  // class << 8 | type, words of data
};

}  // namespace lflow
