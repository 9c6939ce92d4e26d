// Packet sockets (packet(7)): frames in and out of any interface without DPDK.
#pragma once

#include <string>

namespace lflow {

struct PacketSocket {
  bool opens = false;
  // The ring of packets shared with the kernel that wastes least (PACKET_RX_RING, version 3).
  bool ring = false;
  std::string reason;  // why it does not open, in the words of errno; empty if it does
};

// Opens one that sees no interface, and closes it again.
PacketSocket try_packet_socket();

}  // namespace lflow
