// JSON (RFC 8259) as values: what rules, capability files and requests are written in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lflow {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };
  using Member = std::pair<std::string, Json>;

  Json() = default;
  Json(bool value) : kind_(Kind::boolean), number_(value ? 1 : 0) {}
  Json(double value) : kind_(Kind::number), number_(value) {}
  Json(int value) : Json(static_cast<double>(value)) {}
  Json(unsigned int value) : Json(static_cast<double>(value)) {}
  // Exact below 2^53.
  Json(uint64_t value) : Json(static_cast<double>(value)) {}
  Json(std::string value) : kind_(Kind::string), text_(std::move(value)) {}
  Json(std::string_view value) : Json(std::string(value)) {}
  Json(const char *value) : Json(std::string(value)) {}

  static Json array() { return Json(Kind::array); }
  static Json object() { return Json(Kind::object); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  // Values of another kind give false, 0, "" and nothing: ask for the kind first where that matters.
  bool boolean() const { return kind_ == Kind::boolean && number_ != 0; }
  double number() const { return kind_ == Kind::number ? number_ : 0; }
  const std::string &text() const { return text_; }
  const std::vector<Json> &items() const { return items_; }
  const std::vector<Member> &members() const { return members_; }

  // The member of that name, null if there is none.
  const Json &operator[](std::string_view name) const;
  bool has(std::string_view name) const;

  void push(Json value) { items_.push_back(std::move(value)); }
  void set(std::string name, Json value) { members_.emplace_back(std::move(name), std::move(value)); }

  // Whether it is an integer of so many bits at most.
  bool is_integer(unsigned int bits) const;
  uint64_t integer() const { return static_cast<uint64_t>(number()); }

  std::string print() const;
  void print(std::string &to) const;

  // Reads a text; where it is not JSON, `error` says why and at which byte, and the value is null.
  static Json parse(std::string_view text, std::string &error);

 private:
  explicit Json(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::null;
  double number_ = 0;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Member> members_;
};

// The text of bytes, two lower-case digits each.
std::string hex_of(const uint8_t *bytes, size_t size);
// The bytes of such a text; false where it is none.
bool bytes_of(std::string_view hex, std::vector<uint8_t> &bytes);

}  // namespace lflow
