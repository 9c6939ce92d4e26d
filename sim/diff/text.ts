/** What differs, for people to read. */
import type { Counterexample, Sent } from '../verdict.ts';
import type { Change, NetworkDiff, PortNote } from './types.ts';

/** So many ports are named in a line. */
const portLimit = 4;

/** Paragraphs: what is the case at all, new and gone ports, then each change with its packet, then what is not known. */
export function diffText(diff: NetworkDiff): string {
  const { ports, changes, doubts } = diff;
  const paragraphs = [
    [headline(diff)],
    ...portParagraphs('New port', ports.new),
    ...portParagraphs('Port that is gone', ports.gone),
    ...changes.map(changeLines),
    ...doubts.map(({ reason, traffic }) => [
      `Not known, because ${reason}:`,
      ...(traffic.length > 0 ? traffic : ['all traffic']).map((line) => `  ${line}`),
    ]),
  ];
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function headline({ verdict, ports, changes, doubts }: NetworkDiff): string {
  if (verdict === 'same')
    return 'NOTHING CHANGED: both networks deliver the same packets of new connections to the same ports.';
  if (verdict === 'unknown') return 'UNKNOWN: nothing that is known has changed, but not everything is known.';
  const count = (kind: Change['kind']): number => changes.filter((one) => one.kind === kind).length;
  const parts = [
    [count('allowed'), 'newly allowed'],
    [count('denied'), 'newly denied'],
    [ports.new.length, ports.new.length === 1 ? 'new port' : 'new ports'],
    [ports.gone.length, ports.gone.length === 1 ? 'port gone' : 'ports gone'],
    [doubts.length, 'not known'],
  ].flatMap(([number, words]) => (number === 0 ? [] : `${number} ${words}`));
  return `CHANGED: ${parts.join(', ')}.`;
}

const portParagraphs = (words: string, ports: readonly PortNote[]): string[][] =>
  ports.length === 0 ? [] : [ports.map(({ name, group }) => `${words}: ${name} on ${group}`)];

const madeWords: Readonly<Record<string, string>> = {
  arp: 'ARP questions and answers',
  dhcp: 'answers to DHCP requests',
  dns: 'answers to DNS questions',
  icmp4: 'ICMP answers',
  icmp6: 'ICMPv6 answers',
  nd_na: 'answers to neighbour solicitations',
  nd_ns: 'neighbour solicitations',
  returned: 'what comes back to its sender',
  tcp_reset: 'TCP resets',
  sctp_abort: 'SCTP aborts',
};

function changeLines({
  kind,
  from,
  to,
  senders,
  receivers,
  traffic,
  forged,
  made,
  sample,
  obstacle,
}: Change): string[] {
  const what = made === undefined ? '' : `: ${madeWords[made] ?? made}, for packets`;
  const outport = 'outport' in sample && sample.outport !== undefined ? `, out by ${sample.outport}` : '';
  return [
    `Newly ${kind}${what} from ${from} to ${to}`,
    ...traffic.map((line) => `  ${line}`),
    ...(forged ? ["  also with source addresses that are not the sender's own"] : []),
    `  in by ${portList(senders)}; out by ${portList(receivers)}`,
    `  for example ${sample.summary}`,
    `    in by ${sample.inport}${outport}`,
    `    ${sample.microflow}`,
    ...knownLines(sample),
    ...(obstacle === undefined ? [] : [`    ${kind === 'allowed' ? 'before' : 'now'}: ${obstacle}`]),
  ];
}

function knownLines(sample: Sent | Counterexample): string[] {
  if (!('replayed' in sample)) return [];
  return [
    ...(sample.neighbors ?? []).map((neighbor) => `    once this neighbour is known: ${neighbor}`),
    ...(sample.replayed.tracer ? [] : [`    the tracer does not agree: ${sample.replayed.why ?? 'it ends elsewhere'}`]),
  ];
}

function portList(names: readonly string[]): string {
  const more = names.length - portLimit;
  return `${names.slice(0, portLimit).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
