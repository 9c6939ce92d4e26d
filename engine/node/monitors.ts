/**
 * Load balancers' backends are asked whether they live (`Service_Monitor`, ovn-sb(5);
 * controller/pinctrl.c, `svc_monitors_run`).
 */
import { parsePortAddresses } from '../northd/addresses.ts';
import type { ServiceMonitor } from '../ovsdb/southbound.ts';
import {
  answersProbe,
  ipBytes,
  type MonitoredService,
  macBytes,
  readServiceAnswer,
  tcpProbe,
  tcpProbeEnd,
  udpProbe,
} from './answer/index.ts';
import { type Asked, type Chassis, portByKey, type Timed } from './chassis.ts';
import { inportOf } from './flow.ts';

/** What is known of a backend. */
export type ServiceStatus = 'online' | 'offline';

interface Monitor {
  row: ServiceMonitor;
  service: MonitoredService;
  state: 'waiting' | 'resting';
  /** When to probe, or when to give up waiting. */
  at: number;
  sequence: number;
  successes: number;
  failures: number;
  status: ServiceStatus | undefined;
}

export class Monitors implements Timed {
  private readonly chassis: Chassis;
  private readonly changed: (row: ServiceMonitor, status: ServiceStatus) => void;
  private readonly monitors = new Map<string, Monitor>();

  /** `changed` is called when a backend comes to life or dies. */
  constructor(chassis: Chassis, changed: (row: ServiceMonitor, status: ServiceStatus) => void) {
    this.chassis = chassis;
    this.changed = changed;
  }

  /** The database or the program is another one. */
  update(): void {
    const seen = new Set<string>();
    for (const row of this.chassis.services.serviceMonitors) {
      const service = this.serviceOf(row);
      if (!service) continue;
      const key = keyOf(row);
      seen.add(key);
      const known = this.monitors.get(key);
      if (known) {
        known.row = row;
        known.service = { ...service, srcPort: known.service.srcPort };
        continue;
      }
      const fresh = { state: 'resting', at: this.chassis.now, sequence: 0, successes: 0, failures: 0 } as const;
      this.monitors.set(key, { ...fresh, row, service, status: undefined });
    }
    for (const key of this.monitors.keys()) if (!seen.has(key)) this.monitors.delete(key);
  }

  due(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.monitors.values()].map(({ at }) => at));
  }

  run(): void {
    for (const monitor of this.monitors.values()) {
      if (monitor.at > this.chassis.now) continue;
      if (monitor.state === 'resting') this.probe(monitor);
      // Silence is bad news of TCP, and good news of UDP.
      else this.judge(monitor, monitor.row.protocol === 'udp');
    }
  }

  /** A backend says something. */
  hear({ frame, flow, datapath }: Asked): void {
    const answer = readServiceAnswer(frame);
    const port = portByKey(datapath, inportOf(flow));
    if (!answer || !port) return;
    for (const monitor of this.monitors.values()) {
      const { row, service, sequence, state } = monitor;
      const isIt =
        row.logicalPort === port.logicalPort &&
        row.protocol === answer.protocol &&
        row.port === answer.port &&
        service.dst.join() === answer.ip.join();
      if (!isIt || state !== 'waiting' || !answersProbe(answer, service.srcPort, sequence)) continue;
      if (answer.protocol === 'udp') {
        this.judge(monitor, false);
      } else if (answer.says !== 'nothing') {
        if (answer.says === 'accepted') this.send(monitor, tcpProbeEnd(service, answer));
        this.judge(monitor, answer.says === 'accepted');
      }
      return;
    }
  }

  private probe(monitor: Monitor): void {
    const { row, service } = monitor;
    if (row.protocol === 'tcp' || service.srcPort === 0) {
      monitor.service = { ...service, srcPort: 1024 + this.chassis.random(0x10000 - 1024) };
    }
    if (row.protocol === 'tcp') monitor.sequence = this.chassis.random(2 ** 32);
    const frame = row.protocol === 'tcp' ? tcpProbe(monitor.service, monitor.sequence) : udpProbe(monitor.service);
    monitor.state = 'waiting';
    monitor.at = this.chassis.now + 1000 * numberOf(row, 'timeout', 3);
    this.send(monitor, frame);
  }

  private send({ row }: Monitor, frame: Uint8Array): void {
    const place = this.chassis.placeOf(row.logicalPort);
    if (place) this.chassis.deliver(place.datapath, place.binding.tunnelKey, frame);
  }

  private judge(monitor: Monitor, isGood: boolean): void {
    const { row } = monitor;
    if (isGood) monitor.successes++;
    else monitor.failures++;
    monitor.state = 'resting';
    monitor.at = this.chassis.now + 1000 * numberOf(row, 'interval', 5);
    const enough = isGood
      ? monitor.successes >= numberOf(row, 'success_count', 1)
      : monitor.failures >= numberOf(row, 'failure_count', 1);
    if (!enough) return;
    if (isGood) monitor.successes = 0;
    else monitor.failures = 0;
    const status = isGood ? 'online' : 'offline';
    if (monitor.status === status) return;
    monitor.status = status;
    this.changed(row, status);
  }

  /** The frames' ends; undefined if the backend's port is not here, or its addresses are none. */
  private serviceOf(row: ServiceMonitor): MonitoredService | undefined {
    const place = this.chassis.placeOf(row.logicalPort);
    if (!place || !this.chassis.program.view.isResident(row.logicalPort)) return undefined;
    const [ethSrc, src, dst] = [macBytes(row.srcMac), ipBytes(row.srcIp), ipBytes(row.ip)];
    const own = place.binding.mac.flatMap((text) => parsePortAddresses(text)?.addresses ?? []);
    const found = own.find(({ ipv4 }) => ipv4.length === 0 || ipv4.some(({ address }) => address === row.ip));
    const ethDst = found && macBytes(found.mac);
    if (!ethSrc || !ethDst || src?.length !== 4 || dst?.length !== 4) return undefined;
    return { ethSrc, ethDst, src, dst, srcPort: 0, dstPort: row.port };
  }
}

const keyOf = ({ logicalPort, ip, port, protocol }: ServiceMonitor): string =>
  `${logicalPort} ${ip} ${port} ${protocol}`;

function numberOf({ options }: ServiceMonitor, name: string, otherwise: number): number {
  const value = Number.parseInt(options[name] ?? '', 10);
  return Number.isNaN(value) || value < 1 ? otherwise : value;
}
