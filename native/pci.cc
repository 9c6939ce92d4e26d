#include "pci.h"

#include "files.h"

namespace lflow {

namespace {

constexpr uint64_t kMellanox = 0x15b3;

std::vector<Netdev> find_netdevs(const std::string &folder) {
  std::vector<Netdev> found;
  for (const auto &name : list(folder)) {
    const std::string netdev = folder + "/" + name;
    found.push_back({
        name,
        read_text(netdev + "/phys_port_name").value_or(""),
        read_text(netdev + "/phys_switch_id").value_or(""),
        read_text(netdev + "/operstate").value_or(""),
    });
  }
  return found;
}

}  // namespace

std::vector<PciDevice> find_pci_devices(const std::string &root) {
  const std::string folder = root + "/sys/bus/pci/devices";
  std::vector<PciDevice> found;
  for (const auto &address : list(folder)) {
    const std::string path = folder + "/" + address;
    if (read_number(path + "/vendor") != kMellanox) continue;
    PciDevice device;
    device.address = address;
    device.device = static_cast<uint16_t>(read_number(path + "/device").value_or(0));
    device.class_ = static_cast<uint32_t>(read_number(path + "/class").value_or(0));
    device.driver = link_name(path + "/driver").value_or("");
    device.physical = link_name(path + "/physfn").value_or("");
    // A machine without NUMA says -1, which is what a missing file means as well.
    device.numa = static_cast<int>(read_number(path + "/numa_node").value_or(static_cast<uint64_t>(-1)));
    device.vfs = read_number(path + "/sriov_numvfs").value_or(0);
    device.max_vfs = read_number(path + "/sriov_totalvfs").value_or(0);
    device.netdevs = find_netdevs(path + "/net");
    found.push_back(device);
  }
  return found;
}

std::string find_product(const std::string &root) {
  const auto dmi = read_text(root + "/sys/class/dmi/id/product_name");
  if (dmi && !dmi->empty()) return *dmi;
  return read_text(root + "/sys/firmware/devicetree/base/model").value_or("");
}

}  // namespace lflow
