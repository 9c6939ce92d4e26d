// Small files of /proc and /sys.  What is not there, or may not be read, is
// empty: a machine without a thing is no error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lflow {

// The contents without the white space at the end; at most 64 KiB.
std::optional<std::string> read_text(const std::string &path);

// A number in decimal, or in hexadecimal after 0x.
std::optional<uint64_t> read_number(const std::string &path);

// The names in a folder, sorted.
std::vector<std::string> list(const std::string &path);

// The last part of what a symbolic link points to.
std::optional<std::string> link_name(const std::string &path);

}  // namespace lflow
