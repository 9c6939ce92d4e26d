#include "libraries.h"

#include <dlfcn.h>

#include <vector>

#ifdef LFLOW_DPDK
#include <rte_version.h>
#endif
#ifdef LFLOW_DOCA
#include <doca_version.h>
#endif

namespace lflow {

namespace {

using Version = const char *(*)();

// Loads the first of `files` that there is, and asks it for its version by the function `symbol`.
[[maybe_unused]] Library load(const std::vector<std::string> &files, const char *symbol) {
  Library library;
  for (const auto &file : files) {
    // It stays loaded: DPDK's constructors register things that closing it would leave behind.
    void *handle = dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
      const char *why = dlerror();
      if (library.reason.empty() && why != nullptr) library.reason = why;
      continue;
    }
    library.present = true;
    library.file = file;
    library.reason.clear();
    const auto version = reinterpret_cast<Version>(dlsym(handle, symbol));
    if (version != nullptr) library.version = version();
    dlclose(handle);
    return library;
  }
  return library;
}

}  // namespace

Library find_dpdk() {
#ifdef LFLOW_DPDK
  return {true, true, rte_version(), "", ""};
#else
  std::vector<std::string> files{"librte_eal.so"};
  // The ABI's number goes up by one a year: 26 is DPDK 25.11, 21 is 20.11.
  for (int abi = 30; abi >= 21; abi--) files.push_back("librte_eal.so." + std::to_string(abi));
  return load(files, "rte_version");
#endif
}

Library find_doca() {
#ifdef LFLOW_DOCA
  return {true, true, doca_version_runtime(), "", ""};
#else
  // The version is libdoca_common's, which libdoca_flow is linked to.
  return load({"libdoca_flow.so", "libdoca_flow.so.4", "libdoca_flow.so.3", "libdoca_flow.so.2", "libdoca_flow.so.1"},
              "doca_version_runtime");
#endif
}

}  // namespace lflow
