// A test double of DOCA Flow: every call is a line in the file that LFLOW_DOCA_RECORD names, and fails where
// LFLOW_DOCA_FAIL says `FUNCTION:N`, its Nth call.  Entries are answered when they are asked for, as hardware does.
#include "doca_flow.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

struct doca_dev {};
struct doca_flow_cfg {
  doca_flow_entry_process_cb callback;
};
struct doca_flow_port {
  uint16_t id;
};
struct doca_flow_port_cfg {
  uint16_t id;
};
struct doca_flow_pipe {
  std::string name;
};
struct doca_flow_pipe_cfg {
  std::string name;
};
struct doca_flow_pipe_entry {
  void *context;
  bool ages;
};
struct doca_flow_target {};

namespace {

struct Answer {
  doca_flow_pipe_entry *entry;
  doca_flow_entry_op op;
};

doca_flow_entry_process_cb callback;
std::vector<Answer> answers;
std::map<doca_flow_pipe_entry *, bool> entries;
std::map<std::string, int> calls;
doca_flow_target kernel;

doca_error_t call(const std::string &function, const std::string &what = "") {
  if (const char *path = std::getenv("LFLOW_DOCA_RECORD")) {
    if (FILE *file = std::fopen(path, "a")) {
      std::fprintf(file, "%s%s%s\n", function.c_str(), what.empty() ? "" : " ", what.c_str());
      std::fclose(file);
    }
  }
  const char *fail = std::getenv("LFLOW_DOCA_FAIL");
  const bool fails = fail != nullptr && function + ":" + std::to_string(++calls[function]) == fail;
  return fails ? DOCA_ERROR_NO_MEMORY : DOCA_SUCCESS;
}

std::string hex(const void *value, size_t size) {
  std::string text;
  char digits[3];
  for (size_t i = 0; i < size; i++) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<const uint8_t *>(value)[i]);
    text += digits;
  }
  return text;
}

// The members that are not 0, as name=value, and /mask where there is one.
class Members {
 public:
  template <typename T>
  void add(const char *name, const T &value) {
    static const T zero{};
    if (std::memcmp(&value, &zero, sizeof value) != 0) text_ += std::string(" ") + name + "=" + hex(&value, sizeof value);
  }
  template <typename T>
  void add(const char *name, const T &value, const T &mask) {
    static const T zero{};
    if (std::memcmp(&mask, &zero, sizeof mask) == 0) return;
    text_ += std::string(" ") + name + "=" + hex(&value, sizeof value);
    text_ += "/" + hex(&mask, sizeof mask);
  }
  void word(const std::string &text) { text_ += " " + text; }
  const std::string &text() const { return text_; }

 private:
  std::string text_;
};

void show(Members &to, const std::string &where, const doca_flow_header_format &value, const doca_flow_header_format &mask) {
  const auto name = [&where](const char *member) { return where + "." + member; };
  to.add(name("eth.dst").c_str(), value.eth.dst_mac, mask.eth.dst_mac);
  to.add(name("eth.src").c_str(), value.eth.src_mac, mask.eth.src_mac);
  to.add(name("eth.type").c_str(), value.eth.type, mask.eth.type);
  if (value.l2_valid_headers != 0) to.word(name("vlans=") + std::to_string(value.l2_valid_headers));
  to.add(name("vlan").c_str(), value.eth_vlan[0].tci, mask.eth_vlan[0].tci);
  if (value.l3_type == DOCA_FLOW_L3_TYPE_IP4) {
    to.word(name("ip4"));
    to.add("src", value.ip4.src_ip, mask.ip4.src_ip);
    to.add("dst", value.ip4.dst_ip, mask.ip4.dst_ip);
    to.add("proto", value.ip4.next_proto, mask.ip4.next_proto);
    to.add("tos", value.ip4.dscp_ecn, mask.ip4.dscp_ecn);
    to.add("ttl", value.ip4.ttl, mask.ip4.ttl);
  }
  if (value.l3_type == DOCA_FLOW_L3_TYPE_IP6) {
    to.word(name("ip6"));
    to.add("src", value.ip6.src_ip, mask.ip6.src_ip);
    to.add("dst", value.ip6.dst_ip, mask.ip6.dst_ip);
    to.add("proto", value.ip6.next_proto, mask.ip6.next_proto);
    to.add("hop", value.ip6.hop_limit, mask.ip6.hop_limit);
  }
  if (value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_TCP || value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_UDP) {
    to.word(name(value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_TCP ? "tcp" : "udp"));
    to.add("sport", value.udp.l4_port.src_port, mask.udp.l4_port.src_port);
    to.add("dport", value.udp.l4_port.dst_port, mask.udp.l4_port.dst_port);
  }
  if (value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_TCP) to.add("flags", value.tcp.flags, mask.tcp.flags);
  if (value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_ICMP || value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_ICMP6) {
    to.word(name(value.l4_type_ext == DOCA_FLOW_L4_TYPE_EXT_ICMP ? "icmp" : "icmp6"));
    to.add("type", value.icmp.type, mask.icmp.type);
    to.add("code", value.icmp.code, mask.icmp.code);
  }
}

