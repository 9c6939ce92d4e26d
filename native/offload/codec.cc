#include "codec.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "fields.h"

namespace lflow {

namespace {

constexpr size_t kMostItems = 64;
constexpr size_t kMostActions = 128;
constexpr size_t kMostBytes = 512;
constexpr size_t kBlock = 512;
constexpr int kDeepest = 3;

const char *const kOperations[] = {"set", "add", "sub"};

size_t value_bytes(const ModifiableKind &kind) { return (kind.bits + 7) / 8; }

// Where in a rule something stands, e.g. pattern[1].spec.dst: a chain on the stack, so that it costs nothing until it is
// told.
struct Path {
  const Path *up;
  const char *name;
  int index;  // of a list; below 0: a member

  std::string text() const {
    const std::string before = up == nullptr ? "" : up->text();
    if (index >= 0) return before + "[" + std::to_string(index) + "]";
    return before.empty() ? name : before + "." + name;
  }
};

const Path kRule{nullptr, "", -1};

Path in(const Path &up, const char *name) { return {&up == &kRule ? nullptr : &up, name, -1}; }
Path at(const Path &up, size_t index) { return {&up, "", static_cast<int>(index)}; }

// Writes the structures of one rule.
class Encoder {
 public:
  Encoder(FlowRule &rule, const Names &names, void *context, std::string &error)
      : rule_(rule), names_(names), context_(context), error_(error) {}

  bool whole(const Json &json) {
    if (!json.is(Json::Kind::object)) return fail(kRule, "a rule is an object with group, priority, pattern and actions");
    for (const auto &[name, value] : json.members()) {
      static const char *const known[] = {"domain", "group", "priority", "pattern", "actions", "cookie"};
      if (std::find(std::begin(known), std::end(known), name) == std::end(known)) return fail(in(kRule, name.c_str()), "a rule has no such field");
    }
    return attributes(json) && items(json["pattern"], in(kRule, "pattern"), rule_.items, 0) &&
           actions(json["actions"], in(kRule, "actions"), rule_.actions, 0);
  }

  bool actions(const Json &json, const Path &path, std::vector<rte_flow_action> &to, int depth) {
    if (!json.is(Json::Kind::array)) return fail(path, "a list of actions is missing");
    if (json.items().size() > kMostActions) return fail(path, "more than " + std::to_string(kMostActions) + " actions");
    for (size_t i = 0; i < json.items().size(); i++) {
      to.push_back({});
      if (!action(json.items()[i], at(path, i), to.back(), depth)) return false;
    }
    to.push_back({RTE_FLOW_ACTION_TYPE_END, nullptr});
    return true;
  }

 private:
  bool fail(const Path &path, const std::string &why) {
    if (error_.empty()) error_ = &path == &kRule ? why : path.text() + ": " + why;
    return false;
  }

  bool attributes(const Json &json) {
    const Json &domain = json["domain"];
    const std::string name = domain.is(Json::Kind::null) ? "transfer" : domain.text();
    if (name == "transfer") rule_.attr.transfer = 1;
    else if (name == "ingress") rule_.attr.ingress = 1;
    else if (name == "egress") rule_.attr.egress = 1;
    else return fail(in(kRule, "domain"), "it is transfer, ingress or egress, not " + domain.print());
    if (!json["group"].is_integer(32)) return fail(in(kRule, "group"), "a number from 0 to 4294967295 is missing");
    if (!json["priority"].is_integer(32)) return fail(in(kRule, "priority"), "a number from 0 to 4294967295 is missing");
    rule_.attr.group = static_cast<uint32_t>(json["group"].integer());
    rule_.attr.priority = static_cast<uint32_t>(json["priority"].integer());
    const Json &cookie = json["cookie"];
    if (!cookie.is(Json::Kind::null) && !cookie.is(Json::Kind::string)) return fail(in(kRule, "cookie"), "it is a text");
    rule_.cookie = cookie.text();
    return true;
  }

