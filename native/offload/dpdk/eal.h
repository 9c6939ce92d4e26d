// DPDK's environment: started once in a process, on the thread that uses it from then on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../codec.h"

namespace lflow {

// Starts it with the user's options, e.g. {"--no-huge", "--no-pci", "--vdev=net_null0"}, and all its ports with one queue
// each.  False if that fails; then `error` is a sentence.
bool start_eal(const std::vector<std::string> &options, std::vector<Port> &ports, std::string &error);

// Stops the ports and the environment.  It cannot be started again in this process.
void stop_eal(const std::vector<Port> &ports);

// What a port is called: by the kernel's name of the representor (phys_port_name), otherwise by what stands behind
// "_representor_" in the ethdev's name, otherwise by that name.
std::string port_name(const std::string &ethdev, const std::string &phys_port_name);

}  // namespace lflow
