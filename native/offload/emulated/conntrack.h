// Connections of the action conntrack: what RFC 9293 says of states, and of sequence numbers as far as the parameters of
// rte_flow_action_conntrack go.
#pragma once

#include <rte_flow.h>

#include "packet.h"

namespace lflow {

// A connection that rules share, or a rule's own.
struct Connection {
  rte_flow_action_conntrack state{};
  // Whose packets the rules take that are created from now on.
  bool reply = false;
};

// Sends a packet through the connection; the result are bits of RTE_FLOW_CONNTRACK_PKT_STATE_*.  A segment that does not
// belong to the connection leaves it as it is.
uint32_t track(Connection &connection, const Packet &packet, bool reply);

}  // namespace lflow