  bool items(const Json &json, const Path &path, std::vector<rte_flow_item> &to, int depth) {
    if (!json.is(Json::Kind::array)) return fail(path, "a list of items is missing");
    if (json.items().size() > kMostItems) return fail(path, "more than " + std::to_string(kMostItems) + " items");
    if (depth > kDeepest) return fail(path, "lists are nested too deeply");
    for (size_t i = 0; i < json.items().size(); i++) {
      to.push_back({});
      if (!item(json.items()[i], at(path, i), to.back())) return false;
    }
    rte_flow_item end{};
    end.type = RTE_FLOW_ITEM_TYPE_END;
    to.push_back(end);
    return true;
  }

  bool item(const Json &json, const Path &path, rte_flow_item &to) {
    const ItemKind *kind = find_item(json["type"].text());
    if (kind == nullptr) return fail(in(path, "type"), "there is no item " + json["type"].print());
    to.type = kind->type;
    for (const auto &[name, value] : json.members()) {
      if (name != "type" && name != "spec" && name != "last" && name != "mask") {
        return fail(in(path, name.c_str()), "an item has type, spec, last and mask");
      }
      if (name != "type" && !known_fields(*kind, value, in(path, name.c_str()))) return false;
    }
    const Json &spec = json["spec"];
    if (spec.members().empty()) {
      for (const char *other : {"last", "mask"}) {
        for (const auto &[name, value] : json[other].members()) return needs_spec(path, other, name.c_str());
      }
      return true;
    }
    return masked(*kind, json, path, to);
  }

  bool needs_spec(const Path &path, const char *list, const char *name) {
    return fail(in(in(path, list), name), "the field has no value in spec");
  }

  bool known_fields(const ItemKind &kind, const Json &fields, const Path &path) {
    if (!fields.is(Json::Kind::object)) return fail(path, "an object of fields is missing");
    for (const auto &[name, value] : fields.members()) {
      const auto is = [&name = name](const Field &field) { return name == field.name; };
      if (std::none_of(kind.fields.begin(), kind.fields.end(), is)) {
        return fail(in(path, name.c_str()), std::string(kind.name) + " has no such field");
      }
    }
    return true;
  }

  bool masked(const ItemKind &kind, const Json &json, const Path &path, rte_flow_item &to) {
    uint8_t *spec = rule_.memory.take(kind.size);
    uint8_t *mask = rule_.memory.take(kind.size);
    uint8_t *last = json["last"].members().empty() ? nullptr : rule_.memory.take(kind.size);
    to.spec = spec;
    to.mask = mask;
    to.last = last;
    for (const Field &field : kind.fields) {
      const Json &value = json["spec"][field.name];
      for (const char *other : {"last", "mask"}) {
        if (value.is(Json::Kind::null) && json[other].has(field.name)) return needs_spec(path, other, field.name);
      }
      if (value.is(Json::Kind::null)) continue;
      if (field.kind == FieldKind::hex) {
        if (!option_data(json, path, spec, mask)) return false;
        continue;
      }
      if (!write(field, value, in(path, "spec"), spec)) return false;
      if (json["last"].has(field.name) && !write(field, json["last"][field.name], in(path, "last"), last)) return false;
      if (!json["mask"].has(field.name)) fill(field, mask);
      else if (!write(field, json["mask"][field.name], in(path, "mask"), mask)) return false;
    }
    return true;
  }

