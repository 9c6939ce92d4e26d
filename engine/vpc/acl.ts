/** ACLs on packets that enter a switch, without connection tracking. */
import type { Origin } from '../origin.ts';
import { insertRow, type Northbound } from '../ovsdb/northbound.ts';

export interface AclPlan {
  priority: number;
  match: string;
  action: 'allow' | 'drop';
}

/** Adds the ACLs of a switch, which has at most one of each priority; returns their UUIDs. */
export function addAcls(nb: Northbound, switchName: string, acls: readonly AclPlan[], origin: Origin): string[] {
  return acls.map((acl) => {
    const columns = { ...acl, direction: 'from-lport' };
    return insertRow(nb, 'ACL', `${switchName} from-lport ${acl.priority}`, columns, origin)._uuid;
  });
}
