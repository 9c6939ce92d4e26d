// A test double, not NVIDIA's: declarations of exactly what native/offload/doca uses of DOCA Flow 3 (the setter API), so
// that it compiles and is tested where the SDK is not installed.  The members that are not used are not here, so nothing
// that is built with this file works with the real library.  double.cc records the calls.
#pragma once

#include <cstdint>

extern "C" {

enum doca_error_t { DOCA_SUCCESS = 0, DOCA_ERROR_UNKNOWN = 1, DOCA_ERROR_NOT_SUPPORTED = 2, DOCA_ERROR_NO_MEMORY = 3 };
const char *doca_error_get_descr(doca_error_t error);

struct doca_dev;
doca_error_t doca_dpdk_port_as_dev(uint16_t port_id, doca_dev **dev);
doca_error_t doca_dev_close(doca_dev *dev);

struct doca_flow_cfg;
struct doca_flow_port;
struct doca_flow_port_cfg;
struct doca_flow_pipe;
struct doca_flow_pipe_cfg;
struct doca_flow_pipe_entry;
struct doca_flow_target;

enum doca_flow_entry_status {
  DOCA_FLOW_ENTRY_STATUS_IN_PROCESS,
  DOCA_FLOW_ENTRY_STATUS_SUCCESS,
  DOCA_FLOW_ENTRY_STATUS_ERROR
};
enum doca_flow_entry_op { DOCA_FLOW_ENTRY_OP_ADD, DOCA_FLOW_ENTRY_OP_DEL, DOCA_FLOW_ENTRY_OP_UPD, DOCA_FLOW_ENTRY_OP_AGED };
typedef void (*doca_flow_entry_process_cb)(doca_flow_pipe_entry *, uint16_t, doca_flow_entry_status, doca_flow_entry_op, void *);

enum doca_flow_pipe_type { DOCA_FLOW_PIPE_BASIC, DOCA_FLOW_PIPE_CONTROL };
enum doca_flow_resource_type { DOCA_FLOW_RESOURCE_TYPE_NONE, DOCA_FLOW_RESOURCE_TYPE_SHARED, DOCA_FLOW_RESOURCE_TYPE_NON_SHARED };
enum doca_flow_l3_type { DOCA_FLOW_L3_TYPE_NONE = 0, DOCA_FLOW_L3_TYPE_IP4, DOCA_FLOW_L3_TYPE_IP6 };
enum doca_flow_l4_type_ext {
  DOCA_FLOW_L4_TYPE_EXT_NONE = 0,
  DOCA_FLOW_L4_TYPE_EXT_TCP,
  DOCA_FLOW_L4_TYPE_EXT_UDP,
  DOCA_FLOW_L4_TYPE_EXT_ICMP,
  DOCA_FLOW_L4_TYPE_EXT_ICMP6
};
enum doca_flow_tun_type { DOCA_FLOW_TUN_NONE = 0, DOCA_FLOW_TUN_VXLAN, DOCA_FLOW_TUN_GENEVE };
enum doca_flow_l2_valid_header { DOCA_FLOW_L2_VALID_HEADER_VLAN_0 = 1, DOCA_FLOW_L2_VALID_HEADER_VLAN_1 = 2 };
enum doca_flow_fwd_type { DOCA_FLOW_FWD_NONE, DOCA_FLOW_FWD_PORT, DOCA_FLOW_FWD_PIPE, DOCA_FLOW_FWD_DROP, DOCA_FLOW_FWD_TARGET };
enum doca_flow_target_type { DOCA_FLOW_TARGET_KERNEL };
enum doca_flow_action_type { DOCA_FLOW_ACTION_AUTO, DOCA_FLOW_ACTION_ADD, DOCA_FLOW_ACTION_COPY };

struct doca_flow_meta {
  uint32_t pkt_meta;
  uint32_t u32[10];
};
struct doca_flow_parser_meta {
  uint16_t port_id;
  uint8_t outer_ip_fragmented;
};
struct doca_flow_header_eth {
  uint8_t dst_mac[6];
  uint8_t src_mac[6];
  uint16_t type;
};
struct doca_flow_header_eth_vlan {
  uint16_t tci;
};
struct doca_flow_header_ip4 {
  uint32_t src_ip;
  uint32_t dst_ip;
  uint8_t dscp_ecn;
  uint8_t next_proto;
  uint8_t ttl;
};
struct doca_flow_header_ip6 {
  uint32_t src_ip[4];
  uint32_t dst_ip[4];
  uint8_t traffic_class;
  uint8_t next_proto;
  uint8_t hop_limit;
};
struct doca_flow_header_l4_port {
  uint16_t src_port;
  uint16_t dst_port;
};
struct doca_flow_header_udp {
  doca_flow_header_l4_port l4_port;
};
struct doca_flow_header_tcp {
  doca_flow_header_l4_port l4_port;
  uint8_t flags;
};
struct doca_flow_header_icmp {
  uint8_t type;
  uint8_t code;
  uint16_t ident;
};
struct doca_flow_header_format {
  doca_flow_header_eth eth;
  uint16_t l2_valid_headers;
  doca_flow_header_eth_vlan eth_vlan[2];
  doca_flow_l3_type l3_type;
  union {
    doca_flow_header_ip4 ip4;
    doca_flow_header_ip6 ip6;
  };
  doca_flow_l4_type_ext l4_type_ext;
  union {
    doca_flow_header_icmp icmp;
    doca_flow_header_udp udp;
    doca_flow_header_tcp tcp;
  };
};
struct doca_flow_header_geneve {
  uint16_t next_proto;
  uint32_t vni;
};
struct doca_flow_tun {
  doca_flow_tun_type type;
  union {
    uint32_t vxlan_tun_id;
    doca_flow_header_geneve geneve;
  };
};
struct doca_flow_match {
  doca_flow_meta meta;
  doca_flow_parser_meta parser_meta;
  doca_flow_header_format outer;
  doca_flow_tun tun;
  doca_flow_header_format inner;
};
struct doca_flow_match_condition;
struct doca_flow_encap_action {
  doca_flow_header_format outer;
  doca_flow_tun tun;
};
struct doca_flow_resource_encap_cfg {
  bool is_l2;
  doca_flow_encap_action encap;
};
struct doca_flow_resource_decap_cfg {
  bool is_l2;
};
struct doca_flow_actions {
  doca_flow_resource_type decap_type;
  doca_flow_resource_decap_cfg decap_cfg;
  bool pop_vlan;
  doca_flow_meta meta;
  doca_flow_header_format outer;
  doca_flow_resource_type encap_type;
  doca_flow_resource_encap_cfg encap_cfg;
};
struct doca_flow_desc_field {
  const char *field_string;
  uint32_t bit_offset;
};
struct doca_flow_action_desc {
  doca_flow_action_type type;
  struct {
    doca_flow_desc_field src;
    doca_flow_desc_field dst;
    uint32_t width;
  } field_op;
};
struct doca_flow_action_descs {
  uint8_t nb_action_desc;
  doca_flow_action_desc *desc_array;
};
struct doca_flow_monitor {
  doca_flow_resource_type counter_type;
  bool aging_enabled;
  uint32_t aging_sec;
};
struct doca_flow_fwd {
  doca_flow_fwd_type type;
  union {
    uint16_t port_id;
    doca_flow_pipe *next_pipe;
    doca_flow_target *target;
  };
};
struct doca_flow_resource_query {
  struct {
    uint64_t total_bytes;
    uint64_t total_pkts;
  } counter;
};

doca_error_t doca_flow_cfg_create(doca_flow_cfg **cfg);
doca_error_t doca_flow_cfg_destroy(doca_flow_cfg *cfg);
doca_error_t doca_flow_cfg_set_pipe_queues(doca_flow_cfg *cfg, uint16_t queues);
doca_error_t doca_flow_cfg_set_mode_args(doca_flow_cfg *cfg, const char *mode);
doca_error_t doca_flow_cfg_set_nr_counters(doca_flow_cfg *cfg, uint32_t counters);
doca_error_t doca_flow_cfg_set_cb_entry_process(doca_flow_cfg *cfg, doca_flow_entry_process_cb callback);
doca_error_t doca_flow_init(doca_flow_cfg *cfg);
void doca_flow_destroy();

doca_error_t doca_flow_port_cfg_create(doca_flow_port_cfg **cfg);
doca_error_t doca_flow_port_cfg_destroy(doca_flow_port_cfg *cfg);
doca_error_t doca_flow_port_cfg_set_port_id(doca_flow_port_cfg *cfg, uint16_t id);
doca_error_t doca_flow_port_cfg_set_dev(doca_flow_port_cfg *cfg, doca_dev *dev);
doca_error_t doca_flow_port_start(const doca_flow_port_cfg *cfg, doca_flow_port **port);
doca_error_t doca_flow_port_stop(doca_flow_port *port);
doca_flow_port *doca_flow_port_switch_get(const doca_flow_port *port);
void doca_flow_port_pipes_flush(doca_flow_port *port);
doca_error_t doca_flow_get_target(doca_flow_target_type type, doca_flow_target **target);

doca_error_t doca_flow_pipe_cfg_create(doca_flow_pipe_cfg **cfg, doca_flow_port *port);
doca_error_t doca_flow_pipe_cfg_destroy(doca_flow_pipe_cfg *cfg);
doca_error_t doca_flow_pipe_cfg_set_name(doca_flow_pipe_cfg *cfg, const char *name);
doca_error_t doca_flow_pipe_cfg_set_type(doca_flow_pipe_cfg *cfg, doca_flow_pipe_type type);
doca_error_t doca_flow_pipe_cfg_set_is_root(doca_flow_pipe_cfg *cfg, bool is_root);
doca_error_t doca_flow_pipe_create(const doca_flow_pipe_cfg *cfg, const doca_flow_fwd *fwd, const doca_flow_fwd *miss, doca_flow_pipe **pipe);
void doca_flow_pipe_destroy(doca_flow_pipe *pipe);

// Up to DOCA 3.2 the priority comes behind the queue; the double is built both ways.
#ifdef LFLOW_DOUBLE_DOCA_32
doca_error_t doca_flow_pipe_control_add_entry(uint16_t queue, uint32_t priority, doca_flow_pipe *pipe,
                                              const doca_flow_match *match, const doca_flow_match *mask,
                                              const doca_flow_match_condition *condition, const doca_flow_actions *actions,
                                              const doca_flow_actions *actions_mask, const doca_flow_action_descs *descs,
                                              const doca_flow_monitor *monitor, const doca_flow_fwd *fwd, void *context,
                                              doca_flow_pipe_entry **entry);
#else
doca_error_t doca_flow_pipe_control_add_entry(uint16_t queue, doca_flow_pipe *pipe, const doca_flow_match *match,
                                              const doca_flow_match *mask, const doca_flow_match_condition *condition,
                                              const doca_flow_actions *actions, const doca_flow_actions *actions_mask,
                                              const doca_flow_action_descs *descs, const doca_flow_monitor *monitor,
                                              uint32_t priority, const doca_flow_fwd *fwd, void *context,
                                              doca_flow_pipe_entry **entry);
#endif
doca_error_t doca_flow_pipe_remove_entry(uint16_t queue, uint32_t flags, doca_flow_pipe_entry *entry);
doca_error_t doca_flow_entries_process(doca_flow_port *port, uint16_t queue, uint64_t timeout, uint32_t most);
doca_error_t doca_flow_resource_query_entry(doca_flow_pipe_entry *entry, doca_flow_resource_query *query);
int doca_flow_aging_handle(doca_flow_port *port, uint16_t queue, uint64_t quota, uint64_t most);

}