  // geneve_opt's data: words of four bytes, as many as `length` says in spec, which it sets if it is not there.
  bool option_data(const Json &json, const Path &path, uint8_t *spec, uint8_t *mask) {
    auto *value = reinterpret_cast<rte_flow_item_geneve_opt *>(spec);
    auto *bits = reinterpret_cast<rte_flow_item_geneve_opt *>(mask);
    std::vector<uint8_t> data;
    if (!bytes(json["spec"]["data"], in(in(path, "spec"), "data"), 124, data)) return false;
    if (data.empty() || data.size() % 4 != 0) return fail(in(in(path, "spec"), "data"), "it is not of whole words of four bytes");
    if (json["last"].has("data")) return fail(in(in(path, "last"), "data"), "data has no range");
    const size_t words = data.size() / 4;
    const Json &length = json["spec"]["length"];
    if (!length.is(Json::Kind::null) && length.number() != static_cast<double>(words)) {
      return fail(in(in(path, "spec"), "length"), "it is not the length of data, which has " + std::to_string(words) + " words");
    }
    value->option_len = static_cast<uint8_t>(words);
    value->data = copy<uint32_t>(data);
    std::vector<uint8_t> cover(data.size(), 0xff);
    if (json["mask"].has("data") && !bytes(json["mask"]["data"], in(in(path, "mask"), "data"), 124, cover)) return false;
    if (cover.size() != data.size()) return fail(in(in(path, "mask"), "data"), "it is not as long as in spec");
    bits->data = copy<uint32_t>(cover);
    return true;
  }

  template <typename T>
  T *copy(const std::vector<uint8_t> &data) {
    uint8_t *to = rule_.memory.take(data.size());
    if (!data.empty()) std::memcpy(to, data.data(), data.size());
    return reinterpret_cast<T *>(to);
  }

  bool bytes(const Json &value, const Path &path, size_t most, std::vector<uint8_t> &to) {
    if (!value.is(Json::Kind::string) || !bytes_of(value.text(), to)) {
      return fail(path, value.print() + " is not hexadecimal: two digits of 0-9 and a-f for each byte");
    }
    if (to.size() > most) return fail(path, "more than " + std::to_string(most) + " bytes");
    return true;
  }

  bool write(const Field &field, const Json &value, const Path &within, uint8_t *to) {
    const Path path = in(within, field.name);
    uint8_t *at = to + field.offset;
    switch (field.kind) {
      case FieldKind::number:
        if (!value.is_integer(field.bits)) {
          return fail(path, value.print() + " is no integer of " + std::to_string(field.bits) + " bits");
        }
        write_number(field, to, value.integer());
        return true;
      case FieldKind::port: return port(field, value, path, to);
      case FieldKind::mac: return mac(value, at) || fail(path, value.print() + " is no MAC address such as 02:00:00:00:00:01");
      case FieldKind::ipv4:
        return inet_pton(AF_INET, value.text().c_str(), at) == 1 || fail(path, value.print() + " is no IPv4 address such as 10.0.0.1");
      case FieldKind::ipv6:
        return inet_pton(AF_INET6, value.text().c_str(), at) == 1 || fail(path, value.print() + " is no IPv6 address such as fd00::1");
      default: return fail(path, "it is written another way");
    }
  }

  bool port(const Field &field, const Json &value, const Path &path, uint8_t *to) {
    if (value.is_integer(16)) {
      write_number(field, to, value.integer());
      return true;
    }
    const auto number = value.is(Json::Kind::string) ? names_.port(value.text()) : std::nullopt;
    if (!number) {
      std::string known;
      for (const auto &each : names_.ports) known += (known.empty() ? "" : ", ") + each.name;
      return fail(path, "the device has no port " + value.print() + (known.empty() ? "" : "; it has " + known));
    }
    write_number(field, to, *number);
    return true;
  }

  static bool mac(const Json &value, uint8_t *to) {
    std::string digits;
    const std::string &text = value.text();
    if (text.size() != 17) return false;
    for (size_t i = 0; i < text.size(); i++) {
      if (i % 3 == 2 ? text[i] != ':' : false) return false;
      if (i % 3 != 2) digits.push_back(static_cast<char>(text[i] >= 'A' && text[i] <= 'F' ? text[i] | 32 : text[i]));
    }
    std::vector<uint8_t> read;
    if (!bytes_of(digits, read)) return false;
    std::memcpy(to, read.data(), 6);
    return true;
  }

