// What the processor can do that matters to a data plane.
#pragma once

#include <string>
#include <vector>

namespace lflow {

struct Cpu {
  std::string architecture;            // as uname -m says it: x86_64, aarch64
  std::string model;                   // empty if the kernel does not tell
  unsigned int cpus = 0;               // that this process may run on
  std::vector<std::string> features;   // those that it has
  std::vector<std::string> lacking;    // those that we look for and it has not
};

// `root` stands before /proc.
Cpu find_cpu(const std::string &root);

}  // namespace lflow
