// Rules in the structures of DOCA Flow: each is an entry of a control pipe, and a group is such a pipe.
#pragma once

#include <doca_flow.h>

#include <optional>
#include <string>
#include <vector>

#include "../codec.h"

namespace lflow {

// An entry but for what is a pointer into DOCA: the pipe that it is in, and the one that it leads to.
struct DocaEntry {
  doca_flow_match match{};
  doca_flow_match mask{};
  bool changes = false;  // `actions` say something
  doca_flow_actions actions{};
  doca_flow_actions actions_mask{};
  std::vector<doca_flow_action_desc> descs;
  doca_flow_monitor monitor{};
  doca_flow_fwd fwd{};
  std::optional<uint32_t> jump;  // in the place of fwd.next_pipe
  bool software = false;         // in the place of fwd.target
};

// False where DOCA Flow cannot say the rule, or we cannot; then `error` says where and why.
bool translate(const FlowRule &rule, DocaEntry &entry, rte_flow_error &error);

}  // namespace lflow
