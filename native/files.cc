#include "files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lflow {

namespace fs = std::filesystem;

namespace {
constexpr std::streamsize kMaxText = 65536;
}

std::optional<std::string> read_text(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kMaxText, '\0');
  file.read(text.data(), kMaxText);
  // Some attributes can be opened but not read, such as phys_switch_id of a device that has none.
  if (file.bad() || (file.gcount() == 0 && !file.eof())) return std::nullopt;
  text.resize(static_cast<size_t>(file.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return text;
}

std::optional<uint64_t> read_number(const std::string &path) {
  const auto text = read_text(path);
  if (!text || text->empty()) return std::nullopt;
  char *end = nullptr;
  const uint64_t value = std::strtoull(text->c_str(), &end, 0);
  if (end == text->c_str()) return std::nullopt;
  return value;
}

std::vector<std::string> list(const std::string &path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::string> link_name(const std::string &path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  if (error) return std::nullopt;
  return target.filename().string();
}

}  // namespace lflow
