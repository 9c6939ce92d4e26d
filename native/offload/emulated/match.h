// Whether a packet has what a pattern asks for, as the hardware of mlx5 devices sees it:
// - items follow each other as headers do; VLAN tags that no item names are passed over, and so is all Ethernet where
//   a pattern begins with an IP item;
// - of a fragment, the first one included, there is nothing to see behind the IP header.
#pragma once

#include <rte_flow.h>

#include "packet.h"

namespace lflow {

bool matches(const rte_flow_item *pattern, const Packet &packet);

}  // namespace lflow
