#include "service.h"

#include "fields.h"

namespace lflow {

namespace {

constexpr size_t kMostFrame = 65535;
constexpr size_t kMostListed = 10000;

Json fail(const std::string &sentence) {
  Json json = Json::object();
  json.set("error", sentence);
  return json;
}

Json done() { return Json::object(); }

const char *subject_of(rte_flow_error_type type) {
  switch (type) {
    case RTE_FLOW_ERROR_TYPE_HANDLE: return "the rule's handle";
    case RTE_FLOW_ERROR_TYPE_ATTR_GROUP: return "group";
    case RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY: return "priority";
    case RTE_FLOW_ERROR_TYPE_ATTR_INGRESS:
    case RTE_FLOW_ERROR_TYPE_ATTR_EGRESS:
    case RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER: return "domain";
    case RTE_FLOW_ERROR_TYPE_ATTR: return "group, priority and domain";
    case RTE_FLOW_ERROR_TYPE_ITEM_NUM: return "the pattern";
    case RTE_FLOW_ERROR_TYPE_ITEM_SPEC: return "spec";
    case RTE_FLOW_ERROR_TYPE_ITEM_LAST: return "last";
    case RTE_FLOW_ERROR_TYPE_ITEM_MASK: return "mask";
    case RTE_FLOW_ERROR_TYPE_ITEM: return "an item";
    case RTE_FLOW_ERROR_TYPE_ACTION_NUM: return "the actions";
    case RTE_FLOW_ERROR_TYPE_ACTION_CONF: return "an action's fields";
    case RTE_FLOW_ERROR_TYPE_ACTION: return "an action";
    case RTE_FLOW_ERROR_TYPE_STATE: return "the state of the device";
    default: return "";
  }
}

// Where in the rule the cause is, e.g. `pattern[1] (ipv4)`; what kind of thing it is where it is not told.
std::string place_of(const rte_flow_error &error, const FlowRule *rule) {
  const char *subject = subject_of(error.type);
  const bool whole = error.type == RTE_FLOW_ERROR_TYPE_ITEM_NUM || error.type == RTE_FLOW_ERROR_TYPE_ACTION_NUM;
  if (rule == nullptr || error.cause == nullptr || whole) return subject;
  for (size_t i = 0; i < rule->items.size(); i++) {
    const auto &item = rule->items[i];
    const bool inside = error.cause == item.spec || error.cause == item.last || error.cause == item.mask;
    if (error.cause != &item && !inside) continue;
    const ItemKind *kind = find_item(item.type);
    return "pattern[" + std::to_string(i) + "]" + (kind == nullptr ? "" : std::string(" (") + kind->name + ")");
  }
  for (size_t i = 0; i < rule->actions.size(); i++) {
    const auto &action = rule->actions[i];
    if (error.cause != &action && error.cause != action.conf) continue;
    const ActionKind *kind = find_action(action.type);
    return "actions[" + std::to_string(i) + "]" + (kind == nullptr ? "" : std::string(" (") + kind->name + ")");
  }
  return subject;
}

// rte_flow_error as a sentence.
std::string sentence_of(const rte_flow_error &error, const FlowRule *rule) {
  const std::string place = place_of(error, rule);
  const std::string message = error.message == nullptr ? "the driver gives no reason" : error.message;
  return "the device refuses it" + (place.empty() ? "" : " for " + place) + ": " + message;
}

Json result_of(const std::string &error) {
  Json json = Json::object();
  if (!error.empty()) json.set("error", error);
  return json;
}

bool numbers(const Json &list) {
  for (const Json &each : list.items()) {
    if (!each.is_integer(53)) return false;
  }
  return list.is(Json::Kind::array);
}

}  // namespace

Service::Service(std::unique_ptr<Device> device, EmulatedDevice *emulated) : device_(std::move(device)), emulated_(emulated) {
  names_.ports = device_->ports();
}

Service::~Service() {
  rte_flow_error error{};
  device_->flush(error);
  for (const auto &[id, shared] : shared_) device_->destroy_handle(shared.handle, error);
  for (const auto &[id, meter] : meters_) device_->destroy_meter(id, error);
}

Json Service::answer(const Json &request, int client) {
  const std::string &op = request["op"].text();
  if (op == "ports") return ports();
  if (op == "describe") return describe_fields();
  if (op == "convert") return convert(request);
  if (op == "validate") return validate(request);
  if (op == "list") return list(request);
  if (op == "shared") return handles();
  if (op == "claim") return claim(client);
  if (op == "release") {
    leave(client);
    return done();
  }
  if (op == "receive" || op == "advance" || op == "fail") {
    return emulated_ == nullptr ? fail(op + " is for the emulated device only") : receive(request);
  }
  if (claimed_ && owner_ != client) return fail("somebody else changes the rules of the device at the moment");
  return change(request);
}

Json Service::change(const Json &request) {
  const std::string &op = request["op"].text();
  if (op == "create") return create(request);
  if (op == "destroy") return destroy(request);
  if (op == "flush") return flush();
  if (op == "aged") return aged();
  if (op == "create_handle") return create_handle(request);
  if (op == "destroy_handle") return destroy_handle(request);
  if (op == "create_meter") return create_meter(request);
  if (op == "destroy_meter") return destroy_meter(request);
  return fail("there is no operation " + request["op"].print());
}

Json Service::claim(int client) {
  if (claimed_ && owner_ != client) return fail("somebody else changes the rules of the device at the moment");
  claimed_ = true;
  owner_ = client;
  return done();
}

void Service::leave(int client) {
  if (owner_ == client) claimed_ = false;
}

Json Service::ports() const {
  Json list = Json::array();
  for (const auto &port : names_.ports) {
    Json one = Json::object();
    one.set("number", static_cast<unsigned int>(port.number));
    one.set("name", port.name);
    one.set("device", port.device);
    list.push(std::move(one));
  }
  Json json = Json::object();
  json.set("ports", std::move(list));
  return json;
}

// Rules through the structures and back.
Json Service::convert(const Json &request) const {
  Json results = Json::array();
  for (const Json &rule : request["rules"].items()) {
    std::string error;
    const auto made = encode_rule(rule, names_, nullptr, error);
    Json one = result_of(error);
    if (made) one.set("rule", decode_rule(*made, names_));
    results.push(std::move(one));
  }
  Json json = Json::object();
  json.set("results", std::move(results));
  return json;
}

Json Service::validate(const Json &request) {
  if (!request["rules"].is(Json::Kind::array)) return fail("validate takes rules, a list");
  Json results = Json::array();
  for (const Json &rule : request["rules"].items()) {
    std::string error;
    const auto made = encode_rule(rule, names_, nullptr, error);
    rte_flow_error refused{};
    if (made && !device_->validate(*made, refused)) error = sentence_of(refused, made.get());
    results.push(result_of(error));
  }
  Json json = Json::object();
  json.set("results", std::move(results));
  return json;
}

uint64_t Service::install(const Json &json, std::string &error) {
  const uint64_t id = last_id_ + 1;
  auto made = encode_rule(json, names_, reinterpret_cast<void *>(id), error);
  if (!made) return 0;
  rte_flow_error refused{};
  if (made->connection != nullptr) {
    for (const auto &[number, shared] : shared_) {
      if (shared.handle != made->connection) continue;
      const rte_flow_action &action = shared.action->actions[0];
      if (!device_->turn_handle(shared.handle, action, made->reply, refused)) {
        error = sentence_of(refused, made.get());
        return 0;
      }
    }
  }
  Flow *flow = device_->create(*made, refused);
  if (flow == nullptr) {
    error = sentence_of(refused, made.get());
    return 0;
  }
  last_id_ = id;
  rules_[id] = {std::move(made), flow};
  return id;
}

// Creates rules in their order, up to the first that is refused: there is a result for each that was tried.
Json Service::create(const Json &request) {
  if (!request["rules"].is(Json::Kind::array)) return fail("create takes rules, a list");
  Json results = Json::array();
  for (const Json &rule : request["rules"].items()) {
    std::string error;
    const uint64_t id = install(rule, error);
    Json one = result_of(error);
    if (id != 0) one.set("id", id);
    results.push(std::move(one));
    if (id == 0) break;
  }
  Json json = Json::object();
  json.set("results", std::move(results));
  return json;
}

bool Service::remove(uint64_t id, std::string &error) {
  const auto found = rules_.find(id);
  if (found == rules_.end()) {
    error = "there is no rule " + std::to_string(id);
    return false;
  }
  rte_flow_error refused{};
  if (!device_->destroy(found->second.flow, *found->second.rule, refused)) {
    error = sentence_of(refused, found->second.rule.get());
    return false;
  }
  rules_.erase(found);
  return true;
}

// Destroys all that it can; there is a result for each.
Json Service::destroy(const Json &request) {
  if (!numbers(request["ids"])) return fail("destroy takes ids, a list of numbers");
  Json results = Json::array();
  for (const Json &id : request["ids"].items()) {
    std::string error;
    remove(id.integer(), error);
    results.push(result_of(error));
  }
  Json json = Json::object();
  json.set("results", std::move(results));
  return json;
}

Json Service::flush() {
  rte_flow_error refused{};
  if (!device_->flush(refused)) return fail(sentence_of(refused, nullptr));
  rules_.clear();
  return done();
}

// Rules in the order of their ids, those behind `after`, at most `most` of them.
Json Service::list(const Json &request) {
  const size_t most = request["most"].is_integer(32) ? std::min<size_t>(request["most"].integer(), kMostListed) : kMostListed;
  Json list = Json::array();
  auto each = rules_.upper_bound(request["after"].is_integer(53) ? request["after"].integer() : 0);
  for (; each != rules_.end() && list.items().size() < most; each++) {
    const auto &[id, installed] = *each;
    Json one = Json::object();
    one.set("id", id);
    one.set("rule", decode_rule(*installed.rule, names_));
    Hits hits;
    rte_flow_error refused{};
    if (!device_->query(installed.flow, *installed.rule, hits, refused)) {
      one.set("error", sentence_of(refused, installed.rule.get()));
    } else {
      if (hits.counted) one.set("packets", hits.packets), one.set("bytes", hits.bytes);
      if (hits.aging) one.set("idle", hits.idle), one.set("aged", hits.aged);
    }
    list.push(std::move(one));
  }
  Json json = Json::object();
  json.set("rules", std::move(list));
  json.set("more", each != rules_.end());
  return json;
}

Json Service::aged() {
  std::vector<void *> contexts;
  rte_flow_error refused{};
  if (!device_->aged(contexts, refused)) return fail(sentence_of(refused, nullptr));
  Json ids = Json::array();
  for (void *context : contexts) ids.push(Json(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(context))));
  Json json = Json::object();
  json.set("ids", std::move(ids));
  return json;
}

