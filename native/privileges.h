// Capabilities of this process (capabilities(7)) that touching the network takes.
#pragma once

namespace lflow {

struct Privileges {
  bool net_admin = false;  // set interfaces up, add them to bridges
  bool net_raw = false;    // packet sockets
  bool ipc_lock = false;   // keep memory from being swapped, as DMA needs it
};

Privileges find_privileges();

}  // namespace lflow
