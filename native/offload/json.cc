#include "json.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lflow {

namespace {

constexpr int kDeepest = 64;
const Json kNull;

class Parser {
 public:
  Parser(std::string_view text, std::string &error) : text_(text), error_(error) {}

  Json whole() {
    Json value = any(0);
    space();
    if (error_.empty() && at_ != text_.size()) fail("there is more behind the value");
    if (!error_.empty()) return Json();
    return value;
  }

 private:
  Json any(int depth) {
    space();
    if (depth > kDeepest) return fail("it is nested too deeply");
    if (at_ >= text_.size()) return fail("it ends too early");
    switch (text_[at_]) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': return Json(string());
      case 't': return word("true", Json(true));
      case 'f': return word("false", Json(false));
      case 'n': return word("null", Json());
      default: return number();
    }
  }

  Json object(int depth) {
    Json value = Json::object();
    at_++;
    if (take('}')) return value;
    do {
      space();
      if (at_ >= text_.size() || text_[at_] != '"') return fail("a name in quotes is missing");
      std::string name = string();
      if (!take(':')) return fail("a colon is missing");
      value.set(std::move(name), any(depth + 1));
    } while (error_.empty() && take(','));
    if (error_.empty() && !take('}')) return fail("a comma or } is missing");
    return value;
  }

  Json array(int depth) {
    Json value = Json::array();
    at_++;
    if (take(']')) return value;
    do {
      value.push(any(depth + 1));
    } while (error_.empty() && take(','));
    if (error_.empty() && !take(']')) return fail("a comma or ] is missing");
    return value;
  }

  std::string string() {
    std::string value;
    for (at_++; at_ < text_.size() && text_[at_] != '"'; at_++) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) fail("a control character is in a string");
      if (c == '\\') escape(value);
      else value.push_back(text_[at_]);
    }
    if (at_ >= text_.size()) fail("a string does not end");
    at_++;
    return value;
  }

  void escape(std::string &value) {
    at_++;
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const char *const found = c == '\0' ? nullptr : std::strchr("\"\\/bfnrt", c);
    if (found != nullptr) {
      value.push_back("\"\\/\b\f\n\r\t"[found - "\"\\/bfnrt"]);
    } else if (c == 'u') {
      unicode(value);
    } else {
      fail("an escape is not known");
    }
  }

  unsigned int four() {
    unsigned int code = 0;
    for (int i = 0; i < 4; i++) {
      const char c = ++at_ < text_.size() ? text_[at_] : '\0';
      const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
      if (digit < 0) fail("four hexadecimal digits are missing");
      code = code << 4 | static_cast<unsigned int>(digit & 15);
    }
    return code;
  }

  void unicode(std::string &value) {
    unsigned int code = four();
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_ + 1, 2) == "\\u") {
      at_ += 2;
      code = 0x10000 + ((code - 0xd800) << 10) + ((four() - 0xdc00) & 0x3ff);
    }
    const auto put = [&value](unsigned int byte) { value.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6), put(0x80 | (code & 63));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
    } else {
      put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
    }
  }

  Json number() {
    const size_t begin = at_;
    while (at_ < text_.size() && std::strchr("+-.0123456789eE", text_[at_]) != nullptr && text_[at_] != '\0') at_++;
    const std::string digits(text_.substr(begin, at_ - begin));
    char *end = nullptr;
    const double value = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0' || !std::isfinite(value)) return fail("this is no value");
    return Json(value);
  }

  Json word(std::string_view text, Json value) {
    if (text_.substr(at_, text.size()) != text) return fail("this is no value");
    at_ += text.size();
    return value;
  }

  void space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') at_++;
  }

  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    at_++;
    return true;
  }

  Json fail(const char *why) {
    if (error_.empty()) error_ = "not JSON: at byte " + std::to_string(at_ < text_.size() ? at_ : text_.size()) + " " + why;
    at_ = text_.size();
    return Json();
  }

  std::string_view text_;
  std::string &error_;
  size_t at_ = 0;
};

void print_text(const std::string &text, std::string &to) {
  to.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      to += escaped;
    } else {
      to.push_back(c);
    }
  }
  to.push_back('"');
}

}  // namespace

const Json &Json::operator[](std::string_view name) const {
  for (const auto &[key, value] : members_) {
    if (key == name) return value;
  }
  return kNull;
}

bool Json::has(std::string_view name) const {
  for (const auto &[key, value] : members_) {
    if (key == name) return true;
  }
  return false;
}

bool Json::is_integer(unsigned int bits) const {
  return kind_ == Kind::number && number_ >= 0 && number_ == std::floor(number_) && number_ < std::ldexp(1.0, static_cast<int>(bits));
}

void Json::print(std::string &to) const {
  switch (kind_) {
    case Kind::null: to += "null"; break;
    case Kind::boolean: to += number_ != 0 ? "true" : "false"; break;
    case Kind::number: {
      char digits[40];
      std::snprintf(digits, sizeof digits, number_ == std::floor(number_) ? "%.0f" : "%.17g", number_);
      to += digits;
      break;
    }
    case Kind::string: print_text(text_, to); break;
    case Kind::array: {
      to.push_back('[');
      for (size_t i = 0; i < items_.size(); i++) {
        if (i > 0) to.push_back(',');
        items_[i].print(to);
      }
      to.push_back(']');
      break;
    }
    case Kind::object: {
      to.push_back('{');
      for (size_t i = 0; i < members_.size(); i++) {
        if (i > 0) to.push_back(',');
        print_text(members_[i].first, to);
        to.push_back(':');
        members_[i].second.print(to);
      }
      to.push_back('}');
    }
  }
}

std::string Json::print() const {
  std::string text;
  print(text);
  return text;
}

Json Json::parse(std::string_view text, std::string &error) {
  error.clear();
  return Parser(text, error).whole();
}

std::string hex_of(const uint8_t *bytes, size_t size) {
  std::string text;
  text.reserve(size * 2);
  for (size_t i = 0; i < size; i++) {
    text.push_back("0123456789abcdef"[bytes[i] >> 4]);
    text.push_back("0123456789abcdef"[bytes[i] & 15]);
  }
  return text;
}

bool bytes_of(std::string_view hex, std::vector<uint8_t> &bytes) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  bytes.clear();
  if (hex.size() % 2 != 0) return false;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return true;
}

}  // namespace lflow
