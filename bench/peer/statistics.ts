/** What ovs-vswitchd tells of its work (ovs-vswitchd(8), ovs-appctl(8)), as numbers. */

/** `dpif-netdev/pmd-stats-show`: the sum of the cores that poll. */
export interface PmdStatistics {
  /** That came in by a port. */
  packets: number;
  /** How often one of them was sent around again, behind conntrack for example. */
  recirculations: number;
  /** Passes that were decided by the exact-match cache, and by the megaflows. */
  emc: number;
  megaflow: number;
  /** Passes that ovs-vswitchd had to decide itself, and those that it could not. */
  misses: number;
  lost: number;
  /** Cycles of the time-stamp counter for a packet, without those spent on empty polls. */
  cyclesPerPacket?: number;
}

/** Throws if the text is of no core that polls. */
export function parsePmdStatistics(text: string): PmdStatistics {
  const threads = text.split(/^(?=\S)/m).filter((part) => part.startsWith('pmd thread'));
  if (threads.length === 0) throw new Error(`no core polls the ports: ${text}`);
  const sum = (name: string): number =>
    threads.reduce(
      (total, thread) => total + Number(new RegExp(`^\\s*${name}:\\s*(\\d+)`, 'm').exec(thread)?.[1] ?? 0),
      0,
    );
  const cycles = /avg processing cycles per packet:\s*([\d.]+)/.exec(threads[0] ?? '')?.[1];
  return {
    packets: sum('packets received'),
    recirculations: sum('packet recirculations'),
    emc: sum('emc hits'),
    megaflow: sum('megaflow hits'),
    misses: sum('miss with success upcall'),
    lost: sum('miss with failed upcall'),
    ...(cycles !== undefined && { cyclesPerPacket: Number(cycles) }),
  };
}

/** `dpctl/show -s`: packets that were sent to each port, by the port's name. */
export function parsePortStatistics(text: string): Map<string, number> {
  const parts = text.split(/^\s*port \d+: /m).slice(1);
  return new Map(parts.map((part) => [/^\S+/.exec(part)?.[0] ?? '', Number(/TX packets:(\d+)/.exec(part)?.[1] ?? 0)]));
}

/** `dpctl/dump-flows`: each megaflow in its words, and the packets that it has seen. */
export function parseMegaflows(text: string): { flow: string; packets: number }[] {
  return text
    .split('\n')
    .filter((line) => line.includes(' actions:'))
    .map((flow) => ({ flow, packets: Number(/packets:(\d+)/.exec(flow)?.[1] ?? 0) }));
}
