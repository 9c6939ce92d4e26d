// Huge pages (Documentation/admin-guide/mm/hugetlbpage.rst of Linux), which DPDK keeps packets in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lflow {

struct HugePages {
  uint64_t kilobytes = 0;  // the size of one
  uint64_t total = 0;
  uint64_t free = 0;
};

struct HugePageMount {
  std::string path;
  std::string options;  // with pagesize=... where it was given
};

// One a size that the kernel knows, also where none is set aside; the smallest first.
std::vector<HugePages> find_huge_pages(const std::string &root);

std::vector<HugePageMount> find_huge_page_mounts(const std::string &root);

}  // namespace lflow
