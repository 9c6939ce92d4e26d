#include "cpu.h"

#include <sched.h>
#include <sys/utsname.h>

#include <sstream>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "files.h"

namespace lflow {

namespace {

void note(Cpu &cpu, const char *name, bool present) {
  (present ? cpu.features : cpu.lacking).emplace_back(name);
}

#if defined(__x86_64__) || defined(__i386__)
void find_features(Cpu &cpu) {
  __builtin_cpu_init();
  // WebAssembly's SIMD compiles to SSE 4.1 and better; DPDK's vector paths want AVX2 or AVX-512.
  note(cpu, "sse4.2", __builtin_cpu_supports("sse4.2"));
  note(cpu, "avx2", __builtin_cpu_supports("avx2"));
  note(cpu, "avx512f", __builtin_cpu_supports("avx512f"));
  note(cpu, "bmi2", __builtin_cpu_supports("bmi2"));
  note(cpu, "pclmul", __builtin_cpu_supports("pclmul"));
}
#elif defined(__aarch64__)
void find_features(Cpu &cpu) {
  const unsigned long bits = getauxval(AT_HWCAP);
  note(cpu, "asimd", bits & HWCAP_ASIMD);
  note(cpu, "crc32", bits & HWCAP_CRC32);
  note(cpu, "atomics", bits & HWCAP_ATOMICS);
  note(cpu, "pmull", bits & HWCAP_PMULL);
  note(cpu, "sve", bits & HWCAP_SVE);
}
#else
void find_features(Cpu &) {}
#endif

std::string find_model(const std::string &root) {
  std::istringstream lines(read_text(root + "/proc/cpuinfo").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return read_text(root + "/sys/firmware/devicetree/base/model").value_or("");
}

}  // namespace

Cpu find_cpu(const std::string &root) {
  Cpu cpu;
  utsname name{};
  if (uname(&name) == 0) cpu.architecture = name.machine;
  cpu.model = find_model(root);
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpu.cpus = static_cast<unsigned int>(CPU_COUNT(&set));
  find_features(cpu);
  return cpu;
}

}  // namespace lflow
