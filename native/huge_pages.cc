#include "huge_pages.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "files.h"

namespace lflow {

std::vector<HugePages> find_huge_pages(const std::string &root) {
  const std::string folder = root + "/sys/kernel/mm/hugepages";
  const std::string prefix = "hugepages-";
  std::vector<HugePages> found;
  for (const auto &name : list(folder)) {
    if (name.rfind(prefix, 0) != 0) continue;
    HugePages pages;
    pages.kilobytes = std::strtoull(name.c_str() + prefix.size(), nullptr, 10);
    pages.total = read_number(folder + "/" + name + "/nr_hugepages").value_or(0);
    pages.free = read_number(folder + "/" + name + "/free_hugepages").value_or(0);
    found.push_back(pages);
  }
  std::sort(found.begin(), found.end(), [](const auto &a, const auto &b) { return a.kilobytes < b.kilobytes; });
  return found;
}

std::vector<HugePageMount> find_huge_page_mounts(const std::string &root) {
  std::istringstream lines(read_text(root + "/proc/self/mounts").value_or(""));
  std::vector<HugePageMount> found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device;
    std::string path;
    std::string type;
    std::string options;
    if (words >> device >> path >> type >> options && type == "hugetlbfs") found.push_back({path, options});
  }
  return found;
}

}  // namespace lflow