  bool action(const Json &json, const Path &path, rte_flow_action &to, int depth) {
    const ActionKind *kind = find_action(json["type"].text());
    if (kind == nullptr) return fail(in(path, "type"), "there is no action " + json["type"].print());
    for (const auto &[name, value] : json.members()) {
      const auto is = [&name = name](const Field &field) { return name == field.name; };
      if (name != "type" && std::none_of(kind->fields.begin(), kind->fields.end(), is)) {
        return fail(in(path, name.c_str()), std::string(kind->name) + " has no such field");
      }
    }
    to.type = kind->type;
    uint8_t *conf = kind->size == 0 ? nullptr : rule_.memory.take(kind->size);
    to.conf = conf;
    switch (kind->type) {
      case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD: return modify(json, path, *reinterpret_cast<rte_flow_action_modify_field *>(conf));
      case RTE_FLOW_ACTION_TYPE_RAW_ENCAP: return raw(json, path, *reinterpret_cast<rte_flow_action_raw_encap *>(conf));
      case RTE_FLOW_ACTION_TYPE_RAW_DECAP: return raw(json, path, *reinterpret_cast<rte_flow_action_raw_decap *>(conf));
      case RTE_FLOW_ACTION_TYPE_INDIRECT: return indirect(json, path, to);
      case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP: {
        std::vector<rte_flow_item> list;
        if (!items(json["definition"], in(path, "definition"), list, depth + 1)) return false;
        auto *definition = rule_.memory.make<rte_flow_item>(list.size());
        std::copy(list.begin(), list.end(), definition);
        reinterpret_cast<rte_flow_action_vxlan_encap *>(conf)->definition = definition;
        return true;
      }
      case RTE_FLOW_ACTION_TYPE_SAMPLE: {
        std::vector<rte_flow_action> list;
        if (depth >= kDeepest) return fail(path, "actions are nested too deeply");
        if (!actions(json["actions"], in(path, "actions"), list, depth + 1)) return false;
        auto *copied = rule_.memory.make<rte_flow_action>(list.size());
        std::copy(list.begin(), list.end(), copied);
        reinterpret_cast<rte_flow_action_sample *>(conf)->actions = copied;
        break;
      }
      case RTE_FLOW_ACTION_TYPE_AGE: reinterpret_cast<rte_flow_action_age *>(conf)->context = context_; break;
      default: break;
    }
    for (const Field &field : kind->fields) {
      if (field.kind == FieldKind::actions || !json.has(field.name)) continue;
      if (!write(field, json[field.name], path, conf)) return false;
    }
    return true;
  }

  template <typename T>
  bool raw(const Json &json, const Path &path, T &to) {
    std::vector<uint8_t> data;
    if (!bytes(json["data"], in(path, "data"), kMostBytes, data)) return false;
    to.data = copy<uint8_t>(data);
    to.size = data.size();
    return true;
  }

  bool indirect(const Json &json, const Path &path, rte_flow_action &to) {
    const auto found = json["id"].is_integer(32) ? names_.handles.find(static_cast<uint32_t>(json["id"].integer())) : names_.handles.end();
    if (found == names_.handles.end()) return fail(in(path, "id"), "there is no indirect action " + json["id"].print());
    to.conf = found->second;
    rule_.connection = found->second;
    if (!json["reply"].is(Json::Kind::null) && !json["reply"].is_integer(1)) return fail(in(path, "reply"), "it is 0 or 1");
    rule_.reply = json["reply"].integer() == 1;
    return true;
  }

  bool small(const Json &json, const Path &path, const char *name, unsigned int most, uint32_t &to) {
    if (!json.has(name)) return true;
    if (!json[name].is_integer(8) || json[name].integer() > most) {
      return fail(in(path, name), json[name].print() + " is no integer from 0 to " + std::to_string(most));
    }
    to = static_cast<uint32_t>(json[name].integer());
    return true;
  }

