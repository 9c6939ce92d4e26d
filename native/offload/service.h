// A device behind requests and answers in JSON, one object each: what the addon and lflow-device have in common.
// native/offload/protocol.ts has the types of all requests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "codec.h"
#include "device.h"
#include "emulated/device.h"
#include "json.h"

namespace lflow {

class Service {
 public:
  // `emulated` is the same device where it is an emulated one, otherwise null.
  Service(std::unique_ptr<Device> device, EmulatedDevice *emulated);
  ~Service();

  // An answer to every request; {"error": sentence} where it cannot be done.  `client` tells who asks: while one has
  // claimed the device, no other may change its rules.
  Json answer(const Json &request, int client = 0);
  // The client asks no more.
  void leave(int client);

 private:
  struct Installed {
    std::unique_ptr<FlowRule> rule;
    Flow *flow = nullptr;
  };
  struct Shared {
    std::unique_ptr<FlowRule> action;
    rte_flow_action_handle *handle = nullptr;
  };

  Json ports() const;
  Json convert(const Json &request) const;
  Json validate(const Json &request);
  Json create(const Json &request);
  Json destroy(const Json &request);
  Json flush();
  Json list(const Json &request);
  Json aged();
  Json create_handle(const Json &request);
  Json destroy_handle(const Json &request);
  Json create_meter(const Json &request);
  Json destroy_meter(const Json &request);
  Json handles() const;
  Json receive(const Json &request);

  // The id of a new rule; 0 where it was not taken, then `error` says why.
  uint64_t install(const Json &json, std::string &error);
  bool remove(uint64_t id, std::string &error);

  Json change(const Json &request);
  Json claim(int client);

  std::unique_ptr<Device> device_;
  EmulatedDevice *emulated_;
  bool claimed_ = false;
  int owner_ = 0;
  Names names_;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Installed> rules_;
  std::map<uint32_t, Shared> shared_;
  std::map<uint32_t, MeterProfile> meters_;
};

// A service by its options, {"kind": "emulated" | "dpdk" | "doca", ...}; null where there is none, then `error` says why.
std::unique_ptr<Service> open_service(const Json &options, std::string &error);

}  // namespace lflow