Json Service::create_handle(const Json &request) {
  if (!request["id"].is_integer(32)) return fail("create_handle takes id, a number, and action");
  const auto id = static_cast<uint32_t>(request["id"].integer());
  if (shared_.count(id) > 0) return fail("there is an indirect action " + std::to_string(id) + " already");
  std::string error;
  auto made = encode_action(request["action"], names_, error);
  if (!made) return fail(error);
  rte_flow_error refused{};
  auto *handle = device_->create_handle(made->actions[0], refused);
  if (handle == nullptr) return fail(sentence_of(refused, made.get()));
  shared_[id] = {std::move(made), handle};
  names_.handles[id] = handle;
  return done();
}

Json Service::destroy_handle(const Json &request) {
  const auto found = request["id"].is_integer(32) ? shared_.find(static_cast<uint32_t>(request["id"].integer())) : shared_.end();
  if (found == shared_.end()) return fail("there is no indirect action " + request["id"].print());
  rte_flow_error refused{};
  if (!device_->destroy_handle(found->second.handle, refused)) return fail(sentence_of(refused, nullptr));
  names_.handles.erase(found->first);
  shared_.erase(found);
  return done();
}

Json Service::create_meter(const Json &request) {
  if (!request["mtr_id"].is_integer(32) || !request["cir"].is_integer(53) || !request["cbs"].is_integer(53)) {
    return fail("a meter has mtr_id, cir in bytes a second and cbs in bytes");
  }
  const MeterProfile meter{static_cast<uint32_t>(request["mtr_id"].integer()), request["cir"].integer(), request["cbs"].integer()};
  rte_flow_error refused{};
  if (!device_->create_meter(meter, refused)) return fail(sentence_of(refused, nullptr));
  meters_[meter.id] = meter;
  return done();
}