  bool modify(const Json &json, const Path &path, rte_flow_action_modify_field &to) {
    const auto *operation = std::find(std::begin(kOperations), std::end(kOperations), json["op"].text());
    if (operation == std::end(kOperations)) return fail(in(path, "op"), "it is set, add or sub, not " + json["op"].print());
    to.operation = static_cast<rte_flow_modify_op>(operation - std::begin(kOperations));
    const ModifiableKind *dst = find_modifiable(json["dst_type"].text());
    if (dst == nullptr) return fail(in(path, "dst_type"), "there is no field " + json["dst_type"].print());
    to.dst.field = dst->id;
    if (!small(json, path, "dst_level", 255, to.dst.level) || !small(json, path, "dst_offset", 127, to.dst.offset)) return false;
    if (!small(json, path, "width", 128, to.width)) return false;
    if (to.width == 0 || to.dst.offset + to.width > dst->bits) {
      return fail(in(path, "width"), "the bits from dst_offset on are none, or more than the " + std::to_string(dst->bits) + " of " + dst->name);
    }
    if (json["src_type"].text() == "value") return immediate(json, path, *dst, to.src);
    if (json.has("src_value")) return fail(in(path, "src_value"), "it is for src_type value only");
    const ModifiableKind *src = find_modifiable(json["src_type"].text());
    if (src == nullptr) return fail(in(path, "src_type"), "there is no field " + json["src_type"].print());
    to.src.field = src->id;
    if (!small(json, path, "src_level", 255, to.src.level) || !small(json, path, "src_offset", 127, to.src.offset)) return false;
    return to.src.offset + to.width <= src->bits ||
           fail(in(path, "width"), "the bits from src_offset on are more than the " + std::to_string(src->bits) + " of " + src->name);
  }

  bool immediate(const Json &json, const Path &path, const ModifiableKind &dst, rte_flow_action_modify_data &to) {
    std::vector<uint8_t> value;
    to.field = RTE_FLOW_FIELD_VALUE;
    for (const char *name : {"src_level", "src_offset"}) {
      if (json[name].number() != 0) return fail(in(path, name), "a value has none");
    }
    if (!bytes(json["src_value"], in(path, "src_value"), sizeof to.value, value)) return false;
    if (value.size() != value_bytes(dst)) {
      return fail(in(path, "src_value"), std::string(dst.name) + " has " + std::to_string(value_bytes(dst)) + " bytes");
    }
    if (dst.host) std::reverse(value.begin(), value.end());
    std::memcpy(to.value, value.data(), value.size());
    return true;
  }

