/** What the northbound schema 7.0.0 says beyond the types of columns: ovn-nb(5). */
import { northboundRoots } from './northbound.ts';
import type { SchemaFacts } from './schema-json.ts';

export const northboundFacts: SchemaFacts = {
  name: 'OVN_Northbound',
  version: '7.0.0',
  checksum: '94023179 33468',
  roots: northboundRoots,
  indexes: {
    Address_Set: [['name']],
    BFD: [['logical_port', 'dst_ip']],
    Chassis_Template_Var: [['chassis']],
    Connection: [['target']],
    Copp: [['name']],
    Gateway_Chassis: [['name']],
    HA_Chassis_Group: [['name']],
    Load_Balancer_Group: [['name']],
    Logical_Router_Port: [['name']],
    Logical_Switch_Port: [['name']],
    Meter: [['name']],
    Mirror: [['name']],
    Port_Group: [['name']],
    Static_MAC_Binding: [['logical_port', 'ip']],
  },
  maxRows: { NB_Global: 1, SSL: 1 },
  limits: {
    ACL: {
      name: { key: { maxLength: 63 } },
      priority: { key: { min: 0, max: 32767 } },
      direction: { key: ['from-lport', 'to-lport'] },
      action: { key: ['allow', 'allow-related', 'allow-stateless', 'drop', 'reject'] },
      severity: { key: ['alert', 'warning', 'notice', 'info', 'debug'] },
      label: { key: { min: 0, max: 4294967295 } },
    },
    BFD: {
      min_tx: { key: { min: 1 } },
      detect_mult: { key: { min: 1 } },
      status: { key: ['down', 'init', 'up', 'admin_down'] },
    },
    Connection: {
      max_backoff: { key: { min: 1000 } },
      is_connected: { ephemeral: true },
      status: { ephemeral: true },
    },
    Forwarding_Group: {
      child_port: { atLeastOne: true },
    },
    Gateway_Chassis: {
      priority: { key: { min: 0, max: 32767 } },
    },
    HA_Chassis: {
      priority: { key: { min: 0, max: 32767 } },
    },
    Load_Balancer: {
      protocol: { key: ['tcp', 'udp', 'sctp'] },
      selection_fields: { key: ['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'tp_src', 'tp_dst'] },
    },
    Logical_Router_Policy: {
      priority: { key: { min: 0, max: 32767 } },
      action: { key: ['allow', 'drop', 'reroute'] },
    },
    Logical_Router_Port: {
      networks: { atLeastOne: true },
    },
    Logical_Router_Static_Route: {
      policy: { key: ['src-ip', 'dst-ip'] },
    },
    Logical_Switch_Port: {
      tag_request: { key: { min: 0, max: 4095 } },
      tag: { key: { min: 1, max: 4095 } },
    },
    Meter: {
      unit: { key: ['kbps', 'pktps'] },
      bands: { atLeastOne: true },
    },
    Meter_Band: {
      action: { key: ['drop'] },
      rate: { key: { min: 1, max: 4294967295 } },
      burst_size: { key: { min: 0, max: 4294967295 } },
    },
    Mirror: {
      filter: { key: ['from-lport', 'to-lport'] },
      type: { key: ['gre', 'erspan'] },
    },
    NAT: {
      type: { key: ['dnat', 'snat', 'dnat_and_snat'] },
    },
    QoS: {
      priority: { key: { min: 0, max: 32767 } },
      direction: { key: ['from-lport', 'to-lport'] },
      action: { key: ['dscp'], value: { min: 0, max: 63 } },
      bandwidth: { key: ['rate', 'burst'], value: { min: 1, max: 4294967295 } },
    },
  },
};
