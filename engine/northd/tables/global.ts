/** SB_Global, RBAC_Role, RBAC_Permission: what holds for the whole database, ovn-sb(5). */
import { addSouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import type { Topology } from '../topology.ts';
import { maxDatapathKey } from '../tunnel-keys.ts';

/** `northd_internal_version` of OVN 23.03.1: release, schema, and versions of actions and flows. */
const internalVersion = '23.03.1-20.27.0-70.6';

/** The options of the northbound database, and those that ovn-northd chooses. */
export function addGlobal({ nb, options, macPrefix, svcMonitorMac }: Topology, rows: SouthboundRows): void {
  const [global] = nb.NB_Global.values();
  // That one tells chassis what the oldest of them can do, and is there where one cannot.
  const { lb_hairpin_use_ct_mark: _, ...asked } = options;
  addSouthboundRow(rows, 'SB_Global', '', {
    nb_cfg: global?.nb_cfg ?? 0,
    ipsec: global?.ipsec ?? false,
    options: {
      ...asked,
      mac_prefix: macPrefix,
      max_tunid: String(maxDatapathKey),
      northd_internal_version: internalVersion,
      svc_monitor_mac: svcMonitorMac,
    },
  });
}

/** What a chassis may change where its connection has the role `ovn-controller`: by the column that names it. */
interface Permission {
  authorization: string;
  insertDelete: boolean;
  update: string[];
}

const permissions: Readonly<Record<string, Permission>> = {
  BFD: { authorization: '', insertDelete: false, update: ['status'] },
  Chassis: {
    authorization: 'name',
    insertDelete: true,
    update: ['encaps', 'external_ids', 'nb_cfg', 'other_config', 'transport_zones', 'vtep_logical_switches'],
  },
  Chassis_Private: {
    authorization: 'name',
    insertDelete: true,
    update: ['chassis', 'external_ids', 'nb_cfg', 'nb_cfg_timestamp'],
  },
  Controller_Event: {
    authorization: '',
    insertDelete: true,
    update: ['chassis', 'event_info', 'event_type', 'seq_num'],
  },
  Encap: { authorization: 'chassis_name', insertDelete: true, update: ['ip', 'options', 'type'] },
  FDB: { authorization: '', insertDelete: true, update: ['dp_key', 'mac', 'port_key'] },
  IGMP_Group: { authorization: '', insertDelete: true, update: ['address', 'chassis', 'datapath', 'ports'] },
  MAC_Binding: {
    authorization: '',
    insertDelete: true,
    update: ['datapath', 'ip', 'logical_port', 'mac', 'timestamp'],
  },
  Port_Binding: {
    authorization: '',
    insertDelete: false,
    update: ['additional_chassis', 'additional_encap', 'chassis', 'encap', 'options', 'up', 'virtual_parent'],
  },
  Service_Monitor: { authorization: '', insertDelete: false, update: ['status'] },
};

/** The one role that ovn-northd defines. */
export function addRoles(rows: SouthboundRows): void {
  const granted = Object.entries(permissions).map(([table, { authorization, insertDelete, update }]) => {
    const columns = { table, authorization: [authorization], insert_delete: insertDelete, update };
    return [table, addSouthboundRow(rows, 'RBAC_Permission', table, columns)._uuid];
  });
  const role = 'ovn-controller';
  addSouthboundRow(rows, 'RBAC_Role', role, { name: role, permissions: Object.fromEntries(granted) });
}