  FlowRule &rule_;
  const Names &names_;
  void *context_;
  std::string &error_;
};

std::string text_of(const Field &field, const void *structure) {
  const uint8_t *at = static_cast<const uint8_t *>(structure) + field.offset;
  char text[INET6_ADDRSTRLEN] = "";
  if (field.kind == FieldKind::ipv4) inet_ntop(AF_INET, at, text, sizeof text);
  else if (field.kind == FieldKind::ipv6) inet_ntop(AF_INET6, at, text, sizeof text);
  else std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", at[0], at[1], at[2], at[3], at[4], at[5]);
  return text;
}

Json value_of(const Field &field, const void *structure, const Names &names) {
  if (field.kind == FieldKind::number) return Json(read_number(field, structure));
  if (field.kind != FieldKind::port) return Json(text_of(field, structure));
  const uint64_t number = read_number(field, structure);
  for (const auto &port : names.ports) {
    if (port.number == number) return Json(port.name);
  }
  return Json(number);
}

// A mask is a number, of a port too.
Json mask_of(const Field &field, const void *structure) {
  return field.kind == FieldKind::port ? Json(read_number(field, structure)) : value_of(field, structure, {});
}

void decode_data(const rte_flow_item &item, Json &spec, Json &mask) {
  const auto *value = static_cast<const rte_flow_item_geneve_opt *>(item.spec);
  const auto *bits = static_cast<const rte_flow_item_geneve_opt *>(item.mask);
  if (value->data == nullptr || bits == nullptr || bits->data == nullptr) return;
  const size_t size = value->option_len * 4U;
  const auto *cover = reinterpret_cast<const uint8_t *>(bits->data);
  const auto is = [cover, size](uint8_t byte) { return std::all_of(cover, cover + size, [byte](uint8_t each) { return each == byte; }); };
  if (is(0)) return;
  spec.set("data", hex_of(reinterpret_cast<const uint8_t *>(value->data), size));
  if (!is(0xff)) mask.set("data", hex_of(cover, size));
}

Json decode_item(const rte_flow_item &item, const Names &names) {
  const ItemKind *kind = find_item(item.type);
  Json json = Json::object();
  json.set("type", kind == nullptr ? "unknown" : kind->name);
  if (kind == nullptr || item.spec == nullptr) return json;
  Json spec = Json::object();
  Json last = Json::object();
  Json mask = Json::object();
  for (const Field &field : kind->fields) {
    if (field.kind == FieldKind::hex) {
      decode_data(item, spec, mask);
      continue;
    }
    if (item.mask != nullptr && is_zero(field, item.mask)) continue;
    spec.set(field.name, value_of(field, item.spec, names));
    if (item.mask != nullptr && !is_full(field, item.mask)) mask.set(field.name, mask_of(field, item.mask));
    if (item.last != nullptr && !is_zero(field, item.last)) last.set(field.name, value_of(field, item.last, names));
  }
  if (!spec.members().empty()) json.set("spec", std::move(spec));
  if (!last.members().empty()) json.set("last", std::move(last));
  if (!mask.members().empty()) json.set("mask", std::move(mask));
  return json;
}

Json decode_items(const rte_flow_item *items, const Names &names) {
  Json json = Json::array();
  for (; items != nullptr && items->type != RTE_FLOW_ITEM_TYPE_END; items++) json.push(decode_item(*items, names));
  return json;
}

Json decode_actions(const rte_flow_action *actions, const Names &names) {
  Json json = Json::array();
  for (; actions != nullptr && actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) json.push(decode_action(*actions, names));
  return json;
}

const char *name_of_modifiable(rte_flow_field_id id) {
  const ModifiableKind *kind = find_modifiable(id);
  return kind == nullptr ? "value" : kind->name;
}

void decode_modify(const rte_flow_action_modify_field &conf, Json &json) {
  json.set("op", kOperations[conf.operation]);
  json.set("dst_type", name_of_modifiable(conf.dst.field));
  json.set("dst_level", conf.dst.level);
  json.set("dst_offset", conf.dst.offset);
  json.set("src_type", name_of_modifiable(conf.src.field));
  if (conf.src.field == RTE_FLOW_FIELD_VALUE) {
    const ModifiableKind *dst = find_modifiable(conf.dst.field);
    std::vector<uint8_t> value(conf.src.value, conf.src.value + (dst == nullptr ? 16 : value_bytes(*dst)));
    if (dst != nullptr && dst->host) std::reverse(value.begin(), value.end());
    json.set("src_value", hex_of(value.data(), value.size()));
  } else {
    json.set("src_level", conf.src.level);
    json.set("src_offset", conf.src.offset);
  }
  json.set("width", conf.width);
}

}  // namespace

std::optional<uint16_t> Names::port(const std::string &name) const {
  for (const auto &each : ports) {
    if (each.name == name || (!name.empty() && each.device == name)) return each.number;
  }
  return std::nullopt;
}

uint8_t *Arena::take(size_t size) {
  size = (size + 7) & ~size_t{7};
  if (size > left_) {
    const size_t block = std::max(size, kBlock);
    blocks_.push_back(std::make_unique<uint64_t[]>(block / 8));
    next_ = reinterpret_cast<uint8_t *>(blocks_.back().get());
    left_ = block;
  }
  uint8_t *taken = next_;
  next_ += size;
  left_ -= size;
  return taken;
}

std::unique_ptr<FlowRule> encode_rule(const Json &rule, const Names &names, void *context, std::string &error) {
  auto made = std::make_unique<FlowRule>();
  error.clear();
  return Encoder(*made, names, context, error).whole(rule) ? std::move(made) : nullptr;
}

std::unique_ptr<FlowRule> encode_action(const Json &action, const Names &names, std::string &error) {
  auto made = std::make_unique<FlowRule>();
  Json list = Json::array();
  list.push(action);
  error.clear();
  return Encoder(*made, names, nullptr, error).actions(list, in(kRule, "action"), made->actions, 0) ? std::move(made) : nullptr;
}

Json decode_action(const rte_flow_action &action, const Names &names) {
  const ActionKind *kind = find_action(action.type);
  Json json = Json::object();
  json.set("type", kind == nullptr ? "unknown" : kind->name);
  if (kind == nullptr) return json;
  if (action.type == RTE_FLOW_ACTION_TYPE_INDIRECT) {
    for (const auto &[id, handle] : names.handles) {
      if (handle == action.conf) json.set("id", id);
    }
    return json;
  }
  if (action.conf == nullptr) return json;
  switch (action.type) {
    case RTE_FLOW_ACTION_TYPE_MODIFY_FIELD:
      decode_modify(*static_cast<const rte_flow_action_modify_field *>(action.conf), json);
      return json;
    case RTE_FLOW_ACTION_TYPE_RAW_ENCAP: {
      const auto *conf = static_cast<const rte_flow_action_raw_encap *>(action.conf);
      json.set("data", hex_of(conf->data, conf->size));
      return json;
    }
    case RTE_FLOW_ACTION_TYPE_RAW_DECAP: {
      const auto *conf = static_cast<const rte_flow_action_raw_decap *>(action.conf);
      json.set("data", hex_of(conf->data, conf->size));
      return json;
    }
    case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
      json.set("definition", decode_items(static_cast<const rte_flow_action_vxlan_encap *>(action.conf)->definition, names));
      return json;
    default: break;
  }
  for (const Field &field : kind->fields) {
    if (field.kind == FieldKind::actions) {
      json.set(field.name, decode_actions(static_cast<const rte_flow_action_sample *>(action.conf)->actions, names));
    } else {
      json.set(field.name, value_of(field, action.conf, names));
    }
  }
  return json;
}

Json decode_rule(const FlowRule &rule, const Names &names) {
  Json json = Json::object();
  if (!rule.attr.transfer) json.set("domain", rule.attr.ingress ? "ingress" : "egress");
  json.set("group", rule.attr.group);
  json.set("priority", rule.attr.priority);
  json.set("pattern", decode_items(rule.items.data(), names));
  Json actions = Json::array();
  for (const auto &action : rule.actions) {
    if (action.type == RTE_FLOW_ACTION_TYPE_END) break;
    Json one = decode_action(action, names);
    // The other direction is no part of the handle.
    if (action.type == RTE_FLOW_ACTION_TYPE_INDIRECT) one.set("reply", rule.reply ? 1 : 0);
    actions.push(std::move(one));
  }
  json.set("actions", std::move(actions));
  if (!rule.cookie.empty()) json.set("cookie", rule.cookie);
  return json;
}

Json describe_fields() {
  const auto list = [](const auto &kinds) {
    Json json = Json::object();
    for (const auto &kind : kinds) {
      Json fields = Json::object();
      for (const Field &field : kind.fields) {
        Json one = Json::object();
        one.set("kind", name_of(field.kind));
        if (field.kind == FieldKind::number) one.set("bits", static_cast<unsigned int>(field.bits));
        fields.set(field.name, std::move(one));
      }
      json.set(kind.name, std::move(fields));
    }
    return json;
  };
  Json modifiable = Json::object();
  for (const auto &kind : modifiable_kinds()) modifiable.set(kind.name, kind.bits);
  Json json = Json::object();
  json.set("items", list(item_kinds()));
  json.set("actions", list(action_kinds()));
  json.set("modifiable", std::move(modifiable));
  return json;
}

}  // namespace lflow
