// NVIDIA (Mellanox) network controllers on the PCI bus, as sysfs shows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lflow {

struct Netdev {
  std::string name;
  std::string port;       // phys_port_name: p0, pf0vf1, ...; empty if the driver gives none
  std::string switch_id;  // phys_switch_id; only a port of an embedded switch in switchdev mode has one
  std::string state;      // operstate
};

struct PciDevice {
  std::string address;   // 0000:03:00.0
  uint16_t device = 0;   // PCI device ID; the vendor is 15b3
  uint32_t class_ = 0;   // 0x020000 is an Ethernet controller
  std::string driver;    // mlx5_core, vfio-pci, ...; empty if none is bound
  std::string physical;  // the physical function's address if this is a virtual one
  int numa = -1;
  uint64_t vfs = 0;      // virtual functions that are there
  uint64_t max_vfs = 0;
  std::vector<Netdev> netdevs;
};

std::vector<PciDevice> find_pci_devices(const std::string &root);

// What the firmware calls this machine; a BlueField's Arm side says so here.
std::string find_product(const std::string &root);

}  // namespace lflow
