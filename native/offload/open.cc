// The devices by their options.
#include "dpdk/device.h"
#include "service.h"
#ifdef LFLOW_DOCA
#include "doca/device.h"
#endif

namespace lflow {

namespace {

bool strings(const Json &list, std::vector<std::string> &to) {
  if (!list.is(Json::Kind::array)) return false;
  for (const Json &each : list.items()) {
    if (!each.is(Json::Kind::string)) return false;
    to.push_back(each.text());
  }
  return true;
}

std::unique_ptr<Service> open_emulated(const Json &options, std::string &error) {
  std::vector<std::string> ports;
  if (!strings(options["ports"], ports) || ports.empty()) {
    error = "an emulated device takes ports, a list of names";
    return nullptr;
  }
  const Json &capabilities = options["capabilities"];
  if (!capabilities.is(Json::Kind::null) && !capabilities.is(Json::Kind::object)) {
    error = "capabilities is the object of a capability file";
    return nullptr;
  }
  auto device = std::make_unique<EmulatedDevice>(ports, capabilities);
  EmulatedDevice *emulated = device.get();
  return std::make_unique<Service>(std::move(device), emulated);
}

std::unique_ptr<Service> served(std::unique_ptr<Device> device) {
  return device ? std::make_unique<Service>(std::move(device), nullptr) : nullptr;
}

}  // namespace

std::unique_ptr<Service> open_service(const Json &options, std::string &error) {
  const std::string &kind = options["kind"].text();
  if (kind == "emulated") return open_emulated(options, error);
  std::vector<std::string> eal;
  if (options.has("eal") && !strings(options["eal"], eal)) {
    error = "eal is a list of DPDK's options";
    return nullptr;
  }
  if (kind == "dpdk") return served(DpdkDevice::open(eal, options["port"].text(), error));
#ifdef LFLOW_DOCA
  if (kind == "doca") return served(DocaDevice::open(eal, options, error));
#else
  if (kind == "doca") {
    error = "this build has no DOCA Flow: pkg-config found no doca-flow when it was made";
    return nullptr;
  }
#endif
  error = "a device is of kind emulated, dpdk or doca, not " + options["kind"].print();
  return nullptr;
}

}  // namespace lflow