void show(Members &to, const doca_flow_tun &value, const doca_flow_tun &mask) {
  if (value.type == DOCA_FLOW_TUN_VXLAN) {
    to.word("vxlan");
    to.add("vni", value.vxlan_tun_id, mask.vxlan_tun_id);
  }
  if (value.type == DOCA_FLOW_TUN_GENEVE) {
    to.word("geneve");
    to.add("vni", value.geneve.vni, mask.geneve.vni);
    to.add("next", value.geneve.next_proto, mask.geneve.next_proto);
  }
}

void show(Members &to, const doca_flow_meta &value, const doca_flow_meta &mask) {
  to.add("pkt_meta", value.pkt_meta, mask.pkt_meta);
  for (int i = 0; i < 10; i++) to.add(("u32[" + std::to_string(i) + "]").c_str(), value.u32[i], mask.u32[i]);
}

std::string show(const doca_flow_match &value, const doca_flow_match &mask) {
  Members to;
  show(to, value.meta, mask.meta);
  to.add("port_id", value.parser_meta.port_id, mask.parser_meta.port_id);
  to.add("fragmented", value.parser_meta.outer_ip_fragmented, mask.parser_meta.outer_ip_fragmented);
  show(to, "outer", value.outer, mask.outer);
  show(to, value.tun, mask.tun);
  show(to, "inner", value.inner, mask.inner);
  return to.text();
}

std::string show(const doca_flow_actions &value, const doca_flow_actions &mask) {
  Members to;
  if (value.decap_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED) to.word("decap");
  if (value.pop_vlan) to.word("pop_vlan");
  show(to, value.meta, mask.meta);
  show(to, "outer", value.outer, mask.outer);
  if (value.encap_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED) {
    // Of what is put before a packet all counts.
    doca_flow_header_format all;
    doca_flow_tun whole;
    std::memset(static_cast<void *>(&all), 0xff, sizeof all);
    std::memset(static_cast<void *>(&whole), 0xff, sizeof whole);
    to.word("encap");
    show(to, "outer", value.encap_cfg.encap.outer, all);
    show(to, value.encap_cfg.encap.tun, whole);
  }
  return to.text();
}

std::string show(const doca_flow_fwd &fwd) {
  switch (fwd.type) {
    case DOCA_FLOW_FWD_PORT: return " fwd=port:" + std::to_string(fwd.port_id);
    case DOCA_FLOW_FWD_PIPE: return " fwd=pipe:" + fwd.next_pipe->name;
    case DOCA_FLOW_FWD_DROP: return " fwd=drop";
    case DOCA_FLOW_FWD_TARGET: return fwd.target == &kernel ? " fwd=kernel" : " fwd=?";
    default: return " fwd=none";
  }
}

}  // namespace

