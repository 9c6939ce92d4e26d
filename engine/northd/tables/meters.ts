/** Meter and Meter_Band: how many packets are logged or go to ovn-controller, ovn-sb(5). */
import type { NorthboundRow } from '../../ovsdb/northbound.ts';
import { addSouthboundRow, type SouthboundRows } from '../../ovsdb/southbound-schema.ts';
import { rowsOf, type Topology } from '../topology.ts';

/** The northbound meters, and of a fair one another for each ACL that names it. */
export function addMeters({ nb }: Topology, rows: SouthboundRows): void {
  const meters = new Map<string, NorthboundRow<'Meter'>>();
  for (const meter of nb.Meter.values()) {
    meters.set(meter.name, meter);
    addMeter(meter.name, meter);
  }
  for (const { _uuid, meter: name } of nb.ACL.values()) {
    const meter = meters.get(name ?? '');
    if (meter?.fair) addMeter(`${meter.name}__${_uuid}`, meter);
  }

  function addMeter(name: string, meter: NorthboundRow<'Meter'>): void {
    const bands = rowsOf(nb, 'Meter_Band', meter.bands).map((band) => {
      const { action, rate, burst_size } = band;
      return addSouthboundRow(rows, 'Meter_Band', `${name}\0${band._uuid}`, { action, rate, burst_size })._uuid;
    });
    addSouthboundRow(rows, 'Meter', name, { name, unit: meter.unit, bands });
  }
}