Json Service::destroy_meter(const Json &request) {
  rte_flow_error refused{};
  const auto id = static_cast<uint32_t>(request["mtr_id"].integer());
  if (!request["mtr_id"].is_integer(32) || meters_.count(id) == 0) return fail("there is no meter " + request["mtr_id"].print());
  if (!device_->destroy_meter(id, refused)) return fail(sentence_of(refused, nullptr));
  meters_.erase(id);
  return done();
}

// What rules share: actions and meters.
Json Service::handles() const {
  Json indirect = Json::array();
  for (const auto &[id, shared] : shared_) {
    Json one = Json::object();
    one.set("id", id);
    one.set("action", decode_action(shared.action->actions[0], names_));
    indirect.push(std::move(one));
  }
  Json meters = Json::array();
  for (const auto &[id, meter] : meters_) {
    Json one = Json::object();
    one.set("mtr_id", id);
    one.set("cir", meter.cir);
    one.set("cbs", meter.cbs);
    meters.push(std::move(one));
  }
  Json json = Json::object();
  json.set("indirect", std::move(indirect));
  json.set("meters", std::move(meters));
  return json;
}

// What is done to the emulated device itself: frames come in, time goes on, a creation is to fail.
Json Service::receive(const Json &request) {
  if (request["op"].text() == "advance") {
    if (!request["seconds"].is(Json::Kind::number) || request["seconds"].number() < 0) return fail("advance takes seconds, a number");
    emulated_->advance(request["seconds"].number());
    return done();
  }
  if (request["op"].text() == "fail") {
    if (!request["nth"].is_integer(53)) return fail("fail takes nth, a number: 1 is the next creation, 0 is none");
    emulated_->fail_at(request["nth"].integer());
    return done();
  }
  const auto port = names_.port(request["port"].text());
  if (!port) return fail("there is no port " + request["port"].print());
  Json fates = Json::array();
  for (const Json &hex : request["frames"].items()) {
    std::vector<uint8_t> frame;
    if (!bytes_of(hex.text(), frame) || frame.size() > kMostFrame) return fail("a frame is hexadecimal, of at most 65535 bytes");
    const Fate fate = emulated_->receive(*port, request["software"].boolean(), std::move(frame));
    Json outputs = Json::array();
    for (const auto &output : fate.outputs) {
      Json one = Json::object();
      one.set("software", output.software);
      one.set("port", output.port < names_.ports.size() ? names_.ports[output.port].name : std::to_string(output.port));
      one.set("frame", hex_of(output.frame.data(), output.frame.size()));
      outputs.push(std::move(one));
    }
    Json one = Json::object();
    one.set("outputs", std::move(outputs));
    one.set("group", fate.group);
    one.set("missed", fate.missed);
    fates.push(std::move(one));
  }
  Json json = Json::object();
  json.set("fates", std::move(fates));
  return json;
}

}  // namespace lflow
