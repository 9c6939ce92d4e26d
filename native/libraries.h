// DPDK and DOCA: whether they are installed, and whether this addon was linked to them.
#pragma once

#include <string>

namespace lflow {

struct Library {
  bool linked = false;   // this addon was built against it
  bool present = false;  // it can be loaded on this machine
  std::string version;   // as it says itself; empty if it does not
  std::string file;      // the name under which it was found; empty if it was linked
  std::string reason;    // why it cannot be loaded; empty if it can
};

Library find_dpdk();
Library find_doca();

}  // namespace lflow
