/**
 * What ovn-northd writes and the executors read: the OVN southbound database,
 * ovn-sb(5), as plain data.  Tunnel keys, UUIDs and order are functions of the
 * northbound database alone.
 */
import type { Origin } from '../origin.ts';

export type Pipeline = 'ingress' | 'egress';

/** A logical datapath: one logical switch or logical router. */
export interface DatapathBinding {
  uuid: string;
  /** `external_ids:name`: the switch's or router's name, what lflow-list prints. */
  name: string;
  kind: 'switch' | 'router';
  /** 1 to 2^24 - 1: the VNI in a tunnel. */
  tunnelKey: number;
  /** UUID of the northbound Logical_Switch or Logical_Router row. */
  northboundUuid: string;
  externalIds: Record<string, string>;
}

/** A logical port as chassis see it (Port_Binding). */
export interface PortBinding {
  uuid: string;
  logicalPort: string;
  /** UUID of its datapath. */
  datapath: string;
  /** 1 to 32767 within its datapath. */
  tunnelKey: number;
  /** '' for a VIF; patch, l3gateway, chassisredirect, localnet, ... as in ovn-sb(5). */
  type: string;
  /** `MAC IP...` or `unknown`, as northd writes them. */
  mac: string[];
  portSecurity: string[];
  options: Record<string, string>;
  externalIds: Record<string, string>;
  /** UUID of the northbound port row, if one stands behind it. */
  northboundUuid?: string;
  /** Name of the chassis the port is bound to, where that is known. */
  chassis?: string;
}

/** One logical flow of one datapath: what `ovn-sbctl lflow-list` prints as a line. */
export interface LogicalFlow {
  uuid: string;
  /** UUID of its datapath. */
  datapath: string;
  pipeline: Pipeline;
  table: number;
  /** `external_ids:stage-name`, e.g. `ls_in_l2_lkup`. */
  stage: string;
  priority: number;
  match: string;
  actions: string;
  /** `external_ids:source`: the place in northd that writes this flow, e.g. `northd.c:8432`. */
  source: string;
  /**
   * UUID of the northbound row that caused the flow; of a flow read from a
   * southbound database its first 8 digits, which are all that
   * `external_ids:stage-hint` has.
   */
  hint?: string;
  /** CoPP meter, where one applies. */
  controllerMeter?: string;
  /** What the flow is for (`flow_desc`, since OVN 24.03). */
  description?: string;
  /** E.g. `in_out_port`: the port that a match is about. */
  tags?: Record<string, string>;
}

/** A multicast group of a datapath, e.g. `_MC_flood`. */
export interface MulticastGroup {
  uuid: string;
  datapath: string;
  name: string;
  /** 32768 to 65535. */
  tunnelKey: number;
  /** UUIDs of its Port_Bindings. */
  ports: string[];
}

/** A row of DHCP_Options: an option's name, code and type, as `put_dhcp_opts` knows it. */
export interface DhcpOption {
  name: string;
  code: number;
  type: string;
}

/** A learned or static neighbour (MAC_Binding, Static_MAC_Binding). */
export interface MacBinding {
  logicalPort: string;
  ip: string;
  mac: string;
  /** Of a static one: it stands before what was learned; else behind it. */
  overridesLearned?: boolean;
}

/** A learned MAC address on a switch (FDB). */
export interface FdbEntry {
  datapathKey: number;
  portKey: number;
  mac: string;
}

/** A chassis: a node that runs ovn-controller. */
export interface Chassis {
  uuid: string;
  name: string;
  hostname: string;
}

/** A load balancer as chassis see it, for hairpinned traffic. */
export interface LoadBalancer {
  uuid: string;
  name: string;
  /** `IP[:PORT]` to `IP[:PORT],...`. */
  vips: Record<string, string>;
  protocol?: string;
  options: Record<string, string>;
  /** UUIDs of its datapaths. */
  datapaths: string[];
}

/** A row of Service_Monitor: a load balancer's backend that is asked whether it lives. */
export interface ServiceMonitor {
  logicalPort: string;
  ip: string;
  port: number;
  protocol: 'tcp' | 'udp';
  srcMac: string;
  srcIp: string;
  /** `interval`, `timeout`, `success_count`, `failure_count`. */
  options: Record<string, string>;
}

/** A row of IP_Multicast: how a datapath treats IGMP and MLD.  Seconds. */
export interface MulticastSettings {
  /** UUID of the datapath. */
  datapath: string;
  enabled: boolean;
  querier: boolean;
  ethSrc: string;
  ip4Src: string;
  ip6Src: string;
  tableSize?: number;
  idleTimeout?: number;
  queryInterval?: number;
  queryMaxResponse?: number;
}

/** A row of BFD: a session of a router's port. */
export interface BfdSession {
  logicalPort: string;
  dstIp: string;
  srcPort: number;
  discriminator: number;
  /** Milliseconds. */
  minTx: number;
  /** Milliseconds. */
  minRx: number;
  multiplier: number;
  status: string;
}

/** A row of Meter with its band. */
export interface MeterSettings {
  name: string;
  unit: 'kbps' | 'pktps';
  rate: number;
  /** 0 for none. */
  burst: number;
}

/** What chassis know of a port beyond its `PortBinding`. */
export interface PortDetails {
  /** The port of the machine that a nested port stands behind. */
  parent?: string;
  /** VLAN id. */
  tag?: number;
  /** Chassis that may serve it, the most wanted first. */
  chassis?: string[];
}

/** What ovn-controller does besides forwarding packets. */
export interface ControllerServices {
  dns: { datapaths: string[]; records: Record<string, string> }[];
  serviceMonitors: ServiceMonitor[];
  multicast: MulticastSettings[];
  bfd: BfdSession[];
  meters: MeterSettings[];
  /** By switch port: addresses that are announced there, `MAC IP... [is_chassis_resident("PORT")]`. */
  natAddresses: Map<string, string[]>;
  /** By logical port. */
  ports: Map<string, PortDetails>;
}

export interface Southbound {
  datapaths: DatapathBinding[];
  ports: PortBinding[];
  /** By datapath, pipeline and table; within a table by falling priority, then match. */
  flows: LogicalFlow[];
  multicastGroups: MulticastGroup[];
  addressSets: Map<string, string[]>;
  /** Port groups as the match language's `@name` sees them: names of ports. */
  portGroups: Map<string, string[]>;
  dhcpOptions: DhcpOption[];
  dhcpv6Options: DhcpOption[];
  macBindings: MacBinding[];
  staticMacBindings: MacBinding[];
  fdb: FdbEntry[];
  /** Northbound rows' origins by row UUID: a flow's `hint` leads here. */
  origins: Map<string, Origin>;
  /** Known only of a database that chassis have registered with. */
  chassis?: Chassis[];
  /** Template variables (`^NAME`) by the name of their chassis. */
  templates?: Map<string, Record<string, string>>;
  loadBalancers?: LoadBalancer[];
  services?: ControllerServices;
}
