/** DNS records of datapaths, as ovn-controller looks them up: names in lower case, the first row that has one. */
import type { ControllerServices } from '../ovsdb/southbound.ts';

export class NameRecords {
  private readonly byDatapath = new Map<string, Map<string, string>>();

  constructor({ dns }: ControllerServices) {
    for (const { datapaths, records } of dns) {
      for (const datapath of datapaths) {
        const own = this.byDatapath.get(datapath) ?? new Map<string, string>();
        this.byDatapath.set(datapath, own);
        for (const [name, record] of Object.entries(records)) {
          const key = name.toLowerCase();
          if (!own.has(key)) own.set(key, record);
        }
      }
    }
  }

  /** What the rows of a datapath (its UUID) have for a name in lower case. */
  of(datapath: string, name: string): string | undefined {
    return this.byDatapath.get(datapath)?.get(name);
  }
}
