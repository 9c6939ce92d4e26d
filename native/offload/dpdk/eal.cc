#include "eal.h"

#include <net/if.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "../../files.h"

namespace lflow {

namespace {

constexpr uint16_t kDescriptors = 64;
constexpr unsigned int kBuffers = 511;

bool started = false;

std::string kernel_name(unsigned int index) {
  char name[IF_NAMESIZE] = "";
  if (index == 0 || if_indextoname(index, name) == nullptr) return "";
  return read_text(std::string("/sys/class/net/") + name + "/phys_port_name").value_or("");
}

bool fail(std::string &error, const std::string &what, int code) {
  error = what + ": " + rte_strerror(code < 0 ? -code : code);
  return false;
}

// One queue each way, which drivers want of a port that takes rules.  Isolated, where the driver can do that: packets that
// no rule takes stay with the kernel's interfaces.
bool start_port(const Port &port, rte_mempool *pool, std::string &error) {
  rte_flow_error ignored{};
  rte_flow_isolate(port.number, 1, &ignored);
  const rte_eth_conf conf{};
  const int socket = rte_eth_dev_socket_id(port.number);
  int code = rte_eth_dev_configure(port.number, 1, 1, &conf);
  if (code != 0) return fail(error, "port " + port.name + " cannot be configured", code);
  const auto numa = static_cast<unsigned int>(socket < 0 ? 0 : socket);
  code = rte_eth_rx_queue_setup(port.number, 0, kDescriptors, numa, nullptr, pool);
  if (code == 0) code = rte_eth_tx_queue_setup(port.number, 0, kDescriptors, numa, nullptr);
  if (code != 0) return fail(error, "port " + port.name + " gets no queues", code);
  code = rte_eth_dev_start(port.number);
  return code == 0 || fail(error, "port " + port.name + " does not start", code);
}

}  // namespace

std::string port_name(const std::string &ethdev, const std::string &phys_port_name) {
  if (!phys_port_name.empty()) return phys_port_name;
  const std::string mark = "_representor_";
  const size_t at = ethdev.find(mark);
  return at == std::string::npos ? ethdev : ethdev.substr(at + mark.size());
}

bool start_eal(const std::vector<std::string> &options, std::vector<Port> &ports, std::string &error) {
  if (started) {
    error = "DPDK was started in this process already, and cannot be started twice";
    return false;
  }
  std::vector<std::string> texts{"lflow"};
  texts.insert(texts.end(), options.begin(), options.end());
  std::vector<char *> arguments;
  for (auto &text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  started = true;
  if (rte_eal_init(static_cast<int>(texts.size()), arguments.data()) < 0) {
    return fail(error, "DPDK does not start with these options", rte_errno);
  }
  uint16_t number = 0;
  RTE_ETH_FOREACH_DEV(number) {
    char ethdev[RTE_ETH_NAME_MAX_LEN] = "";
    rte_eth_dev_info info{};
    rte_eth_dev_get_name_by_port(number, ethdev);
    if (rte_eth_dev_info_get(number, &info) != 0) continue;
    // A representor sits on the bus where its physical function does, whose address is not its own.
    const bool representor = info.dev_flags != nullptr && (*info.dev_flags & RTE_ETH_DEV_REPRESENTOR) != 0;
    const std::string device = info.device == nullptr || representor ? "" : rte_dev_name(info.device);
    ports.push_back({number, port_name(ethdev, kernel_name(info.if_index)), device});
  }
  if (ports.empty()) {
    error = "DPDK has found no port: name devices with --allow=ADDRESS,representor=... or --vdev=...";
    return false;
  }
  rte_mempool *pool = rte_pktmbuf_pool_create("lflow", kBuffers, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) return fail(error, "there is no memory for packets; DPDK wants huge pages, or --no-huge", rte_errno);
  for (const auto &port : ports) {
    if (!start_port(port, pool, error)) return false;
  }
  return true;
}

void stop_eal(const std::vector<Port> &ports) {
  for (const auto &port : ports) {
    rte_eth_dev_stop(port.number);
    rte_eth_dev_close(port.number);
  }
  rte_eal_cleanup();
}

}  // namespace lflow