extern "C" {

const char *doca_error_get_descr(doca_error_t error) { return error == DOCA_SUCCESS ? "Success" : "Memory allocation failure"; }

doca_error_t doca_dpdk_port_as_dev(uint16_t port_id, doca_dev **dev) {
  *dev = new doca_dev;
  return call("doca_dpdk_port_as_dev", std::to_string(port_id));
}
doca_error_t doca_dev_close(doca_dev *dev) {
  delete dev;
  return call("doca_dev_close");
}

doca_error_t doca_flow_cfg_create(doca_flow_cfg **cfg) {
  const auto result = call("doca_flow_cfg_create");
  if (result == DOCA_SUCCESS) *cfg = new doca_flow_cfg{};
  return result;
}
doca_error_t doca_flow_cfg_destroy(doca_flow_cfg *cfg) {
  delete cfg;
  return call("doca_flow_cfg_destroy");
}
doca_error_t doca_flow_cfg_set_pipe_queues(doca_flow_cfg *, uint16_t queues) { return call("doca_flow_cfg_set_pipe_queues", std::to_string(queues)); }
doca_error_t doca_flow_cfg_set_mode_args(doca_flow_cfg *, const char *mode) { return call("doca_flow_cfg_set_mode_args", mode); }
doca_error_t doca_flow_cfg_set_nr_counters(doca_flow_cfg *, uint32_t counters) { return call("doca_flow_cfg_set_nr_counters", std::to_string(counters)); }
doca_error_t doca_flow_cfg_set_cb_entry_process(doca_flow_cfg *cfg, doca_flow_entry_process_cb to) {
  cfg->callback = to;
  return call("doca_flow_cfg_set_cb_entry_process");
}
doca_error_t doca_flow_init(doca_flow_cfg *cfg) {
  callback = cfg->callback;
  return call("doca_flow_init");
}
void doca_flow_destroy() { call("doca_flow_destroy"); }

doca_error_t doca_flow_port_cfg_create(doca_flow_port_cfg **cfg) {
  *cfg = new doca_flow_port_cfg{};
  return call("doca_flow_port_cfg_create");
}
doca_error_t doca_flow_port_cfg_destroy(doca_flow_port_cfg *cfg) {
  delete cfg;
  return call("doca_flow_port_cfg_destroy");
}
doca_error_t doca_flow_port_cfg_set_port_id(doca_flow_port_cfg *cfg, uint16_t id) {
  cfg->id = id;
  return call("doca_flow_port_cfg_set_port_id", std::to_string(id));
}
doca_error_t doca_flow_port_cfg_set_dev(doca_flow_port_cfg *, doca_dev *) { return call("doca_flow_port_cfg_set_dev"); }
doca_error_t doca_flow_port_start(const doca_flow_port_cfg *cfg, doca_flow_port **port) {
  const auto result = call("doca_flow_port_start", std::to_string(cfg->id));
  if (result == DOCA_SUCCESS) *port = new doca_flow_port{cfg->id};
  return result;
}
doca_error_t doca_flow_port_stop(doca_flow_port *port) {
  const auto result = call("doca_flow_port_stop", std::to_string(port->id));
  delete port;
  return result;
}
doca_flow_port *doca_flow_port_switch_get(const doca_flow_port *port) {
  return call("doca_flow_port_switch_get") == DOCA_SUCCESS ? const_cast<doca_flow_port *>(port) : nullptr;
}
void doca_flow_port_pipes_flush(doca_flow_port *) { call("doca_flow_port_pipes_flush"); }
doca_error_t doca_flow_get_target(doca_flow_target_type, doca_flow_target **target) {
  *target = &kernel;
  return call("doca_flow_get_target", "kernel");
}

doca_error_t doca_flow_pipe_cfg_create(doca_flow_pipe_cfg **cfg, doca_flow_port *) {
  *cfg = new doca_flow_pipe_cfg{};
  return call("doca_flow_pipe_cfg_create");
}
doca_error_t doca_flow_pipe_cfg_destroy(doca_flow_pipe_cfg *cfg) {
  delete cfg;
  return call("doca_flow_pipe_cfg_destroy");
}
doca_error_t doca_flow_pipe_cfg_set_name(doca_flow_pipe_cfg *cfg, const char *name) {
  cfg->name = name;
  return call("doca_flow_pipe_cfg_set_name", name);
}
doca_error_t doca_flow_pipe_cfg_set_type(doca_flow_pipe_cfg *, doca_flow_pipe_type type) {
  return call("doca_flow_pipe_cfg_set_type", type == DOCA_FLOW_PIPE_CONTROL ? "control" : "basic");
}
doca_error_t doca_flow_pipe_cfg_set_is_root(doca_flow_pipe_cfg *, bool is_root) { return call("doca_flow_pipe_cfg_set_is_root", is_root ? "yes" : "no"); }
doca_error_t doca_flow_pipe_create(const doca_flow_pipe_cfg *cfg, const doca_flow_fwd *, const doca_flow_fwd *, doca_flow_pipe **pipe) {
  const auto result = call("doca_flow_pipe_create", cfg->name);
  if (result == DOCA_SUCCESS) *pipe = new doca_flow_pipe{cfg->name};
  return result;
}
void doca_flow_pipe_destroy(doca_flow_pipe *pipe) {
  call("doca_flow_pipe_destroy", pipe->name);
  delete pipe;
}

#ifdef LFLOW_DOUBLE_DOCA_32
doca_error_t doca_flow_pipe_control_add_entry(uint16_t, uint32_t priority, doca_flow_pipe *pipe,
                                              const doca_flow_match *match, const doca_flow_match *mask,
                                              const doca_flow_match_condition *, const doca_flow_actions *actions,
                                              const doca_flow_actions *actions_mask, const doca_flow_action_descs *descs,
                                              const doca_flow_monitor *monitor, const doca_flow_fwd *fwd, void *context,
                                              doca_flow_pipe_entry **entry) {
#else
doca_error_t doca_flow_pipe_control_add_entry(uint16_t, doca_flow_pipe *pipe, const doca_flow_match *match,
                                              const doca_flow_match *mask, const doca_flow_match_condition *,
                                              const doca_flow_actions *actions, const doca_flow_actions *actions_mask,
                                              const doca_flow_action_descs *descs, const doca_flow_monitor *monitor,
                                              uint32_t priority, const doca_flow_fwd *fwd, void *context,
                                              doca_flow_pipe_entry **entry) {
#endif
  std::string what = "pipe:" + pipe->name + " priority=" + std::to_string(priority) + " match:" + show(*match, *mask);
  if (actions != nullptr) what += " actions:" + show(*actions, *actions_mask);
  for (int i = 0; descs != nullptr && i < descs->nb_action_desc; i++) {
    what += std::string(" add:") + descs->desc_array[i].field_op.dst.field_string + ":" + std::to_string(descs->desc_array[i].field_op.width);
  }
  if (monitor->counter_type == DOCA_FLOW_RESOURCE_TYPE_NON_SHARED) what += " count";
  if (monitor->aging_enabled) what += " age=" + std::to_string(monitor->aging_sec);
  const auto result = call("doca_flow_pipe_control_add_entry", what + show(*fwd));
  if (result != DOCA_SUCCESS) return result;
  *entry = new doca_flow_pipe_entry{context, monitor->aging_enabled};
  entries[*entry] = true;
  answers.push_back({*entry, DOCA_FLOW_ENTRY_OP_ADD});
  return result;
}

doca_error_t doca_flow_pipe_remove_entry(uint16_t, uint32_t, doca_flow_pipe_entry *entry) {
  const auto result = call("doca_flow_pipe_remove_entry");
  if (result == DOCA_SUCCESS) answers.push_back({entry, DOCA_FLOW_ENTRY_OP_DEL});
  return result;
}

// The second way to fail: the call succeeds, and the entry does not (`hardware:N`).
doca_error_t doca_flow_entries_process(doca_flow_port *, uint16_t, uint64_t, uint32_t) {
  const auto result = call("doca_flow_entries_process");
  std::vector<Answer> now;
  now.swap(answers);
  for (const auto &answer : now) {
    const bool well = call("hardware") == DOCA_SUCCESS;
    callback(answer.entry, 0, well ? DOCA_FLOW_ENTRY_STATUS_SUCCESS : DOCA_FLOW_ENTRY_STATUS_ERROR, answer.op, answer.entry->context);
  }
  return result;
}

doca_error_t doca_flow_resource_query_entry(doca_flow_pipe_entry *, doca_flow_resource_query *query) {
  query->counter = {1500, 3};
  return call("doca_flow_resource_query_entry");
}

int doca_flow_aging_handle(doca_flow_port *, uint16_t, uint64_t, uint64_t) {
  call("doca_flow_aging_handle");
  for (const auto &[entry, there] : entries) {
    if (entry->ages) callback(entry, 0, DOCA_FLOW_ENTRY_STATUS_SUCCESS, DOCA_FLOW_ENTRY_OP_AGED, entry->context);
  }
  return -1;
}

}
